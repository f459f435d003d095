/** Draws from the distributions that routing samples; chance comes in through the port. */
import type {Random} from "../ports/random.ts";

/** A loop over chance is bounded: the odds of a hundred refusals are below 10⁻¹⁰⁰. */
const TRIES_MAX = 100;

/** Standard normal (Box–Muller). */
export function sampleNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.float()));
  return radius * Math.cos(2 * Math.PI * random.float());
}

/** Beta(α, β) as a ratio of two gammas. */
export function sampleBeta(
  {alpha, beta}: {readonly alpha: number; readonly beta: number},
  random: Random,
): number {
  const left = sampleGamma(alpha, random);
  const right = sampleGamma(beta, random);
  // Tiny shapes can underflow both: then the mean is as good a draw as any.
  return left + right > 0 ? left / (left + right) : alpha / (alpha + beta);
}

/** A bound of Beta(α, β) by its normal approximation: `deviations` above or below the mean, within [0, 1]. */
export function boundOfBeta(
  {alpha, beta}: {readonly alpha: number; readonly beta: number},
  deviations: number,
): number {
  const total = alpha + beta;
  const deviation = Math.sqrt((alpha * beta) / (total * total * (total + 1)));
  return Math.min(1, Math.max(0, alpha / total + deviations * deviation));
}

/** Marsaglia and Tsang 2000; shapes below 1 are lifted by one and scaled back. */
function sampleGamma(shape: number, random: Random): number {
  if (shape < 1) return sampleGamma(shape + 1, random) * (1 - random.float()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const x = sampleNormal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.float()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
  return d;
}
