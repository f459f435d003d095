/**
 * Regret of routing on seeded populations, against an oracle that knows every provider's true figures and
 * present load. What counts is the total of price, waiting, retries, checks and the damage of wrong results
 * that nobody noticed, a task, over the second half of a run, when the market has been learned.
 *
 * Assumed: 40 providers (70 % good, 18 % flaky, 12 % cheats that ask 30 % less), 12 requesters that share
 * nothing, two slots a provider, load known one round late, a wrong result noticed only when audited (each
 * of a stranger's first three, then one of 25), damage five times the price, a second worth 8 % of a typical price.
 */

import {
  type Candidate,
  DAMAGE_FACTOR,
  RETRY_COST_SHARE,
  route,
  VALUE_OF_TIME_SHARE,
} from "@catalyze/core/market/route";
import type {IndexMode} from "@catalyze/core/market/routeIndex";
import type {Random} from "@catalyze/core/ports/random";
import type {AccountId, PeerId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {
  newReputation,
  type OutcomeEvent,
  type PeerReputation,
  recordOutcome,
  standingOf,
} from "@catalyze/core/reputation/reputation";
import {describe, expect, it} from "vitest";
import {seededRandom} from "../../packages/core/test/market/kit.ts";

const PROVIDERS = 40;
const REQUESTERS = 12;
const ROUNDS = 300;
const ROUND_MS = 20_000;
const SLOTS = 2;
const AUDIT_PPM = 40_000;
/** Strangers work at p = 1 (DESIGN §10). */
const STRANGER_RESULTS = 3;
const PRICE = 10_000;
const VALUE_OF_TIME = VALUE_OF_TIME_SHARE * PRICE;
const RETRY_COST = RETRY_COST_SHARE * PRICE;
const TIMEOUT_MS = 6_000;
const NACK_MS = 50;
const START = 1_700_000_000_000;

type Provider = {
  readonly peer: PeerId;
  readonly cost: number;
  readonly ms: number;
  readonly delivers: number;
  readonly wrong: number;
};
type Load = ReadonlyMap<PeerId, number>;

/** How one requester orders providers, and what it is told afterwards. */
type Policy = {
  readonly rank: (at: {requester: number; nowMs: UnixMs; seen: Load; actual: Load}) => readonly Provider[];
  readonly auditPpm: (requester: number, provider: Provider) => number;
  readonly learn: (requester: number, provider: Provider, event: OutcomeEvent, nowMs: UnixMs) => void;
};

function population(random: Random): readonly Provider[] {
  return Array.from({length: PROVIDERS}, (_, index) => {
    const kind = index < 0.7 * PROVIDERS ? "good" : index < 0.88 * PROVIDERS ? "flaky" : "cheat";
    return {
      peer: `p${String(index).padStart(2, "0")}` as PeerId,
      cost: Math.round(PRICE * (0.7 + 0.9 * random.float()) * (kind === "cheat" ? 0.7 : 1)),
      ms: 300 + 2_000 * random.float(),
      delivers: kind === "flaky" ? 0.5 + 0.3 * random.float() : 0.97,
      wrong: kind === "cheat" ? 0.5 : 0.002,
    };
  });
}

/** Mean cost of a task in the second half. */
function simulate(policy: Policy, random: Random): number {
  let total = 0;
  let seen: Load = new Map();
  for (let round = 0; round < ROUNDS; round += 1) {
    const actual = new Map<PeerId, number>();
    const nowMs = (START + round * ROUND_MS) as UnixMs;
    for (let requester = 0; requester < REQUESTERS; requester += 1) {
      const ranked = policy.rank({requester, nowMs, seen, actual});
      const learn = (provider: Provider, event: OutcomeEvent) =>
        policy.learn(requester, provider, event, nowMs);
      const cost = runTask(ranked, actual, {
        random,
        learn,
        auditPpm: (provider) => policy.auditPpm(requester, provider),
      });
      if (round >= ROUNDS / 2) total += cost;
    }
    seen = actual;
  }
  return total / (REQUESTERS * (ROUNDS / 2));
}

type TaskTools = {
  readonly auditPpm: (provider: Provider) => number;
  readonly random: Random;
  readonly learn: (provider: Provider, event: OutcomeEvent) => void;
};

/** One candidate after the other until one delivers; only a delivered result is paid. */
function runTask(
  ranked: readonly Provider[],
  load: Map<PeerId, number>,
  {random, learn, auditPpm}: TaskTools,
): number {
  let cost = 0;
  for (const provider of ranked) {
    const busy = load.get(provider.peer) ?? 0;
    if (busy >= SLOTS) {
      cost += (VALUE_OF_TIME * NACK_MS) / 1_000;
      learn(provider, {kind: "soft"});
      continue;
    }
    load.set(provider.peer, busy + 1);
    learn(provider, {kind: "started"});
    if (random.float() >= provider.delivers) {
      cost += (VALUE_OF_TIME * TIMEOUT_MS) / 1_000 + RETRY_COST;
      learn(provider, {kind: "fault", weight: 1, isLate: true});
      continue;
    }
    const latencyMs = provider.ms * (0.8 + 0.4 * random.float());
    const isWrong = random.float() < provider.wrong;
    const audit = auditPpm(provider) / 1_000_000;
    const isAudited = random.float() < audit;
    cost += provider.cost * (1 + audit) + (VALUE_OF_TIME * latencyMs) / 1_000;
    if (isWrong && isAudited) {
      learn(provider, {kind: "fraud"});
      continue;
    }
    learn(provider, {kind: "success", latencyMs, weight: 1, isAudited, isOnTime: true});
    return cost + (isWrong ? DAMAGE_FACTOR * provider.cost : 0);
  }
  return cost + DAMAGE_FACTOR * PRICE;
}

/** The product's own rules. */
function routed(providers: readonly Provider[], mode: IndexMode, random: Random): Policy {
  const known = Array.from({length: REQUESTERS}, () => new Map<PeerId, PeerReputation>());
  const byPeer = new Map(providers.map((provider) => [provider.peer, provider]));
  const auditPpm = (requester: number, {peer}: Provider): number =>
    (known[requester]?.get(peer)?.counts.paid ?? 0) < STRANGER_RESULTS ? 1_000_000 : AUDIT_PPM;
  return {
    auditPpm,
    rank: ({requester, nowMs, seen}) => {
      const candidates = providers.map((provider): Candidate => {
        const state = known[requester]?.get(provider.peer) ?? newReputation(nowMs);
        return {
          kind: "ask",
          peer: provider.peer,
          account: provider.peer as string as AccountId,
          price: BigInt(provider.cost),
          chargeMax: BigInt(provider.cost),
          auditPpm: auditPpm(requester, provider),
          estimateMs: provider.ms,
          queueMs: (seen.get(provider.peer) ?? 0) >= SLOTS ? provider.ms : 0,
          standing: standingOf(state, nowMs),
          ask: undefined,
        };
      });
      const policy = {priceMax: 1n << 40n, deadlineMs: TIMEOUT_MS, nowMs, excluded: new Set<PeerId>()};
      const {ranked} = route(candidates, {...policy, valueOfTime: VALUE_OF_TIME, mode}, random);
      return ranked.flatMap(({candidate}) => byPeer.get(candidate.peer) ?? []);
    },
    learn: (requester, {peer}, event, nowMs) => {
      const mine = known[requester];
      mine?.set(peer, recordOutcome(mine.get(peer) ?? newReputation(nowMs), event, nowMs));
    },
  };
}

/** Knows the true figures and who is full this moment. */
function oracle(providers: readonly Provider[]): Policy {
  const audit = AUDIT_PPM / 1_000_000;
  const trueIndex = ({cost, ms, delivers, wrong}: Provider): number =>
    cost * (1 + audit) +
    (VALUE_OF_TIME * ms) / 1_000 +
    wrong * (1 - audit) * DAMAGE_FACTOR * cost +
    ((1 - delivers) / delivers) * ((VALUE_OF_TIME * TIMEOUT_MS) / 1_000 + RETRY_COST);
  const sorted = [...providers].sort((left, right) => trueIndex(left) - trueIndex(right));
  return {
    auditPpm: () => AUDIT_PPM,
    rank: ({actual}) => sorted.filter(({peer}) => (actual.get(peer) ?? 0) < SLOTS),
    learn: () => undefined,
  };
}

function cheapest(providers: readonly Provider[]): Policy {
  const sorted = [...providers].sort((left, right) => left.cost - right.cost);
  return {rank: () => sorted, auditPpm: () => AUDIT_PPM, learn: () => undefined};
}

describe("regret of routing", () => {
  const seeds = [1, 2, 3, 4, 5, 6];
  const mean = (policyOf: (providers: readonly Provider[], random: Random) => Policy): number =>
    seeds.reduce((sum, seed) => {
      const providers = population(seededRandom(seed));
      return sum + simulate(policyOf(providers, seededRandom(seed + 100)), seededRandom(seed + 200));
    }, 0) / seeds.length;

  it("is at most 20 % over an oracle, and far below the cheapest ask", () => {
    const best = mean(oracle);
    const ours = mean((providers, random) => routed(providers, "sample", random));
    const naive = mean(cheapest);
    expect(ours / best).toBeLessThanOrEqual(1.2);
    expect(naive / best).toBeGreaterThan(1.4);
  });

  it("is the same for the same seed", () => {
    const once = () => {
      const providers = population(seededRandom(9));
      return simulate(routed(providers, "sample", seededRandom(10)), seededRandom(11));
    };
    expect(once()).toBe(once());
  });
});
