/**
 * The fold (reference/ledger 3.3): applies every op of a certified set that is enabled, until none is.
 * By non-interference the result is the unique greatest fixed point, whatever the order of `ops`.
 */
import {assert} from "../errors/assert.ts";
import type {CellId} from "../primitives/id.ts";
import {finish, type Work} from "../primitives/work.ts";
import {type ApplyContext, enabled, type Refusal, tryApply} from "./apply.ts";
import type {Op} from "./op.ts";
import {lockIdOf} from "./opCodec.ts";
import type {LedgerState} from "./state.ts";

const CREDITS_PER_UNIT = 4;

export type BlockedOp = {readonly op: Op; readonly reason: Refusal};

export type FoldResult = {
  /** In the order in which they were applied: causes before effects. */
  readonly applied: readonly Op[];
  /** Nothing left to do: the slot is taken, or the lock of a claim is closed and gone. */
  readonly moot: readonly BlockedOp[];
  /** Certified, yet not applicable. In the cut of a checkpoint this breaks invariant I5. */
  readonly blocked: readonly BlockedOp[];
};

/** Changes `state`: hand in a fork. */
export function fold(state: LedgerState, ops: Iterable<Op>, context: ApplyContext): FoldResult {
  return finish(folding(state, ops, context));
}

/** The same in pieces. */
export function* folding(state: LedgerState, ops: Iterable<Op>, context: ApplyContext): Work<FoldResult> {
  const waiting = byCell(ops);
  const applied: Op[] = [];
  const queue = [...waiting.keys()];
  const queued = new Set(queue);
  for (let cell = queue.pop(); cell !== undefined; cell = queue.pop()) {
    queued.delete(cell);
    for (const op of applyCell(state, waiting.get(cell) ?? [], context)) {
      applied.push(op);
      const cells = creditedBy(state, op);
      yield 1 + cells.length / CREDITS_PER_UNIT;
      for (const credited of cells) {
        if (credited === cell || queued.has(credited) || !waiting.has(credited)) continue;
        queued.add(credited);
        queue.push(credited);
      }
    }
  }
  return {applied, ...sortOut(state, waiting, context)};
}

/** Each cell's ops, by seq, then by id so that a conflict resolves the same way everywhere; each once. */
function byCell(ops: Iterable<Op>): Map<CellId, Op[]> {
  const cells = new Map<CellId, Op[]>();
  for (const op of ops) {
    const own = cells.get(op.body.cell);
    if (own === undefined) cells.set(op.body.cell, [op]);
    else own.push(op);
  }
  for (const [cell, own] of cells) {
    if (own.length === 1) continue;
    own.sort(bySlot);
    cells.set(
      cell,
      own.filter(({id}, index) => id !== own[index - 1]?.id),
    );
  }
  return cells;
}

function bySlot(left: Op, right: Op): number {
  if (left.body.seq !== right.body.seq) return left.body.seq < right.body.seq ? -1 : 1;
  return left.id < right.id ? -1 : 1;
}

/** Applies a cell's ops as far as they go and leaves in `ops` those that did not apply. */
function applyCell(state: LedgerState, ops: Op[], context: ApplyContext): readonly Op[] {
  const applied: Op[] = [];
  const left: Op[] = [];
  for (const op of ops) {
    if (tryApply(state, op, context).ok) applied.push(op);
    else left.push(op);
  }
  ops.splice(0, ops.length, ...left);
  return applied;
}

/** Cells whose waiting ops may now be enabled. */
function creditedBy(state: LedgerState, op: Op): readonly CellId[] {
  const {payload, cell} = op.body;
  if (payload.kind === "transfer") return payload.outputs.map(({to}) => to);
  if (payload.kind === "open") return payload.locks.map((_, index) => lockIdOf(op.id, index));
  const spec = payload.kind === "claim" ? state.lock(cell)?.spec : undefined;
  if (payload.kind !== "claim" || spec === undefined) return [];
  const targets = [...spec.split.map(({target}) => target), ...(payload.payouts ?? []).map(({to}) => to)];
  return [...targets.flatMap((target) => (target.kind === "cell" ? [target.cell] : [])), spec.refundTo];
}

function sortOut(state: LedgerState, waiting: ReadonlyMap<CellId, readonly Op[]>, context: ApplyContext) {
  const moot: BlockedOp[] = [];
  const blocked: BlockedOp[] = [];
  for (const ops of waiting.values()) {
    for (const op of ops) {
      const answer = enabled(state, op, context);
      assert(!answer.ok, "the fold left an enabled op");
      (isMoot(op, answer.reason) ? moot : blocked).push({op, reason: answer.reason});
    }
  }
  return {moot, blocked};
}

/** An expired lock is settled at the highest visible claim, so claims certified later have nothing to add. */
function isMoot(op: Op, reason: Refusal): boolean {
  if (reason === "seqUsed") return true;
  return op.body.payload.kind === "claim" && (reason === "closed" || reason === "unknownCell");
}
