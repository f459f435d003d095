/** Checks a run of final checkpoints: each proven by its quorum, each naming the one before it. */
import {encodeCheckpoint} from "@catalyze/core/ledger/checkpoint";
import {type FinalCheckpoint, isProven, type ProofContext} from "@catalyze/core/ledger/finality";
import type {Hash} from "@catalyze/core/primitives/id";
import type {ChainCheck} from "./ledgerReport.ts";

/** One row of `ledger checkpoints`. */
export type CheckpointRow = {
  readonly height: bigint;
  readonly epoch: number;
  readonly hash: Hash;
  readonly stateRoot: Hash;
  readonly isLastOfEpoch: boolean;
  readonly signatures: number;
  readonly timeMs: number;
  /** Canonical, without its proof: what is anchored. */
  readonly bytes: Uint8Array;
};

/** `finals` ascend. Stops at the first problem. */
export function checkChain(finals: readonly FinalCheckpoint[], context: ProofContext): ChainCheck {
  let before: FinalCheckpoint | undefined;
  let verified = 0;
  for (const final of finals) {
    const {height, parent} = final.checkpoint;
    if (before !== undefined && height !== before.checkpoint.height + 1n) {
      return {verified, problem: `height ${height} follows ${before.checkpoint.height}`};
    }
    if (before !== undefined && parent !== before.hash) {
      return {verified, problem: `height ${height} names another parent`};
    }
    // The genesis checkpoint is proven by being the genesis.
    if (height > 0n && !isProven(final, context))
      return {verified, problem: `height ${height} lacks its quorum`};
    before = final;
    verified += 1;
  }
  return {verified, problem: undefined};
}

export function checkpointRow({checkpoint, hash, signatures}: FinalCheckpoint): CheckpointRow {
  const {height, epoch, stateRoot, isLastOfEpoch, timeMs} = checkpoint;
  const bytes = encodeCheckpoint(checkpoint);
  return {height, epoch, hash, stateRoot, isLastOfEpoch, signatures: signatures.length, timeMs, bytes};
}
