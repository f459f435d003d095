/**
 * Exposure (amendment 6): a provider says in its own log of a lock that it answers for a value with its
 * executor stake. What all open accepts of an account are worth is never above that stake.
 *
 * An accept reads nothing but its own account, whose stake falls only as its own log asked before: an unstake
 * lowers the limit when it takes its slot (`leaving`), and what a checkpoint then moves lowers it no further.
 * Accepts end when their lock closes or at the height that they name, both at a checkpoint and only to raise
 * the limit. So no op of another cell, and nothing that a checkpoint does, disables one.
 */
import type {LockId} from "../primitives/id.ts";
import {ACCEPTS_MAX, type Accept, type AccountCell} from "./cell.ts";
import type {Op, Payload} from "./op.ts";
import type {LedgerState} from "./state.ts";

type AcceptPayload = Extract<Payload, {kind: "accept"}>;

/** Why an accept cannot apply. One that ends before it begins takes its slot and has no effect. */
export function acceptProblem(
  account: AccountCell,
  accept: AcceptPayload,
  height: bigint,
): "exposure" | undefined {
  const accepts = acceptsAfter(account, accept, height);
  if (accepts === account.accepts) return undefined;
  const isWithin =
    accepts.length <= ACCEPTS_MAX && sumOf(accepts) <= account.staked.executor - account.leaving;
  return isWithin ? undefined : "exposure";
}

/** A lock that is accepted again stands for the higher value, until the later height. */
export function acceptsAfter(
  {accepts}: Pick<AccountCell, "accepts">,
  {lockId, value, untilH}: AcceptPayload,
  height: bigint,
): readonly Accept[] {
  if (untilH <= height) return accepts;
  const known = accepts.find((each) => each.lockId === lockId);
  const next = {
    lockId,
    value: known !== undefined && known.value > value ? known.value : value,
    untilH: known !== undefined && known.untilH > untilH ? known.untilH : untilH,
  };
  const others = accepts.filter((each) => each !== known);
  return [...others, next].sort((left, right) => (left.lockId < right.lockId ? -1 : 1));
}

/** Executor stake that open accepts bind. */
export function acceptedOf({accepts}: Pick<AccountCell, "accepts">): bigint {
  return sumOf(accepts);
}

/** Of locks that closed in this checkpoint, and of those that had closed before their accept came. */
export function releaseAccepts(
  state: LedgerState,
  {closedLocks, applied}: {readonly closedLocks: readonly LockId[]; readonly applied: readonly Op[]},
): void {
  const ends = closedLocks.flatMap((lockId) => {
    const controller = state.lock(lockId)?.spec.controller;
    return controller === undefined ? [] : [{account: controller, lockId}];
  });
  for (const {body} of applied) {
    const {payload, cell: account} = body;
    if (payload.kind !== "accept" || state.lock(payload.lockId)?.isClosed !== true) continue;
    ends.push({account, lockId: payload.lockId});
  }
  for (const {account: id, lockId} of ends) keepAccepts(state, id, (each) => each.lockId !== lockId);
}

/** After stake was taken away: the largest end first, until what is left covers the others. */
export function shedAccepts(state: LedgerState, id: AccountCell["id"]): void {
  const account = state.account(id);
  if (account === undefined) return;
  const byValue = account.accepts.toSorted((left, right) => (left.value > right.value ? -1 : 1));
  let bound = sumOf(byValue);
  const shed = byValue.filter(({value}) => {
    const isTooMuch = bound > account.staked.executor;
    if (isTooMuch) bound -= value;
    return isTooMuch;
  });
  keepAccepts(state, id, (each) => !shed.includes(each));
}

export function keepAccepts(
  state: LedgerState,
  id: AccountCell["id"],
  isKept: (accept: Accept) => boolean,
): void {
  const account = state.account(id);
  const accepts = account?.accepts.filter(isKept);
  if (account === undefined || accepts === undefined || accepts.length === account.accepts.length) return;
  state.put({...account, accepts});
}

function sumOf(accepts: readonly Accept[]): bigint {
  return accepts.reduce((sum, {value}) => sum + value, 0n);
}
