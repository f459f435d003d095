import {CodedError} from "@catalyze/core/errors/codedError";
import {ERRORS, type ErrorCode} from "@catalyze/core/errors/table";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {AVAIL_RULE, decayed, emptyBeta, meanOf, observe, posterior} from "@catalyze/core/reputation/beta";
import {
  admits,
  BREAKER_CLOSED,
  BREAKER_OPEN_MS_MAX,
  type Breaker,
  moveBreaker,
} from "@catalyze/core/reputation/breaker";
import {LATENCY_EMPTY, observeLatency, quantileMs, typicalMs} from "@catalyze/core/reputation/latency";
import {outcomeOf} from "@catalyze/core/reputation/outcome";
import {
  newReputation,
  type OutcomeEvent,
  recordOutcome,
  standingOf,
} from "@catalyze/core/reputation/reputation";
import {decodeReputation, encodeReputation} from "@catalyze/core/reputation/reputationCodec";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";

const NOW = 1_700_000_000_000 as UnixMs;
const at = (ms: number): UnixMs => (NOW + ms) as UnixMs;
const DAY = 86_400_000;

describe("evidence", () => {
  it("halves with its half-life, and a clock that goes back discounts nothing", () => {
    const one = observe(emptyBeta(NOW), AVAIL_RULE, {success: 4, failure: 2}, NOW);
    expect(decayed(one, AVAIL_RULE, at(2 * DAY))).toMatchObject({alpha: 2, beta: 1});
    expect(decayed(one, AVAIL_RULE, at(-DAY))).toEqual(one);
  });

  it("does not depend on when it was looked at", () => {
    fc.assert(
      fc.property(
        fc.nat(10 * DAY),
        fc.nat(10 * DAY),
        fc.integer({min: 0, max: 50}),
        (first, second, success) => {
          const beta = observe(emptyBeta(NOW), AVAIL_RULE, {success, failure: 1}, NOW);
          const direct = decayed(beta, AVAIL_RULE, at(first + second));
          const stepwise = decayed(decayed(beta, AVAIL_RULE, at(first)), AVAIL_RULE, at(first + second));
          expect(stepwise.alpha).toBeCloseTo(direct.alpha, 9);
          expect(stepwise.beta).toBeCloseTo(direct.beta, 9);
        },
      ),
    );
  });

  it("rises with each success and falls with each failure", () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), (success, failure) => {
        const beta = observe(emptyBeta(NOW), AVAIL_RULE, {success, failure}, NOW);
        const mean = meanOf(posterior(beta, AVAIL_RULE, NOW));
        expect(
          meanOf(posterior(observe(beta, AVAIL_RULE, {success: 1}, NOW), AVAIL_RULE, NOW)),
        ).toBeGreaterThan(mean);
        expect(meanOf(posterior(observe(beta, AVAIL_RULE, {failure: 1}, NOW), AVAIL_RULE, NOW))).toBeLessThan(
          mean,
        );
      }),
    );
  });
});

describe("the circuit breaker", () => {
  it("opens after one fault, and never for want of capacity", () => {
    const open = moveBreaker(BREAKER_CLOSED, "fault", NOW);
    expect(open.kind).toBe("open");
    let busy: Breaker = BREAKER_CLOSED;
    for (let refusal = 0; refusal < 100; refusal += 1) busy = moveBreaker(busy, "soft", at(refusal));
    expect(busy).toEqual(BREAKER_CLOSED);
    // It does not close one either, unless the refusal answers the probe: then the peer is alive.
    expect(moveBreaker(open, "soft", at(1))).toEqual(open);
    const probing = moveBreaker(open, "started", at(30_000));
    expect(moveBreaker(probing, "soft", at(30_001))).toEqual(BREAKER_CLOSED);
  });

  it("lets one probe through, then closes or waits twice as long", () => {
    const open = moveBreaker(BREAKER_CLOSED, "fault", NOW);
    expect([admits(open, at(29_999)), admits(open, at(30_000))]).toEqual(["no", "probe"]);
    const probing = moveBreaker(open, "started", at(30_000));
    expect(admits(probing, at(30_001))).toBe("no");
    expect(moveBreaker(probing, "success", at(31_000))).toEqual(BREAKER_CLOSED);
    const again = moveBreaker(probing, "fault", at(31_000));
    expect([admits(again, at(90_999)), admits(again, at(91_000))]).toEqual(["no", "probe"]);
    // A probe that never reports does not keep the peer out for ever.
    expect(admits(probing, at(90_000))).toBe("probe");
  });

  it("waits at most five minutes however often probes fail", () => {
    let breaker = moveBreaker(BREAKER_CLOSED, "fault", NOW);
    let now = 0;
    for (let probes = 0; probes < 8; probes += 1) {
      now += BREAKER_OPEN_MS_MAX;
      expect(admits(breaker, at(now))).toBe("probe");
      breaker = moveBreaker(moveBreaker(breaker, "started", at(now)), "fault", at(now));
    }
  });

  it("is never longer closed to a peer than five minutes and the probe's time", () => {
    const eventArb = fc.tuple(
      fc.constantFrom("started" as const, "success" as const, "soft" as const, "fault" as const),
      fc.nat(100_000),
    );
    fc.assert(
      fc.property(fc.array(eventArb, {maxLength: 50}), (events) => {
        let breaker: Breaker = BREAKER_CLOSED;
        let now = 0;
        for (const [event, waitMs] of events) {
          now += waitMs;
          breaker = moveBreaker(breaker, event, at(now));
          expect(admits(breaker, at(now + BREAKER_OPEN_MS_MAX))).not.toBe("no");
        }
      }),
    );
  });
});

describe("latency", () => {
  it("finds typical time and quantiles of a steady peer within a bucket", () => {
    fc.assert(
      fc.property(fc.integer({min: 1, max: 500_000}), fc.integer({min: 1, max: 30}), (ms, count) => {
        const latency = Array.from({length: count}, () => ms).reduce(observeLatency, LATENCY_EMPTY);
        expect(typicalMs(latency)).toBeCloseTo(ms, 3);
        const p95 = quantileMs(latency, 0.95) ?? 0;
        expect(p95 / ms).toBeGreaterThan(0.99);
        expect(p95 / ms).toBeLessThan(1.42);
      }),
    );
  });

  it("follows a change and keeps its size", () => {
    const slow = Array.from({length: 500}, (_, index) => (index < 250 ? 100 : 2_000)).reduce(
      observeLatency,
      LATENCY_EMPTY,
    );
    expect(typicalMs(slow)).toBeGreaterThan(1_900);
    expect(slow.histogram.reduce((sum, [, count]) => sum + count, 0)).toBeLessThanOrEqual(200);
    expect(quantileMs(slow, 0.95)).toBeGreaterThan(1_900);
    expect(quantileMs(LATENCY_EMPTY, 0.95)).toBeUndefined();
  });
});

describe("recordOutcome", () => {
  const success: OutcomeEvent = {
    kind: "success",
    latencyMs: 100,
    weight: 1,
    isAudited: false,
    isOnTime: true,
  };

  it("never counts a capacity refusal as a fault", () => {
    const busy = recordOutcome(newReputation(NOW), {kind: "soft", retryAfterMs: 99_000}, NOW);
    expect(standingOf(busy, NOW).delivers).toEqual(standingOf(newReputation(NOW), NOW).delivers);
    expect(busy.softUntilMs).toBe(NOW + 30_000);
    expect(recordOutcome(newReputation(NOW), {kind: "soft"}, NOW).softUntilMs).toBe(NOW + 2_000);
  });

  it("remembers a wrong result longer than a hundred unchecked good ones", () => {
    let state = recordOutcome(newReputation(NOW), {kind: "fraud"}, NOW);
    for (let index = 0; index < 90; index += 1) state = recordOutcome(state, success, NOW);
    expect(meanOf(standingOf(state, NOW).right)).toBeLessThan(0.6);
    expect(meanOf(standingOf(state, at(60 * DAY)).right)).toBeLessThan(0.6);
  });

  it("adds what others say without touching own evidence", () => {
    const state = newReputation(NOW);
    expect(standingOf(state, NOW, {alpha: 3, beta: 1}).delivers).toEqual({alpha: 5, beta: 2});
    expect(standingOf(state, NOW).observations).toBe(0);
  });

  const eventArb: fc.Arbitrary<OutcomeEvent> = fc.oneof(
    fc.constant({kind: "started" as const}),
    fc.record({
      kind: fc.constant("success" as const),
      latencyMs: fc.nat(1_000_000),
      weight: fc.double(),
      isAudited: fc.boolean(),
      isOnTime: fc.boolean(),
    }),
    fc.record({kind: fc.constant("soft" as const), retryAfterMs: fc.option(fc.integer(), {nil: undefined})}),
    fc.record({kind: fc.constant("fault" as const), weight: fc.double(), isLate: fc.boolean()}),
    fc.constant({kind: "fraud" as const}),
  );

  it("stays finite, scores 0 to 100, and survives the disk but for its breaker", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(eventArb, fc.integer({min: -1_000, max: DAY})), {maxLength: 30}),
        (events) => {
          let state = newReputation(NOW);
          let now = 0;
          for (const [event, waitMs] of events) {
            now += waitMs;
            state = recordOutcome(state, event, at(now));
          }
          const standing = standingOf(state, at(now));
          expect(standing.score).toBeGreaterThanOrEqual(0);
          expect(standing.score).toBeLessThanOrEqual(100);
          expect(
            [standing.delivers, standing.right]
              .flatMap(Object.values)
              .every((value) => value > 0 && Number.isFinite(value)),
          ).toBe(true);
          const restored = decodeReputation(encodeReputation(state));
          expect(restored).toEqual({...state, breaker: BREAKER_CLOSED, softUntilMs: 0});
        },
      ),
    );
  });

  it("is read strictly", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => new TextEncoder().encode(json)),
        ),
        (noise) => {
          expect(() => decodeReputation(noise)).toThrow(CodedError);
        },
      ),
    );
  });
});

describe("outcomeOf", () => {
  it("blames a provider only for what providers do", () => {
    const kinds = new Map((Object.keys(ERRORS) as ErrorCode[]).map((code) => [code, outcomeOf(code)]));
    expect(kinds.get("PROVIDER_BUSY")).toBe("soft");
    expect(kinds.get("PROVIDER_LATE")).toBe("fault");
    for (const [code, kind] of kinds) {
      if (["client", "ledger", "chain", "policy"].includes(ERRORS[code].actor))
        expect([code, kind]).toEqual([code, "neutral"]);
    }
  });
});
