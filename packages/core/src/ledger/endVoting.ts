/** The end of an epoch for votes: those that end are counted, deposits burn, and what is due leaves the treasury. */
import type {AccountId} from "../primitives/id.ts";
import {shedAccepts} from "./accept.ts";
import type {DuePayment} from "./governance.ts";
import {endVotes} from "./governing.ts";
import type {StakeKind} from "./op.ts";
import type {LedgerParams} from "./params.ts";
import {type Posting, post} from "./postings.ts";
import type {LedgerState} from "./state.ts";
import type {Tell} from "./systemMoves.ts";
import {votingTotal, votingWeight} from "./votingWeight.ts";

export type VotingMoment = {
  readonly epoch: number;
  readonly height: bigint;
  readonly params: LedgerParams;
  readonly tell: Tell;
};

export function endVoting(state: LedgerState, {epoch, height, params, tell}: VotingMoment): void {
  const weightOf = (account: AccountId) => votingWeight(state, account, params);
  const total = votingTotal(state, params);
  const {governance, payments, lost} = endVotes(state.governance, {weightOf, total, epoch, height});
  state.putGovernance(governance);
  for (const payment of payments) pay(state, payment, tell);
  for (const each of lost) burnStake(state, each, tell);
}

/** As much as the treasury has, up to what was agreed. */
function pay(state: LedgerState, {to, amount}: DuePayment, tell: Tell): void {
  const {treasury} = state.totals;
  const paid = amount < treasury ? amount : treasury;
  if (paid === 0n) return;
  post(state, [
    {bucket: "treasury", amount: -paid},
    {bucket: "account", id: to, amount: paid},
  ]);
  tell({kind: "payment", account: to, amount: paid});
}

const KINDS: readonly StakeKind[] = ["witness", "executor", "curate"];

type Lost = {readonly account: AccountId; readonly amount: bigint};

/** Whatever its kind, then what cools: neither unstaking nor accepts are a way out. Less where a slash came first. */
function burnStake(state: LedgerState, {account: id, amount}: Lost, tell: Tell): void {
  const account = state.account(id);
  if (account === undefined) return;
  const parts = [
    ...KINDS.map((stake) => ({posting: {bucket: "stake", id, stake} as const, held: account.staked[stake]})),
    ...account.cooling.map(({stake, matureH, amount: held}) => ({
      posting: {bucket: "cooling", id, cooling: {stake, matureH}} as const,
      held,
    })),
  ];
  const postings: Posting[] = [];
  let left = amount;
  for (const {posting, held} of parts) {
    const taken = held < left ? held : left;
    left -= taken;
    if (taken > 0n) postings.push({...posting, amount: -taken});
  }
  post(state, [...postings, {bucket: "burned", amount: amount - left}]);
  if (amount > left) tell({kind: "forfeit", account: id, amount: amount - left});
  shedAccepts(state, id);
}
