/** That ops and what a checkpoint tells of itself explain what every account has after it. */
import {apply} from "@catalyze/core/ledger/apply";
import {balanceOf, stakeOf} from "@catalyze/core/ledger/cell";
import type {CheckpointStep} from "@catalyze/core/ledger/checkpointStep";
import {closePostings, drawPostings} from "@catalyze/core/ledger/claims";
import type {Posting} from "@catalyze/core/ledger/postings";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {SystemMove} from "@catalyze/core/ledger/systemMoves";
import type {AccountId} from "@catalyze/core/primitives/id";
import {expect} from "vitest";

type Had = {balance: bigint; stake: bigint};

/** Call before the step's state is committed. */
export function expectExplained(
  base: LedgerState,
  {state, applied, moves, checkpoint}: CheckpointStep,
): void {
  const {height} = checkpoint;
  const had = new Map<AccountId, Had>();
  const of = (id: AccountId): Had => {
    const known = had.get(id) ?? {balance: 0n, stake: 0n};
    had.set(id, known);
    return known;
  };
  const units = new Map<string, bigint>();
  const take = (postings: readonly Posting[]) => {
    for (const posting of postings) {
      if (posting.bucket === "account") of(posting.id).balance += posting.amount;
      if (posting.bucket === "stake") of(posting.id).stake += posting.amount;
      if (posting.bucket !== "holding") continue;
      const key = `${posting.id}/${posting.asset}`;
      units.set(key, (units.get(key) ?? 0n) + posting.amount);
    }
  };
  for (const cell of base.accounts())
    Object.assign(of(cell.id), {balance: balanceOf(cell), stake: stakeOf(cell)});
  for (const cell of base.holdings()) units.set(`${cell.account}/${cell.asset}`, balanceOf(cell));
  const fork = base.fork();
  for (const op of applied) take(apply(fork, op, {height}));
  for (const move of moves) {
    take(postingsOf(move, fork, state));
    if (move.kind === "matured" || move.kind === "slash" || move.kind === "forfeit")
      of(move.account).stake -= move.amount;
  }
  for (const cell of state.accounts())
    expect({id: cell.id, balance: balanceOf(cell), stake: stakeOf(cell)}).toEqual({
      id: cell.id,
      ...of(cell.id),
    });
  for (const cell of state.holdings())
    expect(units.get(`${cell.account}/${cell.asset}`) ?? 0n).toBe(balanceOf(cell));
}

function postingsOf(move: SystemMove, before: LedgerState, after: LedgerState): readonly Posting[] {
  switch (move.kind) {
    case "expiry": {
      const [lock, drawn] = [before.lock(move.lockId)!, after.lock(move.lockId)!.drawn];
      return [...drawPostings(lock, {to: drawn, fee: move.fee}), ...closePostings(lock, drawn)];
    }
    case "sale": {
      const {asset, amount} = move.lot;
      return asset === undefined
        ? [{bucket: "account", id: move.to, amount}]
        : [{bucket: "holding", id: move.to, asset, amount}];
    }
    case "fine":
      return [{bucket: "account", id: move.account, amount: -move.amount}];
    case "matured":
    case "payment":
      return [{bucket: "account", id: move.account, amount: move.amount}];
    case "slash":
    case "forfeit":
      return [];
  }
}
