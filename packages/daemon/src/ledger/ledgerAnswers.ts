/** Sync from both sides: the vector that we send, the page that we answer with. */

import {CodedError} from "@catalyze/core/errors/codedError";
import {encodeCell} from "@catalyze/core/ledger/cellCodec";
import type {Head} from "@catalyze/core/ledger/checkpoint";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import {type StoredAfter, storedAfter} from "@catalyze/core/ledger/restoreReplica";
import type {Store} from "@catalyze/core/ports/store";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {CellId, Hash} from "@catalyze/core/primitives/id";
import type {
  CellRequest,
  SyncReply,
  SyncRequest,
  WitnessHead,
} from "@catalyze/proto/gen/catalyze/v1/ledger_pb";
import {LIMITS} from "@catalyze/proto/limits";
import type {LedgerFrameInit} from "./ledgerFrame.ts";
import type {LedgerRequest} from "./ledgerProtocol.ts";

const HEADS_MAX = 64;
const ENTRIES_MAX = 1_024;
const CHECKPOINTS_MAX = 256;
const PENDING_MAX = 64;
/** Room for heads and framing below the frame limit. */
const PAGE_BYTES_MAX = LIMITS.ledgerFrameBytesMax - 64 * 1024;

export class LedgerAnswers {
  readonly #replica: LedgerReplica;
  readonly #store: Store;
  readonly #witnesses: number;

  constructor(replica: LedgerReplica, store: Store, witnesses: number) {
    this.#replica = replica;
    this.#store = store;
    this.#witnesses = witnesses;
  }

  request(): LedgerFrameInit {
    return {
      case: "syncRequest",
      value: {
        heads: this.#heads(),
        checkpointHeight: this.#replica.checkpoint.height,
        entriesMax: ENTRIES_MAX,
      },
    };
  }

  /** Entries and checkpoints taken in so far, as one number. */
  progress(): bigint {
    return this.#replica.heads().reduce((sum, {n}) => sum + n, this.#replica.checkpoint.height);
  }

  /** True when the peer names entries beyond ours. */
  isBehind(reply: SyncReply): boolean {
    const own = new Map(this.#replica.heads().map(({witness, n}) => [witness, n]));
    return reply.heads.some(({witness, n}) => n > (own.get(witness) ?? 0n));
  }

  async answer(request: LedgerRequest): Promise<LedgerFrameInit> {
    return request.case === "syncRequest" ? await this.#page(request.value) : this.#cell(request.value);
  }

  async #page({heads, checkpointHeight, entriesMax}: SyncRequest): Promise<LedgerFrameInit> {
    const theirs = decodeHeads(heads);
    const entriesLimit = Math.min(entriesMax, ENTRIES_MAX);
    const {checkpoints, entries} = await this.#after(theirs, checkpointHeight, entriesLimit);
    const fitting = fit(checkpoints, PAGE_BYTES_MAX);
    const rest = fit(entries, PAGE_BYTES_MAX - fitting.bytes);
    const isCut =
      fitting.items.length < checkpoints.length ||
      rest.items.length < entries.length ||
      entries.length >= entriesLimit ||
      checkpoints.length >= CHECKPOINTS_MAX;
    return {
      case: "syncReply",
      value: {checkpoints: fitting.items, entries: rest.items, heads: this.#heads(), more: isCut},
    };
  }

  async #after(heads: readonly Head[], height: bigint, entriesMax: number): Promise<StoredAfter> {
    const replica = this.#replica;
    if (!replica.holdsAfter(heads, height)) {
      return await storedAfter(
        this.#store,
        {heads, height},
        {witnesses: this.#witnesses, itemsMax: CHECKPOINTS_MAX},
      );
    }
    return {
      checkpoints: replica.checkpointsAfter(height, CHECKPOINTS_MAX),
      entries: replica.entriesAfter(heads, entriesMax),
    };
  }

  #cell({cell}: CellRequest): LedgerFrameInit {
    if (cell.length !== 32) throw new CodedError("DECODE_INVALID", {evidence: {reason: "cell"}});
    const id = toHex(cell) as CellId;
    const {view, checkpoint} = this.#replica;
    const found = view.account(id) ?? view.lock(id);
    const pending = this.#replica.pendingOps().filter((op) => op.body.cell === id);
    return {
      case: "cellReply",
      value: {
        state: found === undefined ? new Uint8Array() : encodeCell(found),
        height: checkpoint.height,
        pendingOps: pending.slice(0, PENDING_MAX).map((op) => op.bytes),
      },
    };
  }

  #heads(): {witness: number; n: bigint; hash: Uint8Array}[] {
    return this.#replica.heads().map(({witness, n, hash}) => ({witness, n, hash: fromHex(hash)}));
  }
}

function decodeHeads(heads: readonly WitnessHead[]): Head[] {
  if (heads.length > HEADS_MAX) throw new CodedError("DECODE_INVALID", {evidence: {heads: heads.length}});
  return heads.map(({witness, n, hash}) => {
    if (hash.length !== 32) throw new CodedError("DECODE_INVALID", {evidence: {reason: "head"}});
    return {witness, n, hash: toHex(hash) as Hash};
  });
}

function fit(items: readonly Uint8Array[], bytesMax: number): {items: Uint8Array[]; bytes: number} {
  const fitting: Uint8Array[] = [];
  let bytes = 0;
  for (const item of items) {
    if (bytes + item.length > bytesMax) break;
    fitting.push(item);
    bytes += item.length + 8;
  }
  return {items: fitting, bytes};
}
