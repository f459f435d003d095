/**
 * What goes into and comes out of the replica, the pure state machine of one ledger node. The shell
 * performs effects in order: everything up to and including the last `store` or `sign` of a batch is on
 * disk before any `broadcast` after it leaves.
 */
import type {ErrorCode} from "../errors/table.ts";
import type {Write} from "../ports/store.ts";
import type {Hash, OpId, PeerId} from "../primitives/id.ts";
import type {Head} from "./checkpoint.ts";
import type {SystemMove} from "./systemMoves.ts";

/** What a node has of a witness's log, and heard from it on its next checkpoint, which is in this epoch. */
export type OwnTestimony = {
  readonly epoch: number;
  readonly head: Head | undefined;
  /** A consensus message. */
  readonly words: Uint8Array;
};

export type ReplicaInput =
  /** An op from our own wallet (`from` undefined) or handed in by a peer. */
  | {readonly kind: "op"; readonly bytes: Uint8Array; readonly from: PeerId | undefined}
  | {readonly kind: "entry"; readonly bytes: Uint8Array; readonly from: PeerId | undefined}
  | {readonly kind: "consensus"; readonly bytes: Uint8Array; readonly from: PeerId | undefined}
  /** A finalized checkpoint with its proof: from sync, for nodes that missed the votes. */
  | {readonly kind: "checkpoint"; readonly bytes: Uint8Array; readonly from: PeerId | undefined}
  /** What a peer has of this witness's log, while that is silent. `seats`: of the peer. `words`: a consensus message. */
  | ({
      readonly kind: "heard";
      readonly seats: readonly number[];
      readonly from: PeerId | undefined;
    } & OwnTestimony)
  | {readonly kind: "tick"};

export type CheckpointSummary = {
  readonly height: bigint;
  readonly epoch: number;
  readonly hash: Hash;
  readonly stateRoot: Hash;
  readonly isLastOfEpoch: boolean;
};

export type Effect =
  | {readonly kind: "store"; readonly writes: readonly Write[]}
  /** Append to the signing table, durably, before anything after it is sent. */
  | {readonly kind: "sign"; readonly record: Uint8Array}
  | {
      readonly kind: "broadcast";
      readonly what: "entry" | "consensus" | "checkpoint";
      readonly bytes: Uint8Array;
    }
  | {readonly kind: "certified"; readonly ops: readonly OpId[]}
  | {
      readonly kind: "checkpointed";
      readonly checkpoint: CheckpointSummary;
      readonly ops: readonly OpId[];
      readonly moves: readonly SystemMove[];
    }
  /**
   * To be put on the ledger by an `evidence` op with these bytes. A certificate: an epoch closed over an op
   * that is certified here and was not in the cut, and its cell is frozen. A fork: of a witness's log.
   */
  | {readonly kind: "evidence"; readonly what: "certificate" | "fork"; readonly proof: Uint8Array}
  /** Something referenced is missing: run a sync with `from`, or with anyone. */
  | {readonly kind: "fetch"; readonly from: PeerId | undefined}
  /** Input that is wrong; `from` pays for it, nothing else changed. */
  | {
      readonly kind: "rejected";
      readonly code: ErrorCode;
      readonly reason: string;
      readonly op: OpId | undefined;
      readonly from: PeerId | undefined;
    }
  /** An invariant broke: this witness has stopped voting. */
  | {readonly kind: "violation"; readonly reason: string};
