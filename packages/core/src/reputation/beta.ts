/** Evidence for and against, halved every half-life: a discounted Beta distribution. */
import type {UnixMs} from "../primitives/time.ts";

export type Beta = {readonly alpha: number; readonly beta: number; readonly atMs: UnixMs};

export type BetaRule = {
  /** What a stranger is believed to be. */
  readonly prior: {readonly alpha: number; readonly beta: number};
  readonly halfLifeAlphaMs: number;
  readonly halfLifeBetaMs: number;
};

const DAY_MS = 86_400_000;

/** Answers at all. Machines come and go: two days. */
export const AVAIL_RULE: BetaRule = {
  prior: {alpha: 2, beta: 1},
  halfLifeAlphaMs: 2 * DAY_MS,
  halfLifeBetaMs: 2 * DAY_MS,
};

/** Answers right. A wrong result is remembered half a year. */
export const CORRECT_RULE: BetaRule = {
  prior: {alpha: 3, beta: 0.2},
  halfLifeAlphaMs: 30 * DAY_MS,
  halfLifeBetaMs: 180 * DAY_MS,
};

/** Answers within its deadline. */
export const ON_TIME_RULE: BetaRule = {
  prior: {alpha: 2, beta: 0.5},
  halfLifeAlphaMs: 7 * DAY_MS,
  halfLifeBetaMs: 7 * DAY_MS,
};

/** No evidence yet. */
export function emptyBeta(nowMs: UnixMs): Beta {
  return {alpha: 0, beta: 0, atMs: nowMs};
}

/** Evidence as it counts now. A clock that went back discounts nothing. */
export function decayed({alpha, beta, atMs}: Beta, rule: BetaRule, nowMs: UnixMs): Beta {
  const elapsedMs = Math.max(0, nowMs - atMs);
  return {
    alpha: alpha * 2 ** (-elapsedMs / rule.halfLifeAlphaMs),
    beta: beta * 2 ** (-elapsedMs / rule.halfLifeBetaMs),
    atMs: Math.max(nowMs, atMs) as UnixMs,
  };
}

/** Adds weighted evidence. */
export function observe(
  beta: Beta,
  rule: BetaRule,
  evidence: {readonly success?: number; readonly failure?: number},
  nowMs: UnixMs,
): Beta {
  const now = decayed(beta, rule, nowMs);
  return {...now, alpha: now.alpha + (evidence.success ?? 0), beta: now.beta + (evidence.failure ?? 0)};
}

/** Parameters of the distribution that routing samples: prior + evidence + what others' receipts add. */
export function posterior(
  beta: Beta,
  rule: BetaRule,
  nowMs: UnixMs,
  indirect: {readonly alpha: number; readonly beta: number} = {alpha: 0, beta: 0},
): {readonly alpha: number; readonly beta: number} {
  const now = decayed(beta, rule, nowMs);
  return {
    alpha: rule.prior.alpha + now.alpha + indirect.alpha,
    beta: rule.prior.beta + now.beta + indirect.beta,
  };
}

export function meanOf({alpha, beta}: {readonly alpha: number; readonly beta: number}): number {
  return alpha / (alpha + beta);
}
