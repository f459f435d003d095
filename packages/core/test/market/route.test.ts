import {explainRoute} from "@catalyze/core/market/explain";
import {
  type Candidate,
  candidateOf,
  type RoutePolicy,
  route,
  routeFailure,
} from "@catalyze/core/market/route";
import {boundOfBeta, sampleBeta} from "@catalyze/core/market/sampling";
import type {AccountId, PeerId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {
  newReputation,
  type OutcomeEvent,
  recordOutcome,
  standingOf,
} from "@catalyze/core/reputation/reputation";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";
import {NOW, seededRandom, verifiedAsk} from "./kit.ts";

const success: OutcomeEvent = {kind: "success", latencyMs: 500, weight: 1, isAudited: true, isOnTime: true};
const fault: OutcomeEvent = {kind: "fault", weight: 1, isLate: true};

/** What is known after these events, each a minute before the next, the last one five minutes ago. */
function after(...events: OutcomeEvent[]) {
  const last = NOW - 300_000;
  const state = events.reduce(
    (sum, event, index) => recordOutcome(sum, event, (last - 60_000 * (events.length - 1 - index)) as UnixMs),
    newReputation(NOW),
  );
  return standingOf(state, NOW);
}

const proven = after(...Array.from({length: 30}, () => success));

function candidate(peer: string, changes: Partial<Candidate> = {}): Candidate {
  const price = changes.price ?? 10_000n;
  return {
    kind: "ask",
    peer: peer as PeerId,
    account: peer as string as AccountId,
    price,
    chargeMax: price,
    auditPpm: 20_000,
    estimateMs: 500,
    queueMs: 0,
    standing: proven,
    ask: undefined,
    ...changes,
  };
}

const policy: RoutePolicy = {
  priceMax: 1_000_000n,
  deadlineMs: 60_000,
  nowMs: NOW,
  excluded: new Set(),
  mode: "mean",
};

function order(candidates: Candidate[], changes: Partial<RoutePolicy> = {}): string[] {
  return route(candidates, {...policy, ...changes}, seededRandom(1)).ranked.map(
    (each) => each.candidate.peer,
  );
}

describe("route", () => {
  it("puts the cheapest of equals first", () => {
    expect(
      order([candidate("b", {price: 12_000n}), candidate("a", {price: 11_000n}), candidate("c")]),
    ).toEqual(["c", "a", "b"]);
  });

  it("passes over a cheap peer that fails", () => {
    const flaky = after(...Array.from({length: 12}, () => fault), success);
    const costs = {valueOfTime: 2_000};
    expect(order([candidate("flaky", {price: 8_000n, standing: flaky}), candidate("good")], costs)[0]).toBe(
      "good",
    );
    expect(order([candidate("cheap", {price: 8_000n}), candidate("good")], costs)[0]).toBe("cheap");
  });

  it("passes over a cheap peer whose results were wrong", () => {
    const wrong = after({kind: "fraud"}, success);
    expect(order([candidate("wrong", {price: 5_000n, standing: wrong}), candidate("good")])[0]).toBe("good");
  });

  it("weighs waiting by the value of time", () => {
    const slowly = after(...Array.from({length: 30}, () => ({...success, latencyMs: 5_000})));
    const slow = candidate("slow", {price: 9_000n, estimateMs: 5_000, standing: slowly});
    expect(order([slow, candidate("fast")], {valueOfTime: 0})[0]).toBe("slow");
    expect(order([slow, candidate("fast")], {valueOfTime: 10_000})[0]).toBe("fast");
  });

  it("believes its own stopwatch over an ask's figures", () => {
    const late = after(...Array.from({length: 20}, () => ({...success, latencyMs: 8_000})));
    const boaster = candidate("boaster", {estimateMs: 10, standing: late});
    const honest = candidate("honest", {estimateMs: 500});
    expect(order([boaster, honest], {valueOfTime: 5_000})[0]).toBe("honest");
  });

  it("takes own hardware when it is free and soon enough", () => {
    const own = candidate("me", {kind: "local", price: 0n, standing: undefined, auditPpm: 0});
    expect(order([candidate("a"), own])[0]).toBe("me");
    expect(order([candidate("a"), {...own, queueMs: 50_000}], {valueOfTime: 10_000})[0]).toBe("a");
  });

  it("rejects with a code, budget before capacity", () => {
    const soft = standingOf(recordOutcome(newReputation(NOW), {kind: "soft", retryAfterMs: 3_000}, NOW), NOW);
    const open = standingOf(recordOutcome(newReputation(NOW), fault, NOW), NOW);
    const {ranked, rejected} = route(
      [
        candidate("dear", {price: 2_000_000n, standing: soft}),
        candidate("busy", {standing: soft}),
        candidate("broken", {standing: open}),
        candidate("tried"),
        candidate("slow", {queueMs: 60_000}),
        candidate("good"),
      ],
      {...policy, excluded: new Set(["tried" as PeerId])},
      seededRandom(1),
    );
    expect(ranked.map((each) => each.candidate.peer)).toEqual(["good"]);
    expect(
      Object.fromEntries(rejected.map(({candidate: {peer}, code, figure}) => [peer, [code, figure]])),
    ).toEqual({
      dear: ["PRICE_ABOVE_MAX", 2_000_000n],
      busy: ["PROVIDER_BUSY", 3_000],
      broken: ["CIRCUIT_OPEN", 1],
      tried: ["CANDIDATE_EXCLUDED", 0],
      slow: ["DEADLINE", 60_500],
    });
  });

  it("tries an open circuit where nothing else is left, as a probe", () => {
    const open = standingOf(recordOutcome(newReputation(NOW), fault, NOW), NOW);
    const broken = candidate("broken", {standing: open});
    const tried = candidate("tried");
    const limits = {...policy, excluded: new Set(["tried" as PeerId])};
    const {ranked, rejected} = route([broken, tried], limits, seededRandom(1));
    expect(ranked.map(({candidate: {peer}, isProbe}) => [peer, isProbe])).toEqual([["broken", true]]);
    expect(rejected.map(({code}) => code)).toEqual(["CANDIDATE_EXCLUDED"]);
  });

  it("ranks a group that had its share after all others", () => {
    const isGroupCapped = (account: AccountId): boolean => account === "big";
    expect(order([candidate("big", {price: 1n}), candidate("a")], {isGroupCapped})).toEqual(["a", "big"]);
  });

  const candidateArb = fc.record({
    peer: fc.constantFrom(..."abcdefgh"),
    price: fc.bigInt({min: 0n, max: 3n}),
    estimateMs: fc.constantFrom(undefined, 0, 100),
    queueMs: fc.constantFrom(0, 100),
    standing: fc.constantFrom(proven, after(), after(success, fault)),
  });
  const candidatesArb = fc.uniqueArray(candidateArb, {selector: ({peer}) => peer, maxLength: 8});

  it("does not depend on the order of arrival, ties included", () => {
    const anyOrder = candidatesArb.chain((raw) =>
      fc.tuple(fc.constant(raw), fc.shuffledSubarray(raw, {minLength: raw.length}), fc.nat(1_000)),
    );
    fc.assert(
      fc.property(
        anyOrder,
        fc.constantFrom("sample" as const, "mean" as const, "critical" as const),
        ([raw, shuffled, seed], mode) => {
          const run = (list: typeof raw) =>
            route(
              list.map(({peer, ...rest}) => candidate(peer, rest)),
              {...policy, mode, priceMax: 2n},
              seededRandom(seed),
            );
          expect(run(shuffled)).toEqual(run(raw));
        },
      ),
    );
  });

  it("accounts for every candidate once, with finite terms that add up to the index", () => {
    fc.assert(
      fc.property(candidatesArb, fc.nat(1_000), (raw, seed) => {
        const list = raw.map(({peer, ...rest}) => candidate(peer, rest));
        const {ranked, rejected} = route(list, {...policy, mode: "sample", priceMax: 2n}, seededRandom(seed));
        const seen = [...ranked, ...rejected].map((each) => each.candidate.peer).sort();
        expect(seen).toEqual(list.map(({peer}) => peer).sort());
        for (const [index, {terms}] of ranked.entries()) {
          const {payment, verification, waiting, damage, retries} = terms;
          expect(terms.index).toBeCloseTo(payment + verification + waiting + damage + retries, 6);
          expect(Object.values(terms).every(Number.isFinite)).toBe(true);
          expect(terms.index).toBeGreaterThanOrEqual(ranked[index - 1]?.terms.index ?? 0);
        }
      }),
    );
  });

  it("explores strangers, and settles on the good one", () => {
    const random = seededRandom(7);
    const firsts = Array.from({length: 300}, () => {
      const list = [
        candidate("known", {price: 10_000n}),
        candidate("new", {price: 9_000n, standing: after()}),
      ];
      return route(list, {...policy, mode: "sample"}, random).ranked[0]?.candidate.peer;
    });
    const share = firsts.filter((peer) => peer === "new").length / firsts.length;
    expect(share).toBeGreaterThan(0.02);
    expect(share).toBeLessThan(0.9);
  });
});

describe("routeFailure", () => {
  const fail = (list: Candidate[], changes: Partial<RoutePolicy> = {}) =>
    routeFailure(route(list, {...policy, ...changes}, seededRandom(1)), {...policy, ...changes});

  it("names the lowest ask when all are too dear, and never calls that a lack of capacity", () => {
    const error = fail([candidate("a", {price: 30n}), candidate("b", {price: 20n})], {priceMax: 10n});
    expect([error.code, error.evidence["lowest"]]).toEqual(["PRICE_ABOVE_MAX", 20n]);
  });

  it("names the price when it keeps everybody out but whom the task itself has left out", () => {
    const list = [candidate("first", {price: 5n}), candidate("b", {price: 20n})];
    const error = fail(list, {priceMax: 10n, excluded: new Set(["first" as PeerId])});
    expect([error.code, error.evidence["lowest"]]).toEqual(["PRICE_ABOVE_MAX", 20n]);
    expect(fail([candidate("first")], {excluded: new Set(["first" as PeerId])}).code).toBe("NO_PROVIDER");
  });

  it("says when a busy provider may be asked again", () => {
    const soft = standingOf(recordOutcome(newReputation(NOW), {kind: "soft", retryAfterMs: 1_500}, NOW), NOW);
    const error = fail([candidate("a", {standing: soft}), candidate("b", {price: 20n})], {
      priceMax: 10_000n,
      excluded: new Set(["b" as PeerId]),
    });
    expect([error.code, error.retryAfterMs]).toEqual(["PROVIDER_BUSY", 1_500]);
  });

  it("is NO_PROVIDER when nobody asks", () => expect(fail([]).code).toBe("NO_PROVIDER"));
});

describe("candidateOf", () => {
  it("takes price, wait and queue from the ask", () => {
    const ask = verifiedAsk("a", {slotsBusy: 2, queueLength: 3});
    const facts = {
      units: 5_000_000_000n,
      unitsMax: 10_000_000_000n,
      transferMs: 40,
      auditPpm: 20_000,
      standing: proven,
    };
    expect(candidateOf({ask}, facts)).toMatchObject({
      price: 10_100n,
      chargeMax: 20_100n,
      estimateMs: 1_040,
      queueMs: 2_000,
      kind: "ask",
    });
    const unmeasured = candidateOf({ask: verifiedAsk("a", {unitsPerSecond: 0n})}, facts);
    expect([unmeasured.estimateMs, unmeasured.queueMs]).toEqual([undefined, 0]);
  });
});

describe("explainRoute", () => {
  it("says who, what it is expected to cost, and why others were not taken", () => {
    const open = standingOf(recordOutcome(newReputation(NOW), fault, NOW), NOW);
    const result = route(
      [
        candidate("cheap"),
        candidate("dear", {price: 20_000n}),
        candidate("broken", {standing: open}),
        candidate("over", {price: 2_000_000n}),
      ],
      policy,
      seededRandom(1),
    );
    const lines = explainRoute(result, ({peer}) => peer);
    expect(lines[0]).toMatch(
      /^chose cheap: expected cost 0\.01\d* CTZ, against 0\.02\d* CTZ at dear \(price 0\.01 CTZ/,
    );
    expect(lines).toContain("skipped broken: circuit open after 1 failure");
    expect(lines).toContain("skipped over: at most 2 CTZ, above your maximum");
  });
});

describe("sampling", () => {
  it("draws from Beta with its mean and within its range", () => {
    for (const [alpha, beta] of [
      [2, 1],
      [30, 3],
      [0.3, 0.2],
      [3, 0.2],
    ] as const) {
      const random = seededRandom(42);
      const draws = Array.from({length: 4_000}, () => sampleBeta({alpha, beta}, random));
      expect(draws.every((value) => value >= 0 && value <= 1)).toBe(true);
      const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
      expect(Math.abs(mean - alpha / (alpha + beta))).toBeLessThan(0.03);
    }
  });

  it("stays a number at the ends of chance", () => {
    for (const value of [0, 1 - 2 ** -53]) {
      const random = {float: () => value, bytes: () => new Uint8Array()};
      expect(sampleBeta({alpha: 2, beta: 0.2}, random)).toBeGreaterThanOrEqual(0);
    }
    expect(boundOfBeta({alpha: 1, beta: 1}, -9)).toBe(0);
  });
});
