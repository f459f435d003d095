/**
 * The end of an epoch (reference/ledger 5.5), the only subtle rule. At its last height honest witnesses stop
 * voting and seal their logs; the closing checkpoint rests on seals of a quorum. After everything certified
 * in its cut, each cell's log goes on, slot by slot, as long as exactly one op is visible there with at
 * least one vote and is enabled; where several are, the cell is frozen. Then all votes of the epoch are void.
 *
 * Why no certificate is lost: if X is certified, more than 1/3 of the weight voted for it honestly, and the
 * seals leave out less than that; so an honest vote for X is visible. Hence X is applied, or one of several
 * candidates, and never is a rival applied. An honest owner has no rivals, so is never frozen.
 *
 * A free lock ends by the same rule when it expires (`dueCells.ts`): by then nobody honest votes for its claims, and
 * the cut rests on a quorum that has said so.
 *
 * Whether a candidate is enabled is asked of the state before any other cell's candidate: what X spends was
 * certified in the past of its voters, so it is there already. And so the order of cells does not matter.
 */
import {assert} from "../errors/assert.ts";
import type {CellId} from "../primitives/id.ts";
import {apply, enabled, tryApply} from "./apply.ts";
import type {Candidate, Tally} from "./certificates.ts";
import {setFrozen} from "./evidence.ts";
import type {Op} from "./op.ts";
import type {Slot} from "./slotMap.ts";
import type {LedgerState} from "./state.ts";

export type ClosingContext = {
  readonly height: bigint;
  readonly epoch: number;
  /** Height at which freezes of this closing end. */
  readonly frozenUntilH: bigint;
  /** What its owner signed of an op that perhaps nobody honest voted for (`soundCopies.ts`). */
  readonly soundCopy: (candidate: Candidate, state: LedgerState) => Op | undefined;
};

export type Closing = {
  readonly applied: readonly Op[];
  readonly frozen: readonly CellId[];
};

/** `state` has everything certified in the cut; `tally` has the votes in it. Changes `state`. */
export function closeEpoch(state: LedgerState, tally: Tally, context: ClosingContext): Closing {
  const applied: Op[] = [];
  const frozen: CellId[] = [];
  for (const cell of [...tally.cells()].sort()) {
    const line = lineOf(cell, state.fork(), {tally, context});
    applied.push(...line.ops);
    if (line.isContested) frozen.push(cell);
  }
  // Credits of other cells only add, so what was enabled still is.
  for (const op of applied) {
    assert(tryApply(state, op, context).ok, "a candidate of one cell disabled another's");
  }
  for (const cell of frozen) {
    setFrozen(state, cell, {epoch: context.epoch, untilH: context.frozenUntilH});
    const contested = state.logCell(cell);
    if (contested !== undefined) state.addDue(context.frozenUntilH, contested);
  }
  return {applied, frozen};
}

type Visible = {readonly tally: Tally; readonly context: ClosingContext};

export type Line = {readonly ops: readonly Op[]; readonly isContested: boolean};

/** How far one cell's log goes; `ahead` is a state of its own. */
export function lineOf(cell: CellId, ahead: LedgerState, {tally, context}: Visible): Line {
  const ops: Op[] = [];
  for (;;) {
    const seq = (ahead.logCell(cell)?.seq ?? 0n) + 1n;
    const open = openAt({cell, seq}, ahead, {tally, context});
    const [op] = open;
    if (op === undefined || open.length > 1) return {ops, isContested: op !== undefined};
    apply(ahead, op, context);
    ops.push(op);
  }
}

/** What may have been certified there. Two say as much as more do. */
function openAt(slot: Slot, ahead: LedgerState, {tally, context}: Visible): readonly Op[] {
  const open: Op[] = [];
  for (const candidate of inOrder(tally.at(slot.cell, slot.seq))) {
    if (open.length < 2) open.push(...candidateOf(candidate, ahead, context));
  }
  return open;
}

/** The op, in a copy that is sound; nothing when it could not have a certificate. */
function candidateOf(candidate: Candidate, ahead: LedgerState, context: ClosingContext): Op[] {
  if (!enabled(ahead, candidate.op, context).ok) return [];
  const sound = context.soundCopy(candidate, ahead);
  return sound === undefined ? [] : [sound];
}

/** Nodes saw them in orders of their own. */
function inOrder(rivals: readonly Candidate[]): readonly Candidate[] {
  return rivals.length < 2 ? rivals : [...rivals].sort((one, other) => (one.op.id < other.op.id ? -1 : 1));
}
