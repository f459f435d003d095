/**
 * The provider's side of the market (reference/mechanisms A.5): take a task iff it earns at least what an
 * hour of this machine earns anyway (the diet rule of foraging), and ask prices that follow from it. All
 * in µCTZ and seconds; asks and bids are rounded up to whole µCTZ.
 */
import type {Price} from "./price.ts";

export type DietInput = {
  /** What the provider's leg pays. */
  readonly income: number;
  /** Energy, bandwidth, expected loss by slashing. */
  readonly cost: number;
  readonly durationS: number;
  /** θ: own long-run profit a second. */
  readonly profitRate: number;
};

/** (income − cost) / duration ≥ θ, and never at a loss. */
export function isWorthIt({income, cost, durationS, profitRate}: DietInput): boolean {
  const profit = income - cost;
  return profit >= 0 && profit >= profitRate * durationS;
}

/** Over which θ forgets. */
const PROFIT_MEMORY_S = 600;

/** θ after `elapsedS` in which `profit` was earned. */
export function nextProfitRate(profitRate: number, profit: number, elapsedS: number): number {
  if (elapsedS <= 0) return profitRate;
  const weight = 1 - Math.exp(-elapsedS / PROFIT_MEMORY_S);
  return profitRate + weight * (profit / elapsedS - profitRate);
}

const BUSY_FROM = 0.7;
const BUSY_SLOPE = 2;

/** g(u): scarcity raises the price above 70 % utilisation, up to 1.6 times. */
export function scarcity(utilisation: number): number {
  return 1 + BUSY_SLOPE * Math.max(0, Math.min(1, utilisation) - BUSY_FROM);
}

/** The operator's settings: list prices and how far the daemon may move them. */
export type PriceSettings = {
  readonly list: Price;
  /** When true, prices follow utilisation; otherwise the list price stands. */
  readonly isDynamic: boolean;
};

/** The price of the next ask. Never below the list price: the operator's word is a floor. */
export function askPrice({list, isDynamic}: PriceSettings, utilisation: number): Price {
  if (!isDynamic) return list;
  const factor = BigInt(Math.round(scarcity(utilisation) * 1_000));
  const scale = (value: bigint): bigint => (value * factor + 999n) / 1_000n;
  return {unit: list.unit, unitPrice: scale(list.unitPrice), feeMin: scale(list.feeMin)};
}

export type BidInput = {
  /** ρ = c + θτ: what the task must earn. */
  readonly reserve: number;
  /** The lower of the offer's maximum and the best standing ask. */
  readonly ceiling: number;
  /** n̂: how many bid lately. */
  readonly bidders: number;
};

/** b = ρ + (M − ρ) / n̂, or `undefined` when the ceiling is below what it must earn. */
export function bidPrice({reserve, ceiling, bidders}: BidInput): bigint | undefined {
  if (ceiling < reserve) return undefined;
  return BigInt(Math.ceil(reserve + (ceiling - reserve) / Math.max(1, bidders)));
}
