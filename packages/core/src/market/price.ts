/** A price and what a meter costs at it, in integer µCTZ. */
import type {Uctz} from "../primitives/amount.ts";
import {chargeOf} from "../task/charge.ts";
import {type Manifest, UNIT_SCALE} from "../task/manifest.ts";

export type Unit = Manifest["unit"];

export type Price = {
  readonly unit: Unit;
  /** µCTZ per scale of the unit (10⁹ MAC, 1,000 tokens). */
  readonly unitPrice: bigint;
  /** µCTZ per task. */
  readonly feeMin: bigint;
};

/** Never decreasing in `units`, so the charge for the maximum bounds every charge below it. */
export function chargeAt({unit, unitPrice, feeMin}: Price, units: bigint): Uctz {
  return chargeOf(units, unitPrice, feeMin, UNIT_SCALE[unit]);
}
