/**
 * The split of a claim (amendment 1): `share_i(c) = floor(c × bps_i / 10000)` of the cumulative amount c,
 * for every leg. A claim that raises c from a to b pays `share_i(b) − share_i(a)`, so one claim of 100
 * and a hundred claims of 1 pay the same and replicas that saw different claims in between agree. What
 * rounding leaves stays in the lock and burns when it closes.
 */
import type {SplitLeg} from "./op.ts";

export const BPS_WHOLE = 10_000;

/** What a leg has been paid in all once the cumulative claim is `cumulative`. */
export function shareOf(leg: SplitLeg, cumulative: bigint): bigint {
  return (cumulative * BigInt(leg.bps)) / BigInt(BPS_WHOLE);
}

/** What each leg gets, in order, when the cumulative claim rises from `before` to `after`. */
export function shareDeltas(split: readonly SplitLeg[], before: bigint, after: bigint): readonly bigint[] {
  return split.map((leg) => shareOf(leg, after) - shareOf(leg, before));
}

/** What all legs together have been paid at `cumulative`; the remainder to it is below one µCTZ a leg. */
export function paidAt(split: readonly SplitLeg[], cumulative: bigint): bigint {
  return split.reduce((sum, leg) => sum + shareOf(leg, cumulative), 0n);
}
