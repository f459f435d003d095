/**
 * The checkpoint function (reference/ledger 6.3): a pure step from one agreed state to the next. First the
 * certified ops inside the cut, then locks that expired, then the flags; at an epoch end locks that have
 * been closed for a whole epoch leave the state.
 */
import {toHex} from "../primitives/bytes.ts";
import type {Hash, LockId} from "../primitives/id.ts";
import {settleLock} from "./apply.ts";
import type {LockCell} from "./cell.ts";
import {type Checkpoint, checkpointHash, epochOfHeight, type Head, isLastOfEpoch} from "./checkpoint.ts";
import {allowance, type ClaimTerms, controllerShare} from "./claims.ts";
import {type FoldResult, fold} from "./fold.ts";
import type {Op} from "./op.ts";
import type {LedgerParams} from "./params.ts";
import type {LedgerState} from "./state.ts";
import {withdrawalRoot} from "./withdrawals.ts";

export type CheckpointStepInput = {
  /** The parent's state. It stays as it is; the result sits on a fork of it. */
  readonly base: LedgerState;
  readonly parent: Checkpoint;
  readonly heads: readonly Head[];
  readonly timeMs: number;
  /** Certified inside the cut and not yet applied. Others do no harm. */
  readonly certifiedOps: Iterable<Op>;
  /**
   * The claim with the highest cumulative amount that is visible in the cut with at least one vote, on a
   * lock that expires. Its form and its voucher must have been checked (`checkOpForm`).
   */
  readonly expiringClaims: (lock: LockCell) => Op | undefined;
  readonly params: LedgerParams;
};

export type CheckpointStep = {
  /** A fork of `base`: `commit()` it once the checkpoint is final, or drop it. */
  readonly state: LedgerState;
  readonly checkpoint: Checkpoint;
  /** Closed in this step, by a final claim or by expiry. */
  readonly closedLocks: readonly LockId[];
  readonly fold: FoldResult;
};

export function checkpointStep(input: CheckpointStepInput): CheckpointStep {
  const {parent, params} = input;
  const height = parent.height + 1n;
  const state = input.base.fork();
  const folded = fold(state, input.certifiedOps, {height});
  for (const lock of expiredLocks(state, height)) {
    settleLock(state, lock.id, expiryTerms(lock, input.expiringClaims(lock), height), height);
  }
  const closedLocks = [...state.locks()]
    .filter((lock) => lock.isClosed && lock.closedAt === height)
    .map(({id}) => id);
  const isLast = isLastOfEpoch(height, params.checkpointsPerEpoch);
  if (isLast) pruneLocks(state, height - BigInt(params.checkpointsPerEpoch));
  const checkpoint: Checkpoint = {
    network: parent.network,
    epoch: epochOfHeight(height, params.checkpointsPerEpoch),
    height,
    parent: checkpointHash(parent),
    heads: input.heads,
    depositCursor: parent.depositCursor,
    timeMs: input.timeMs,
    stateRoot: toHex(state.tree().root()) as Hash,
    totals: state.totals,
    withdrawalRoot: toHex(withdrawalRoot(state.withdrawals())) as Hash,
    paramsHash: parent.paramsHash,
    isLastOfEpoch: isLast,
    nextCommitteeHash: parent.nextCommitteeHash,
  };
  return {state, checkpoint, closedLocks: closedLocks.sort(), fold: folded};
}

/** Heads of this height carry stamps of at least `expiryH`, so by R6 no honest vote for a claim can follow. */
function expiredLocks(state: LedgerState, height: bigint): readonly LockCell[] {
  const expired = [...state.locks()].filter((lock) => !lock.isClosed && lock.spec.expiryH + 1n <= height);
  return expired.sort((left, right) => (left.id < right.id ? -1 : 1));
}

/** Settles at the visible claim as far as its authority goes; its fee is what the claim can pay of it. */
function expiryTerms(lock: LockCell, op: Op | undefined, height: bigint): ClaimTerms {
  const payload = op?.body.payload;
  if (op === undefined || payload?.kind !== "claim" || op.body.cell !== lock.id) return CLOSE_ONLY;
  const allowed = least(payload.cumulative, allowance(lock.spec, payload.voucher, height), lock.spec.amount);
  if (allowed <= lock.drawn) return CLOSE_ONLY;
  const fee = least(op.body.fee, controllerShare(lock, allowed));
  return {cumulative: allowed, voucher: payload.voucher, isFinal: true, fee};
}

const CLOSE_ONLY: ClaimTerms = {cumulative: 0n, voucher: undefined, isFinal: true, fee: 0n};

function least(...values: readonly bigint[]): bigint {
  return values.reduce((low, value) => (value < low ? value : low));
}

/** A lock's id is the hash of one op that can never apply again, so nothing needs to remember a closed one. */
function pruneLocks(state: LedgerState, closedBefore: bigint): void {
  const old = [...state.locks()].filter((lock) => lock.isClosed && lock.closedAt <= closedBefore);
  for (const {id} of old) state.removeLock(id);
}
