import type {Payload} from "@catalyze/core/ledger/op";
import {describe, expect, it} from "vitest";
import {REAL_CRYPTO} from "../market/simKeys.ts";
import {SCENARIOS, type ScenarioName, SHARES} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";
import {SimLedger, type SimLedgerSetup} from "./simLedger.ts";

/** `npm run soak` asks for more. */
const SEEDS = Number(process.env["CTZ_SIM_SEEDS"] ?? 30);
const FIRST = Number(process.env["CTZ_SIM_FIRST"] ?? 1);

/** Settings of locks that a life must have used to be worth anything. */
const SETTINGS: Readonly<Record<string, (payload: Payload) => boolean>> = {
  "claims with a verdict": (payload) => payload.kind === "claim" && payload.verdict !== undefined,
  "claims of a clock": (payload) => payload.kind === "claim" && payload.voucher === undefined,
  notices: (payload) => payload.kind === "govern" && payload.wish.kind === "notice",
  "issues of assets": (payload) => payload.kind === "issue",
  "transfers of assets": (payload) => payload.kind === "transfer" && payload.asset !== undefined,
  "sale locks": (payload) => payload.kind === "open" && payload.sales !== undefined,
  "locks that pay for a seed": (payload) =>
    payload.kind === "open" &&
    payload.locks.some(({split}) => split.some(({target}) => target.kind === "pot")),
  harvests: (payload) => payload.kind === "harvest",
  "rates of seeds": (payload) => payload.kind === "govern" && payload.wish.kind === "rate",
  accepts: (payload) => payload.kind === "accept",
};

async function seeded(name: string, count: number, setup: (seed: number) => SimLedgerSetup): Promise<void> {
  let [certified, steps, joins, restores, matches] = [0, 0, 0, 0, 0];
  const free = {payouts: 0, waits: 0, freezes: 0};
  let harvested = 0n;
  const used = new Map(Object.keys(SETTINGS).map((setting) => [setting, 0]));
  for (let seed = FIRST; seed < FIRST + count; seed++) {
    try {
      const sim = await settledSim(setup(seed));
      certified += sim.checks.certifiedOps;
      steps += sim.steps;
      joins += sim.joins;
      restores += sim.faults.restores;
      matches += sim.checks.matches;
      for (const what of ["payouts", "waits", "freezes"] as const) free[what] += sim.checks.free[what];
      harvested += sim.checks.harvested;
      for (const {body} of sim.checks.certified()) {
        for (const [setting, isUsed] of Object.entries(SETTINGS))
          if (isUsed(body.payload)) used.set(setting, used.get(setting)! + 1);
      }
    } catch (error) {
      throw new Error(`${name}: seed ${seed}; \`npm run sim -- ${name} --seed ${seed}\` shows it`, {
        cause: error,
      });
    }
  }
  expect(certified).toBeGreaterThan(count);
  if (name === "storm" && count > 3)
    for (const [setting, times] of used) expect(times, setting).toBeGreaterThan(0);
  if (name === "storm" && count > 3) expect(matches, "sale locks that matched").toBeGreaterThan(0);
  if (setup(FIRST).patrons !== undefined && count > 3)
    for (const [what, times] of Object.entries(free)) expect(times, what).toBeGreaterThan(0);
  if (name === "storm" && count > 3) expect(harvested, "royalties").toBeGreaterThan(0n);
  if (setup(FIRST).joiners !== undefined) expect(joins).toBeGreaterThan(count);
  if (setup(FIRST).faults.restore !== undefined) expect(restores).toBeGreaterThan(count / 2);
  const judged = `${free.payouts} payouts, ${free.waits} waits, ${free.freezes} freezes`;
  const told = `${count} seeds, ${steps} steps, ${certified} certified ops, ${matches} sales, ${harvested} µCTZ of royalties, ${joins} joins, ${restores} restores, ${judged}`;
  process.stdout.write(`${name}: ${told}\n`);
}

describe("ledger replicas", () => {
  it.each<[string, ScenarioName]>([
    ["agree while all is well", "calm"],
    ["a committee of one survives crashes at any effect", "one"],
    ["four witnesses survive drops, duplicates, delays, crashes and an equivocating owner", "storm"],
    ["four witnesses go on when one is silent", "silent"],
    ["four witnesses survive one that forks its log and votes twice", "forking"],
    ["four witnesses survive one that keeps no rule, and every trick of owners", "hostile"],
    ["judges of free locks pay what is there, and their locks end whatever they sign", "judged"],
    ["the same while one witness keeps no rule", "judgedHostile"],
    ["followers begin with snapshots in a storm, again and again", "joining"],
    ["followers begin with snapshots while one witness forks its log", "joiningForks"],
    ["followers begin with snapshots while one keeps no rule", "joiningHostile"],
    ["four witnesses serve owners who live from hand to mouth", "poor"],
    ["followers carry ops to witnesses that owners cannot reach", "carried"],
    ["votes change what is in force, under crashes and late followers", "governed"],
    ["a witness that forgot what it signed signs nothing twice, and votes again", "forgetting"],
    ["the same while one keeps no rule, and lies to it", "forgettingHostile"],
    ["committees change under crashes and an equivocating owner", "changing"],
  ])("%s", async (_, name) => {
    await seeded(
      name,
      name === "calm" ? 3 : Math.ceil((SEEDS * SHARES[name]) / SHARES.storm),
      SCENARIOS[name],
    );
  });

  it("one to seven survive whatever is drawn", async () => {
    const [sizes, wrong] = [new Set<number>(), new Set<number>()];
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const setup = SCENARIOS.mixed(seed);
      sizes.add(setup.witnesses);
      wrong.add([setup.bad, setup.twin, setup.silent].filter((index) => index !== undefined).length);
      const shown = `mixed: seed ${seed}; \`npm run sim -- mixed --seed ${seed}\` shows it`;
      await settledSim(setup).catch((cause: unknown) => {
        throw new Error(shown, {cause});
      });
    }
    expect([...sizes].sort(), "sizes of committees").toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([...wrong].sort(), "bad members at once").toEqual([0, 1, 2]);
  });

  it("replay line by line from their seed", async () => {
    const tell = async () => {
      const lines: string[] = [];
      const trace = (atMs: number, who: string, what: string) => lines.push(`${atMs} ${who} ${what}`);
      const sim = new SimLedger({...SCENARIOS.storm(FIRST), trace});
      sim.startTimers();
      await sim.run({stormMs: 3_000, calmMs: 2_000});
      return lines;
    };
    const lines = await tell();
    expect(lines).toEqual(await tell());
    for (const word of ["signs transfer", "writes entry", "votes finalize", "adopts checkpoint", "crashes"])
      expect(
        lines.some((line) => line.includes(word)),
        word,
      ).toBe(true);
  });

  it("do the same with real signatures", async () => {
    await seeded("storm", 2, (seed) => ({...SCENARIOS.storm(seed), crypto: REAL_CRYPTO}));
  });
});
