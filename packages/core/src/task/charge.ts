/** What a number of units costs. Prices are µCTZ per `scale` units, see `UNIT_SCALE`. */
import type {Uctz} from "../primitives/amount.ts";

/** Minimum fee + ceil(units × unit price ÷ scale). */
export function chargeOf(units: bigint, unitPrice: bigint, feeMin: bigint, scale: bigint): Uctz {
  return (feeMin + (units * unitPrice + scale - 1n) / scale) as Uctz;
}
