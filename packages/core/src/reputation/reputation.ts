/**
 * What this node knows of one peer in one class, from its own experience. It ranks; it never moves money.
 * Refusals for capacity cost seconds, broken promises decay over days, a proven wrong result over months.
 */
import type {UnixMs} from "../primitives/time.ts";
import {
  AVAIL_RULE,
  type Beta,
  CORRECT_RULE,
  decayed,
  emptyBeta,
  meanOf,
  ON_TIME_RULE,
  observe,
  posterior,
} from "./beta.ts";
import {admits, BREAKER_CLOSED, type Breaker, moveBreaker} from "./breaker.ts";
import {LATENCY_EMPTY, type Latency, observeLatency} from "./latency.ts";

/** How long a capacity refusal without its own retry time keeps a peer out of the way. */
export const SOFT_MS = 2_000;
export const SOFT_MS_MAX = 30_000;
/** One proven fraud outweighs ten good results. */
export const FRAUD_WEIGHT = 10;
/** An accepted result that nobody checked says little about its correctness. */
export const UNAUDITED_WEIGHT = 0.1;

export type PeerReputation = {
  readonly avail: Beta;
  readonly correct: Beta;
  readonly onTime: Beta;
  readonly breaker: Breaker;
  readonly latency: Latency;
  /** No capacity until then, by the peer's own word. */
  readonly softUntilMs: UnixMs;
  readonly counts: {
    readonly paid: number;
    readonly soft: number;
    readonly faults: number;
    readonly frauds: number;
  };
};

export type OutcomeEvent =
  /** A call goes out: claims the probe of a half-open breaker. */
  | {readonly kind: "started"}
  /** `weight` = min(1, charge ÷ typical charge of the class): a hundred dust tasks count as one normal one. */
  | {
      readonly kind: "success";
      readonly latencyMs: number;
      readonly weight: number;
      readonly isAudited: boolean;
      readonly isOnTime: boolean;
    }
  | {readonly kind: "soft"; readonly retryAfterMs?: number | undefined}
  | {readonly kind: "fault"; readonly weight: number; readonly isLate: boolean}
  | {readonly kind: "fraud"};

/** A stranger. */
export function newReputation(nowMs: UnixMs): PeerReputation {
  return {
    avail: emptyBeta(nowMs),
    correct: emptyBeta(nowMs),
    onTime: emptyBeta(nowMs),
    breaker: BREAKER_CLOSED,
    latency: LATENCY_EMPTY,
    softUntilMs: 0 as UnixMs,
    counts: {paid: 0, soft: 0, faults: 0, frauds: 0},
  };
}

/** The next state of knowledge. */
export function recordOutcome(state: PeerReputation, event: OutcomeEvent, nowMs: UnixMs): PeerReputation {
  const {counts} = state;
  switch (event.kind) {
    case "started":
      return {...state, breaker: moveBreaker(state.breaker, "started", nowMs)};
    case "success":
      return recordSuccess(state, event, nowMs);
    case "soft": {
      const waitMs = Math.min(SOFT_MS_MAX, Math.max(0, event.retryAfterMs ?? SOFT_MS));
      return {
        ...state,
        softUntilMs: Math.max(state.softUntilMs, nowMs + waitMs) as UnixMs,
        breaker: moveBreaker(state.breaker, "soft", nowMs),
        counts: {...counts, soft: counts.soft + 1},
      };
    }
    case "fault": {
      const failure = clampWeight(event.weight);
      return {
        ...state,
        avail: observe(state.avail, AVAIL_RULE, {failure}, nowMs),
        onTime: event.isLate ? observe(state.onTime, ON_TIME_RULE, {failure}, nowMs) : state.onTime,
        breaker: moveBreaker(state.breaker, "fault", nowMs),
        counts: {...counts, faults: counts.faults + 1},
      };
    }
    case "fraud":
      return {
        ...state,
        correct: observe(state.correct, CORRECT_RULE, {failure: FRAUD_WEIGHT}, nowMs),
        breaker: moveBreaker(state.breaker, "fault", nowMs),
        counts: {...counts, frauds: counts.frauds + 1},
      };
  }
}

/** What a ranking and a person want to know of a peer, now. */
export type Standing = {
  /** Parameters of P(delivers). */
  readonly delivers: {readonly alpha: number; readonly beta: number};
  /** Parameters of P(right | delivered). */
  readonly right: {readonly alpha: number; readonly beta: number};
  readonly admits: "yes" | "probe" | "no";
  readonly breakerFailures: number;
  readonly softUntilMs: UnixMs;
  readonly latency: Latency;
  /** 0 to 100: for people. */
  readonly score: number;
  /** How much own experience stands behind it. */
  readonly observations: number;
};

/** Pseudo-observations from elsewhere (stake, others' paid receipts), already weighted and capped. */
export type Indirect = {readonly alpha: number; readonly beta: number};

/** Own experience first; `indirect` is what the market adds to it. */
export function standingOf(state: PeerReputation, nowMs: UnixMs, indirect?: Indirect): Standing {
  const delivers = posterior(state.avail, AVAIL_RULE, nowMs, indirect);
  const right = posterior(state.correct, CORRECT_RULE, nowMs);
  const onTime = posterior(state.onTime, ON_TIME_RULE, nowMs);
  const own = decayed(state.avail, AVAIL_RULE, nowMs);
  return {
    delivers,
    right,
    admits: admits(state.breaker, nowMs),
    breakerFailures: state.breaker.kind === "closed" ? 0 : state.breaker.failures,
    softUntilMs: state.softUntilMs,
    latency: state.latency,
    score: 100 * meanOf(delivers) * meanOf(right) * meanOf(onTime),
    observations: own.alpha + own.beta,
  };
}

function recordSuccess(
  state: PeerReputation,
  event: Extract<OutcomeEvent, {kind: "success"}>,
  nowMs: UnixMs,
): PeerReputation {
  const weight = clampWeight(event.weight);
  return {
    ...state,
    avail: observe(state.avail, AVAIL_RULE, {success: weight}, nowMs),
    correct: observe(
      state.correct,
      CORRECT_RULE,
      {success: weight * (event.isAudited ? 1 : UNAUDITED_WEIGHT)},
      nowMs,
    ),
    onTime: observe(
      state.onTime,
      ON_TIME_RULE,
      event.isOnTime ? {success: weight} : {failure: weight},
      nowMs,
    ),
    breaker: moveBreaker(state.breaker, "success", nowMs),
    latency: observeLatency(state.latency, event.latencyMs),
    softUntilMs: 0 as UnixMs,
    counts: {...state.counts, paid: state.counts.paid + 1},
  };
}

function clampWeight(weight: number): number {
  return Number.isFinite(weight) ? Math.min(1, Math.max(0, weight)) : 0;
}
