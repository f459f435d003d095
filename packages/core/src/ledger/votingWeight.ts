/**
 * What an account's vote weighs: all that it has staked, and for a witness that serves what the genesis granted
 * it, at the price of a unit of weight, as for its seat. So nobody who stakes a little takes over a network in
 * which nobody else has staked yet.
 */
import type {AccountId} from "../primitives/id.ts";
import {type AccountCell, stakeOf} from "./cell.ts";
import type {LedgerParams} from "./params.ts";
import type {Register} from "./register.ts";
import type {LedgerState} from "./state.ts";

type Pricing = Pick<LedgerParams, "witnessStakeMin">;

/** µCTZ. */
export function votingWeight(
  state: Pick<LedgerState, "account" | "register">,
  id: AccountId,
  params: Pricing,
): bigint {
  const account = state.account(id);
  return (account === undefined ? 0n : stakedBy(account)) + grantedTo(state.register, params, id);
}

/** Of all accounts together. What cools has no vote and counts against a quorum. */
export function votingTotal(
  {totals, register}: Pick<LedgerState, "totals" | "register">,
  params: Pricing,
): bigint {
  return totals.stake + grantedTo(register, params, "all");
}

/** What a proposer may lose: cooling stake is at risk too. */
export function stakeAtRisk(state: Pick<LedgerState, "account">, id: AccountId): bigint {
  const account = state.account(id);
  return account === undefined ? 0n : stakeOf(account);
}

function stakedBy({staked}: AccountCell): bigint {
  return staked.witness + staked.executor + staked.curate;
}

const units = new WeakMap<Register, ReadonlyMap<AccountId | "all", bigint>>();

function grantedTo(register: Register, {witnessStakeMin}: Pricing, id: AccountId | "all"): bigint {
  const known = units.get(register) ?? unitsOf(register);
  units.set(register, known);
  return (known.get(id) ?? 0n) * witnessStakeMin;
}

function unitsOf({seats}: Register): ReadonlyMap<AccountId | "all", bigint> {
  const granted = new Map<AccountId | "all", bigint>();
  for (const seat of seats) {
    if (seat.standing !== "serving") continue;
    for (const id of [seat.account, "all"] as const)
      granted.set(id, (granted.get(id) ?? 0n) + BigInt(seat.granted));
  }
  return granted;
}
