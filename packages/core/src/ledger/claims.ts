/**
 * What a claim moves. The fee comes out of what the claim pays the lock's controller, of a free lock out of the lock
 * (`payouts.ts`); a final claim that raises nothing is free. A final claim closes the lock: `amount − drawn` returns to `refundTo` and the
 * remainder that rounding left of `drawn` burns. Nothing else ever leaves a lock.
 */
import type {LockCell} from "./cell.ts";
import {AWARDED_MAX, joined, type Lanes, owedOf} from "./lanes.ts";
import type {LockSpec, Payload, Payout, SplitTarget, Voucher} from "./op.ts";
import {type PayoutRefusal, payoutProblem} from "./payouts.ts";
import type {Posting} from "./postings.ts";
import {paidAt, shareDeltas} from "./split.ts";

export type Claim = Omit<Extract<Payload, {kind: "claim"}>, "kind">;

export type ClaimRefusal = "closed" | "aboveAmount" | "voucher" | "clock" | "verdicts" | PayoutRefusal;

/** Where a lock stands: its lanes, and what they owe of its amount. */
export type Standing = Lanes & {readonly drawn: bigint};

/** Why the claim cannot apply, whatever time a vote would have to respect; `undefined` when it can. */
export function claimProblem(
  lock: LockCell,
  claim: Claim & {readonly fee: bigint},
  height: bigint,
): ClaimRefusal | undefined {
  if (lock.isClosed) return "closed";
  const {authority, amount} = lock.spec;
  if (claim.cumulative > amount) return "aboveAmount";
  if (authority.kind === "controller") return payoutProblem(lock, authority, claim);
  if (claim.cumulative > lock.paid && claim.cumulative > allowance(lock, claim.voucher, height)) {
    return authority.kind === "clock" ? "clock" : "voucher";
  }
  const {awarded, drawn} = standingAfter(lock, claim);
  if (awarded.length > AWARDED_MAX) return "verdicts";
  if (drawn <= lock.drawn) return claim.isFinal && claim.fee === 0n ? undefined : "nothingToClaim";
  // A claim that pays must carry a fee; how much at least is a rule of form.
  const isFeePaid = claim.fee > 0n && claim.fee <= controllerShare(lock, drawn);
  return isFeePaid ? undefined : "claimFee";
}

/** Where a claim takes the lock, as far as it is allowed. */
export function standingAfter(
  lock: Standing & Pick<LockCell, "spec">,
  claim: Pick<Claim, "cumulative" | "verdict">,
): Standing {
  const lanes = joined(lock, claim);
  const owed = owedOf(lanes);
  return {...lanes, drawn: owed < lock.spec.amount ? owed : lock.spec.amount};
}

/** How far the lock's authority lets `paid` rise at this height. */
export function allowance(
  {spec, endH, expiryH}: Pick<LockCell, "spec" | "endH" | "expiryH">,
  voucher: Voucher | undefined,
  height: bigint,
): bigint {
  if (spec.authority.kind !== "clock") return voucher?.cumulative ?? 0n;
  const {startH, perH} = spec.authority;
  const until = least(height, endH, expiryH);
  return until > startH ? perH * (until - startH) : 0n;
}

/** What rises to the controller when the lock is drawn up to `cumulative`. */
export function controllerShare(lock: Pick<LockCell, "spec" | "drawn">, cumulative: bigint): bigint {
  const deltas = shareDeltas(lock.spec.split, lock.drawn, cumulative);
  return lock.spec.split.reduce((sum, {target}, index) => {
    const isController = target.kind === "cell" && target.cell === lock.spec.controller;
    return isController ? sum + (deltas[index] ?? 0n) : sum;
  }, 0n);
}

export type Draw = {
  /** Cumulative. */
  readonly to: bigint;
  readonly fee: bigint;
  /** Of a free lock. */
  readonly payouts?: readonly Payout[] | undefined;
};

/** Pays every leg up to `cumulative`, then takes the fee from the controller and burns it. */
export function drawPostings(lock: LockCell, {to: cumulative, fee, payouts = []}: Draw): readonly Posting[] {
  if (lock.spec.authority.kind === "controller") return payoutPostings(lock, payouts, fee);
  const postings: Posting[] = [];
  for (const [index, amount] of shareDeltas(lock.spec.split, lock.drawn, cumulative).entries()) {
    const leg = lock.spec.split[index];
    if (leg === undefined || amount === 0n) continue;
    postings.push({bucket: "lock", id: lock.id, amount: -amount}, paidTo(leg.target, amount));
  }
  if (fee > 0n)
    postings.push(
      {bucket: "account", id: lock.spec.controller, amount: -fee},
      {bucket: "burned", amount: fee},
    );
  return postings;
}

function payoutPostings({id}: LockCell, payouts: readonly Payout[], fee: bigint): readonly Posting[] {
  const all: readonly Payout[] = fee > 0n ? [...payouts, {to: {kind: "burn"}, amount: fee}] : payouts;
  return all.flatMap(({to, amount}) => [{bucket: "lock", id, amount: -amount}, paidTo(to, amount)]);
}

/** What has left a lock that stands drawn at `drawn`. */
export function leftBy({authority, split}: LockSpec, drawn: bigint): bigint {
  return authority.kind === "controller" ? drawn : paidAt(split, drawn);
}

/** Empties a lock that stands drawn at `drawn`: the unused rest to `refundTo`, the rounding remainder burns. */
export function closePostings({id, spec}: LockCell, drawn: bigint): readonly Posting[] {
  const refund = spec.amount - drawn;
  const dust = drawn - leftBy(spec, drawn);
  const postings: Posting[] = [];
  if (refund > 0n) {
    postings.push(
      {bucket: "lock", id, amount: -refund},
      {bucket: "account", id: spec.refundTo, amount: refund},
    );
  }
  if (dust > 0n) postings.push({bucket: "lock", id, amount: -dust}, {bucket: "burned", amount: dust});
  return postings;
}

function paidTo(target: SplitTarget, amount: bigint): Posting {
  if (target.kind === "cell") return {bucket: "account", id: target.cell, amount};
  if (target.kind === "pot") return {bucket: "pot", seed: target.seed, amount};
  return {bucket: target.kind === "burn" ? "burned" : "treasury", amount};
}

function least(...heights: readonly bigint[]): bigint {
  return heights.reduce((low, height) => (height < low ? height : low));
}
