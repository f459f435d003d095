/**
 * The checkpoint function (reference/ledger 6.3): a pure step from one agreed state to the next, in a fixed
 * order: the certified ops inside the cut; at the last height of an epoch what closing adds; cells whose
 * height has come; sale locks that match; evidence and the other ordered ops; at an epoch's end, locks that have been closed for a
 * whole epoch leave the state, pots are shared, votes that end are counted, and the stakes of that moment make the next committee.
 */
import {toHex} from "../primitives/bytes.ts";
import type {Hash, LockId} from "../primitives/id.ts";
import {finish, type Work} from "../primitives/work.ts";
import {releaseAccepts} from "./accept.ts";
import type {Tally} from "./certificates.ts";
import {type Checkpoint, checkpointHash, epochOfHeight, type Head, isLastOfEpoch} from "./checkpoint.ts";
import {type Closing, type ClosingContext, closeEpoch, lineOf} from "./closing.ts";
import {type DueContext, settleDue} from "./dueCells.ts";
import {endVoting} from "./endVoting.ts";
import {type FoldResult, folding} from "./fold.ts";
import {lateWindowH} from "./governance.ts";
import {governanceHash} from "./governanceCodec.ts";
import type {Op} from "./op.ts";
import {actOrdered, type OrderedContext} from "./ordered.ts";
import {heightsOf, type LedgerParams} from "./params.ts";
import {sharePots} from "./pots.ts";
import {registerHash} from "./registerCodec.ts";
import {matchSales} from "./sales.ts";
import {type EpochEnd, nextRegister} from "./seating.ts";
import type {LedgerState} from "./state.ts";
import type {SystemMove, Tell} from "./systemMoves.ts";
import {withdrawalRoot} from "./withdrawals.ts";

export type CheckpointStepInput = {
  /** The parent's state. It stays as it is; the result sits on a fork of it. */
  readonly base: LedgerState;
  readonly parent: Checkpoint;
  readonly heads: readonly Head[];
  readonly timeMs: number;
  /** The votes in the cut, for ops that are not yet applied. Others do no harm. */
  readonly tally: Tally;
  /**
   * The claims that are visible in the cut with at least one vote, on a lock that expires. Their form and
   * what they show must have been checked (`checkOpForm`).
   */
  readonly expiringClaims: DueContext["expiringClaims"];
  readonly soundCopy: ClosingContext["soundCopy"];
  readonly prove: OrderedContext["prove"];
  /** In force in its epoch. */
  readonly params: LedgerParams;
};

export type CheckpointStep = {
  /** A fork of `base`: `commit()` it once the checkpoint is final, or drop it. */
  readonly state: LedgerState;
  readonly checkpoint: Checkpoint;
  /** Closed in this step, by a final claim or by expiry. */
  readonly closedLocks: readonly LockId[];
  readonly fold: FoldResult;
  /** Every op applied, causes before effects. */
  readonly applied: readonly Op[];
  /** What the system did on its own, in its order. */
  readonly moves: readonly SystemMove[];
  readonly closing: Closing;
};

const NOTHING_CLOSED: Closing = {applied: [], frozen: []};

export function checkpointStep(input: CheckpointStepInput): CheckpointStep {
  return finish(checkpointWork(input));
}

/** The same in pieces. */
export function* checkpointWork(input: CheckpointStepInput): Work<CheckpointStep> {
  const {parent, params, tally, prove} = input;
  const height = parent.height + 1n;
  const state = input.base.fork();
  const isLast = isLastOfEpoch(height, params.checkpointsPerEpoch);
  const epoch = epochOfHeight(height, params.checkpointsPerEpoch);
  const folded = yield* folding(state, tally.certified(), {height});
  const frozenUntilH = height + heightsOf(params.lateCertificateWindowS, params);
  const context = {height, epoch, frozenUntilH, soundCopy: input.soundCopy};
  const closing = isLast ? closeEpoch(state, tally, context) : NOTHING_CLOSED;
  const moves: SystemMove[] = [];
  const tell: Tell = (move) => moves.push(move);
  const settled = settleDue(state, {
    ...{height, isLastOfEpoch: isLast, opFee: params.opFee, expiringClaims: input.expiringClaims, tell},
    lineOf: (cell, now) => lineOf(cell, now.fork(), {tally, context}),
  });
  matchSales(state, {height, parent: checkpointHash(parent), tell});
  const inLogs = [...folded.applied, ...closing.applied, ...settled];
  const rescued = actOrdered(state, inLogs, {
    height,
    params,
    epoch,
    parent: checkpointHash(parent),
    ...{prove, tell},
  });
  const closedLocks = state
    .changes()
    .cells.flatMap((cell) =>
      cell.kind === "lock" && cell.isClosed && cell.closedAt === height ? [cell.id] : [],
    );
  const applied = [...inLogs, ...rescued];
  releaseAccepts(state, {closedLocks, applied});
  if (isLast) yield* endEpoch(state, {epoch, height, heads: input.heads, params, tell});
  const tree = yield* state.hashedTree();
  const checkpoint: Checkpoint = {
    network: parent.network,
    epoch,
    height,
    parent: checkpointHash(parent),
    heads: input.heads,
    depositCursor: parent.depositCursor,
    timeMs: input.timeMs,
    stateRoot: toHex(tree.root()) as Hash,
    totals: state.totals,
    withdrawalRoot: toHex(withdrawalRoot(state.withdrawals())) as Hash,
    paramsHash: governanceHash(state.governance),
    isLastOfEpoch: isLast,
    nextCommitteeHash: registerHash(state.register),
  };
  return {state, checkpoint, closedLocks: closedLocks.sort(), fold: folded, applied, moves, closing};
}

function* endEpoch(
  state: LedgerState,
  end: Omit<EpochEnd, "stakeOf" | "lateWindowH"> & {readonly tell: Tell},
): Work<void> {
  pruneLocks(state, end.height - BigInt(end.params.checkpointsPerEpoch));
  yield* sharePots(state);
  endVoting(state, end);
  const stakeOf: EpochEnd["stakeOf"] = (account) => state.account(account)?.staked.witness ?? 0n;
  state.putRegister(
    nextRegister(state.register, {...end, stakeOf, lateWindowH: lateWindowH(state.governance)}),
  );
}

/** A lock's id is the hash of one op that can never apply again, so nothing needs to remember a closed one. */
function pruneLocks(state: LedgerState, closedBefore: bigint): void {
  const old = [...state.locks(), ...state.sales()].filter(
    (lock) => lock.isClosed && lock.closedAt <= closedBefore,
  );
  for (const cell of old) state.remove(cell);
}
