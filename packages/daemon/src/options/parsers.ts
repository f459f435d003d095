/** Text of one setting to its value; `undefined` when it is not one. */
import {parseAmount} from "@catalyze/core/primitives/amount";
import type {PriceOption} from "./daemonOptions.ts";

export function parseText(text: string): string | undefined {
  return text === "" ? undefined : text;
}

export function parseSwitch(text: string): boolean | undefined {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  if (/^(false|no|off|0)$/i.test(text)) return false;
  return undefined;
}

export function integerWithin(min: number, max: number): (text: string) => number | undefined {
  return (text) => {
    if (!/^\d{1,15}$/.test(text)) return undefined;
    const value = Number(text);
    return value >= min && value <= max ? value : undefined;
  };
}

/** A share in 1/10,000 (`500`) or in percent (`5%`, `2.25%`). */
export function bpsWithin(min: number, max: number): (text: string) => number | undefined {
  const read = integerWithin(min, max);
  return (text) => {
    const percent = /^(\d{1,3})(?:\.(\d{1,2}))?\s?%$/.exec(text);
    if (percent === null) return read(text);
    return read(String(Number(`${percent[1]}${(percent[2] ?? "").padEnd(2, "0")}`)));
  };
}

export function oneOf<const Choice extends string>(
  choices: readonly Choice[],
): (text: string) => Choice | undefined {
  return (text) => choices.find((choice) => choice === text);
}

const MS_PER = {ms: 1, s: 1000, m: 60_000, h: 3_600_000} as const;

/** `250ms`, `5s`, `2m`, `1h`; whole numbers only. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text.trim());
  if (match?.[1] === undefined) return undefined;
  return Number(match[1]) * MS_PER[match[2] as keyof typeof MS_PER];
}

/** `0.002` (CTZ) or `2000uctz`. */
export function parseMoney(text: string): bigint | undefined {
  return parseAmount(text);
}

/** `<unit price>` or `<unit price>+<minimum fee>`. */
export function parsePrice(text: string): PriceOption | undefined {
  const [unit, fee, ...rest] = text.split("+");
  if (unit === undefined || rest.length > 0) return undefined;
  const unitPriceUctz = parseAmount(unit);
  const feeMinUctz = fee === undefined ? 0n : parseAmount(fee);
  if (unitPriceUctz === undefined || feeMinUctz === undefined) return undefined;
  return {unitPriceUctz, feeMinUctz};
}
