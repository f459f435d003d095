import type {CodedError} from "@catalyze/core/errors/codedError";
import type {CheckpointSummary} from "@catalyze/core/ledger/effects";
import type {Log} from "@catalyze/core/ports/log";
import type {OpId, PeerId} from "@catalyze/core/primitives/id";
import {Listeners} from "./listeners.ts";

/** What the ledger node tells the rest of the node; each is told after the fact is on disk. */
export class LedgerEvents {
  readonly certified: Listeners<[ops: readonly OpId[]]>;
  readonly checkpoint: Listeners<[summary: CheckpointSummary, ops: readonly OpId[]]>;
  /** The last checkpoint of an epoch, in its canonical bytes: what is anchored. */
  readonly epochEnd: Listeners<[checkpoint: Uint8Array, summary: CheckpointSummary]>;
  /** An invariant broke; a witness has stopped voting. */
  readonly violation: Listeners<[reason: string]>;
  /** Why nothing can be written, or `undefined` once it can again. */
  readonly degraded: Listeners<[failure: CodedError | undefined]>;
  /** From a witness; opaque here. */
  readonly anchorSignature: Listeners<[bytes: Uint8Array, from: PeerId]>;

  constructor(log: Log) {
    this.certified = new Listeners(log);
    this.checkpoint = new Listeners(log);
    this.epochEnd = new Listeners(log);
    this.violation = new Listeners(log);
    this.degraded = new Listeners(log);
    this.anchorSignature = new Listeners(log);
  }
}
