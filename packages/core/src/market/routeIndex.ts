/**
 * The index of a candidate: expected cost of getting the task done by asking it first (reference/mechanisms
 * A.3), in µCTZ:
 *
 *   I = P + v + λ·L + φ·(1 − a)·D + ((1 − r) / r)·(λ·T + c)
 *
 * price, verification, waiting, damage of an undetected wrong result, and the cost of failed attempts.
 * It ranks; no money moves by it, so these are ordinary numbers.
 */
import type {Random} from "../ports/random.ts";
import {quantileMs, typicalMs} from "../reputation/latency.ts";
import type {Standing} from "../reputation/reputation.ts";
import {PPM} from "./quote.ts";
import {boundOfBeta, sampleBeta, sampleNormal} from "./sampling.ts";

/** How uncertain things enter: sampled (explores by itself), by their mean, or by their bad end. */
export type IndexMode = "sample" | "mean" | "critical";

export type IndexPolicy = {
  /** λ: µCTZ that a second of waiting costs. */
  readonly valueOfTime: number;
  /** D as a multiple of the price. */
  readonly damageFactor: number;
  /** c: µCTZ that starting over costs besides the wait. */
  readonly retryCost: number;
  /** T is at most this. */
  readonly deadlineMs: number;
  readonly mode: IndexMode;
};

export type IndexInput = {
  /** Expected charge, in µCTZ. */
  readonly price: bigint;
  readonly auditPpm: number;
  /** What the ask's speed and the way there say; `undefined` when nothing was measured. */
  readonly estimateMs: number | undefined;
  readonly queueMs: number;
  /** `undefined`: own hardware, which we trust. */
  readonly standing: Standing | undefined;
};

export type IndexTerms = {
  readonly index: number;
  readonly payment: number;
  readonly verification: number;
  readonly waiting: number;
  readonly damage: number;
  readonly retries: number;
  /** The draws behind the terms. */
  readonly latencyMs: number;
  readonly delivers: number;
  readonly wrong: number;
};

/** 5 and 95 % of a normal distribution. */
const CRITICAL_DEVIATIONS = 1.645;
/** An ask's own estimate counts as much as two observations. */
const ESTIMATE_WEIGHT = 2;
const OBSERVATIONS_MAX = 20;
/** Nothing known at all: a guess that any measurement replaces. */
const LATENCY_UNKNOWN_MS = 1_000;
/** Before there is a variance of its own. */
const DEVIATION_UNKNOWN = 0.5;
const DELIVERS_MIN = 0.01;
const TIMEOUT_FACTOR = 3;

/** Every term of the index. */
export function indexOf(input: IndexInput, policy: IndexPolicy, random: Random): IndexTerms {
  const {standing} = input;
  const delivers = standing === undefined ? 1 : drawDelivers(standing, policy.mode, random);
  const wrong = standing === undefined ? 0 : drawWrong(standing, policy.mode, random);
  const latencyMs = drawLatency(input, policy.mode, random) + input.queueMs;
  const audit = input.auditPpm / PPM;
  const payment = Number(input.price);
  const p95 = standing === undefined ? undefined : quantileMs(standing.latency, 0.95);
  const timeoutMs = Math.min(policy.deadlineMs, TIMEOUT_FACTOR * (p95 ?? latencyMs));

  const verification = audit * payment;
  const waiting = (policy.valueOfTime * latencyMs) / 1_000;
  const damage = wrong * (1 - audit) * policy.damageFactor * payment;
  const retries = ((1 - delivers) / delivers) * ((policy.valueOfTime * timeoutMs) / 1_000 + policy.retryCost);
  const index = payment + verification + waiting + damage + retries;
  return {index, payment, verification, waiting, damage, retries, latencyMs, delivers, wrong};
}

function drawDelivers({delivers}: Standing, mode: IndexMode, random: Random): number {
  const value =
    mode === "sample"
      ? sampleBeta(delivers, random)
      : boundOfBeta(delivers, mode === "mean" ? 0 : -CRITICAL_DEVIATIONS);
  return Math.max(DELIVERS_MIN, value);
}

function drawWrong({right}: Standing, mode: IndexMode, random: Random): number {
  if (mode === "sample") return 1 - sampleBeta(right, random);
  return 1 - boundOfBeta(right, mode === "mean" ? 0 : -CRITICAL_DEVIATIONS);
}

/** Log-normal around a blend of what the ask says and what was observed; narrower with experience. */
function drawLatency({estimateMs, standing}: IndexInput, mode: IndexMode, random: Random): number {
  const observedMs = standing === undefined ? undefined : typicalMs(standing.latency);
  const observations = Math.min(OBSERVATIONS_MAX, standing?.latency.count ?? 0);
  const typical = blend(estimateMs, observedMs, observations);
  if (mode === "mean" || standing === undefined) return typical;
  const spread = observations > 1 ? Math.sqrt(standing.latency.varianceLog) : DEVIATION_UNKNOWN;
  const deviation = spread / Math.sqrt(1 + observations);
  return typical * Math.exp(deviation * (mode === "critical" ? CRITICAL_DEVIATIONS : sampleNormal(random)));
}

function blend(estimateMs: number | undefined, observedMs: number | undefined, observations: number): number {
  if (estimateMs === undefined) return observedMs ?? LATENCY_UNKNOWN_MS;
  if (observedMs === undefined) return estimateMs;
  const weighted = ESTIMATE_WEIGHT * Math.log(Math.max(1, estimateMs)) + observations * Math.log(observedMs);
  return Math.exp(weighted / (ESTIMATE_WEIGHT + observations));
}
