/**
 * Free locks (reference/ledger 2.3 and 5.5): bounties, bonds. Who controls one, its judge, says in each claim who is
 * paid how much, and no other authority is asked: the judge's signature is all. So a claim counts where it stands
 * in the lock's log, once, like an op of an account, and `cumulative` is what the lock has drawn after it: payouts
 * and the fee. The fee comes out of the lock, since a payee gets what the judge wrote and a judge has no share. It
 * is at most what the claim pays out, so that no judge burns a lock by fees.
 *
 * A lock without such a judge has its split table, and knows no payouts.
 */
import {descriptorProblem} from "../crypto/accountId.ts";
import {isPublicKeyAllowed} from "../crypto/verifySignature.ts";
import {compareBytes} from "../primitives/bytes.ts";
import type {LockCell} from "./cell.ts";
import type {Authority, LockSpec, Payload, Payout, SplitTarget} from "./op.ts";

type FreeAuthority = Extract<Authority, {kind: "controller"}>;
type Claim = Extract<Payload, {kind: "claim"}>;

export type PayoutRefusal =
  /** It does not say where the lock stands after it. */
  | "cumulative"
  /** Not one of those whom the lock may pay. */
  | "payee"
  | "nothingToClaim"
  | "claimFee";

/** µCTZ. */
export function paidOutBy(payouts: readonly Payout[] = []): bigint {
  return payouts.reduce((sum, {amount}) => sum + amount, 0n);
}

/** Why a claim on a free lock that is open cannot apply. */
export function payoutProblem(
  {drawn}: Pick<LockCell, "drawn">,
  {payees}: FreeAuthority,
  {cumulative, payouts = [], isFinal, fee}: Omit<Claim, "kind"> & {readonly fee: bigint},
): PayoutRefusal | undefined {
  const paid = paidOutBy(payouts);
  if (cumulative !== drawn + paid + fee) return "cumulative";
  if (payees !== undefined && !payouts.every(({to}) => payees.some((each) => isSame(each, to))))
    return "payee";
  if (paid === 0n) return isFinal && fee === 0n ? undefined : "nothingToClaim";
  return fee > 0n && fee <= paid ? undefined : "claimFee";
}

/** What is wrong with the terms of a free lock. */
export function freeProblem(
  {controllerKey, split}: Pick<LockSpec, "controllerKey" | "split">,
  {payees = [], threshold, beside}: FreeAuthority,
): string | undefined {
  if (split.length > 0) return "split";
  if (payees.some((one, index) => payees.slice(0, index).some((other) => isSame(one, other))))
    return "payees";
  if (!beside.every(isPublicKeyAllowed)) return "controllerKey";
  return descriptorProblem(threshold, [controllerKey, ...beside].sort(compareBytes));
}

/** Which keys sign the claims of a lock, and how many of them. */
export function claimSigners({authority, controllerKey}: LockSpec): {
  readonly threshold: number;
  readonly keys: readonly Uint8Array[];
} {
  if (authority.kind !== "controller") return {threshold: 1, keys: [controllerKey]};
  return {threshold: authority.threshold, keys: [controllerKey, ...authority.beside]};
}

function isSame(one: SplitTarget, other: SplitTarget): boolean {
  return nameOf(one) === nameOf(other);
}

function nameOf(target: SplitTarget): string {
  switch (target.kind) {
    case "cell":
      return `cell ${target.cell}`;
    case "pot":
      return `pot ${target.seed}`;
    case "burn":
    case "treasury":
      return target.kind;
  }
}
