/** One measured figure, and what it is held to. */
export type Bar = {
  readonly bar: string;
  readonly value: number;
  readonly unit: string;
  /** Of the limit or of the reference run; `null` for a figure that is only reported. */
  readonly ratio: number | null;
  readonly target: number | null;
  readonly ok: boolean;
};

export type Report = (bar: Bar) => void;

/** A part of a benchmark: its bars come as they are measured. */
export type Part = {
  readonly name: string;
  readonly what: string;
  run(report: Report, say: (line: string) => void): Promise<void>;
};

export type Bench = {readonly what: string; readonly parts: readonly Part[]};

/** Held below a limit: the ratio is value ÷ limit, the target 1. */
export function atMost(bar: string, value: number, limit: number, unit: string): Bar {
  const ratio = value / limit;
  return {bar, value, unit, ratio, target: 1, ok: ratio <= 1};
}

/** A ratio against a reference of the same run, held above a target. */
export function atLeast(
  bar: string,
  {value, unit, ratio}: Pick<Bar, "value" | "unit"> & {ratio: number},
  target: number,
): Bar {
  return {bar, value, unit, ratio, target, ok: ratio >= target};
}

/** Reported only. */
export function figure(bar: string, value: number, unit: string, ratio: number | null = null): Bar {
  return {bar, value, unit, ratio, target: null, ok: true};
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}
