/**
 * The simulator must miss each rule of an honest witness when it is taken away: a test of the tests. One
 * rule at a time is removed from every witness, and some seed has to fail.
 */
import {VOTE_RULES} from "@catalyze/core/ledger/voteRules";
import {describe, expect, it} from "vitest";
import {CHEAP_CRYPTO} from "../market/simKeys.ts";
import {SimLedger} from "./simLedger.ts";

const SEEDS_MAX = 40;
const SETUP = {
  crypto: CHEAP_CRYPTO,
  witnesses: 4,
  followers: 0,
  owners: 4,
  equivocators: 2,
  faults: {drop: 0.05, duplicate: 0.05, crash: 0.002},
};

async function firstFailure(name: string): Promise<number | undefined> {
  const voteRules = VOTE_RULES.filter((rule) => rule.name !== name);
  expect(voteRules.length).toBeLessThan(VOTE_RULES.length);
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const sim = new SimLedger({...SETUP, seed, voteRules});
    sim.startTimers();
    try {
      await sim.run({stormMs: 5_000, calmMs: 5_000});
    } catch {
      return seed;
    }
  }
  return undefined;
}

describe("a witness without one of its rules", () => {
  // The others are doubled: a second vote on a slot also fails the parent rule, forged ops fail at the door.
  for (const name of ["parent", "funds"] as const) {
    it(`is found out: ${name}`, async () => {
      const seed = await firstFailure(name);
      expect(seed).toBeDefined();
    });
  }
});
