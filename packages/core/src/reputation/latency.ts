/**
 * How long a peer takes, from a few numbers: an exponential average of the logarithm and its variance (times
 * are log-normal), and a histogram of powers of √2 for quantiles.
 */
/** Weight of the newest observation: about the last ten count. */
const EWMA_WEIGHT = 0.2;
/** Halves of powers of two, 1 ms to 2^20 ms ≈ 17 minutes. */
export const LATENCY_BUCKETS = 41;
/** The histogram is halved here, so that it follows change. */
const HISTOGRAM_COUNT_MAX = 200;

export type Latency = {
  readonly count: number;
  readonly meanLog: number;
  readonly varianceLog: number;
  /** Sparse: bucket and count, ascending. */
  readonly histogram: readonly (readonly [bucket: number, count: number])[];
};

export const LATENCY_EMPTY: Latency = {count: 0, meanLog: 0, varianceLog: 0, histogram: []};

export function observeLatency(latency: Latency, ms: number): Latency {
  const value = Math.log(Math.max(1, ms));
  const bucket = Math.min(LATENCY_BUCKETS - 1, Math.max(0, Math.round(2 * Math.log2(Math.max(1, ms)))));
  const counts = new Map(latency.histogram);
  counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const scale = total > HISTOGRAM_COUNT_MAX ? 0.5 : 1;
  const histogram = [...counts]
    .map(([index, count]) => [index, Math.floor(count * scale)] as const)
    .filter(([, count]) => count > 0)
    .sort(([left], [right]) => left - right);
  if (latency.count === 0) return {count: 1, meanLog: value, varianceLog: 0, histogram};
  const difference = value - latency.meanLog;
  return {
    count: latency.count + 1,
    meanLog: latency.meanLog + EWMA_WEIGHT * difference,
    varianceLog: (1 - EWMA_WEIGHT) * (latency.varianceLog + EWMA_WEIGHT * difference * difference),
    histogram,
  };
}

/** Median estimate, or `undefined` before the first observation. */
export function typicalMs(latency: Latency): number | undefined {
  return latency.count === 0 ? undefined : Math.exp(latency.meanLog);
}

/** Upper edge of the bucket in which the quantile lies: within 42 % above it. */
export function quantileMs({histogram}: Latency, quantile: number): number | undefined {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  let left = total * quantile;
  for (const [bucket, count] of histogram) {
    left -= count;
    if (left <= 0) return 2 ** ((bucket + 0.5) / 2);
  }
  return undefined;
}
