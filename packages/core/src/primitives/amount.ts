/** Money: integer µCTZ as `bigint`. 1 CTZ = 1,000,000 µCTZ; u64 on the wire. */
import type {Brand} from "./brand.ts";

export type Uctz = Brand<bigint, "Uctz">;

export const UCTZ_PER_CTZ = 1_000_000n;
export const U64_MAX = (1n << 64n) - 1n;
export const ZERO = 0n as Uctz;

/** `undefined` unless `value` fits u64. */
export function toUctz(value: bigint): Uctz | undefined {
  return value >= 0n && value <= U64_MAX ? (value as Uctz) : undefined;
}

/**
 * Reads what a person types: `1.5` or `1.5CTZ` is CTZ, `1500uctz` or `1500µCTZ` is µCTZ.
 * `undefined` for anything else, for more than six decimals, and past u64.
 */
export function parseAmount(text: string): Uctz | undefined {
  const micro = /^(\d{1,20})\s*(?:u|µ|μ)ctz$/i.exec(text.trim());
  if (micro?.[1] !== undefined) return toUctz(BigInt(micro[1]));
  const whole = /^(\d{1,14})(?:\.(\d{1,6}))?\s*(?:ctz)?$/i.exec(text.trim());
  if (whole?.[1] === undefined) return undefined;
  return toUctz(BigInt(whole[1]) * UCTZ_PER_CTZ + BigInt((whole[2] ?? "").padEnd(6, "0")));
}

/** `1234567n` → `1.234567 CTZ`; trailing zeros go, the unit stays. */
export function formatCtz(amount: bigint): string {
  const sign = amount < 0n ? "-" : "";
  const positive = amount < 0n ? -amount : amount;
  const fraction = (positive % UCTZ_PER_CTZ).toString().padStart(6, "0").replace(/0+$/, "");
  const whole = (positive / UCTZ_PER_CTZ).toString();
  return `${sign}${whole}${fraction === "" ? "" : `.${fraction}`} CTZ`;
}
