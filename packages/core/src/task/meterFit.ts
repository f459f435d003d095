/**
 * Finds the polynomial of a model's work from measured runs, exactly: powers 0 to 2 of each named size,
 * integer coefficients, confirmed at points that the fit has not seen.
 */
import type {MeterTerm, Sizes} from "./meter.ts";

/** Three values fix powers 0 to 2. */
const VALUES = [1, 2, 3] as const;
/** The far one catches steps, such as ⌊size ÷ 7⌋, that small sizes do not show. */
const CHECK_VALUES = [5, 13] as const;

export type FitGrid = {
  readonly names: readonly string[];
  /** Sizes to measure, in the order that `fitTerms` wants the results. */
  readonly points: readonly Sizes[];
  /** How many of the last points are checks. */
  readonly checks: number;
};

/** Sizes are multiples of `step`: some models run only on multiples of 8, 16 or 32. */
export function fitGrid(names: readonly string[], step: number): FitGrid {
  let points: Record<string, number>[] = [{}];
  for (const name of names) {
    points = points.flatMap((point) => VALUES.map((value) => ({...point, [name]: value * step})));
  }
  // Different in each size, so that swapped sizes show.
  const checks = CHECK_VALUES.map((value) =>
    Object.fromEntries(names.map((name, index) => [name, (value + index) * step])),
  );
  return {names, points: [...points, ...checks], checks: checks.length};
}

/** `undefined` when no such polynomial gives exactly these counts. */
export function fitTerms(
  {names, points, checks}: FitGrid,
  counts: readonly bigint[],
): readonly MeterTerm[] | undefined {
  const first = points[0] ?? {};
  let values: readonly (bigint | undefined)[] = counts.slice(0, -checks);
  for (const name of names) values = solveAxis(values, BigInt(first[name] ?? 1));
  const terms: MeterTerm[] = [];
  for (const [index, coefficient] of values.entries()) {
    if (coefficient === undefined) return undefined;
    if (coefficient !== 0n) terms.push({coefficient: coefficient.toString(), powers: powersAt(names, index)});
  }
  const isConfirmed = points.slice(-checks).every((point, index) => {
    const total = terms.reduce((sum, term) => sum + valueAt(term, point), 0n);
    return total === counts[counts.length - checks + index];
  });
  return isConfirmed ? terms : undefined;
}

/**
 * Solves for the first axis and turns it last, so that one call per name leaves the coefficients in the
 * order of the names again. With values v1, v2, v3 at s, 2s, 3s: Newton's divided differences.
 */
function solveAxis(values: readonly (bigint | undefined)[], step: bigint): readonly (bigint | undefined)[] {
  const stride = values.length / VALUES.length;
  const out: (bigint | undefined)[] = [];
  for (let at = 0; at < stride; at++) {
    const [one, two, three] = [values[at], values[at + stride], values[at + 2 * stride]];
    out.push(...solveThree(one, two, three, step));
  }
  return out;
}

function solveThree(
  one: bigint | undefined,
  two: bigint | undefined,
  three: bigint | undefined,
  step: bigint,
): readonly (bigint | undefined)[] {
  if (one === undefined || two === undefined || three === undefined) return [undefined, undefined, undefined];
  const square = divideExactly(three - 2n * two + one, 2n * step * step);
  if (square === undefined) return [undefined, undefined, undefined];
  const linear = divideExactly(two - one - 3n * step * step * square, step);
  if (linear === undefined) return [undefined, undefined, undefined];
  return [one - linear * step - square * step * step, linear, square];
}

function divideExactly(value: bigint, by: bigint): bigint | undefined {
  return value % by === 0n ? value / by : undefined;
}

function powersAt(names: readonly string[], index: number): Readonly<Record<string, number>> {
  const powers: Record<string, number> = {};
  let rest = index;
  for (const name of [...names].reverse()) {
    const power = rest % VALUES.length;
    rest = Math.floor(rest / VALUES.length);
    if (power > 0) powers[name] = power;
  }
  return powers;
}

function valueAt({coefficient, powers}: MeterTerm, sizes: Sizes): bigint {
  return Object.entries(powers).reduce(
    (product, [name, power]) => product * BigInt(sizes[name] ?? 0) ** BigInt(power),
    BigInt(coefficient),
  );
}
