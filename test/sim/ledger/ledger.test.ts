import {toHex} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {REAL_CRYPTO} from "../market/simKeys.ts";
import {isSettled} from "./checks.ts";
import {CALM_MS, SCENARIOS, type ScenarioName, STORM_MS} from "./scenarios.ts";
import {SimLedger, type SimLedgerSetup} from "./simLedger.ts";

/** `npm run soak` asks for more. */
const SEEDS = Number(process.env["CTZ_SIM_SEEDS"] ?? 30);
const FIRST = Number(process.env["CTZ_SIM_FIRST"] ?? 1);

async function settled(setup: SimLedgerSetup): Promise<SimLedger> {
  const sim = new SimLedger(setup);
  sim.startTimers();
  await sim.run({stormMs: STORM_MS, calmMs: CALM_MS});
  expectAgreement(sim);
  expectLiveness(sim);
  return sim;
}

/** Every honest op is final everywhere, and every node says the same. */
function expectAgreement(sim: SimLedger): void {
  const live = sim.live();
  const [first] = live;
  expect(first).toBeDefined();
  const heights = live.map(({replica}) => Number(replica!.checkpoint.height));
  expect(Math.max(...heights) - Math.min(...heights)).toBeLessThanOrEqual(1);
  const roots = new Map<bigint, string>();
  for (const {replica} of live) {
    const root = roots.get(replica!.checkpoint.height);
    if (root !== undefined) expect(replica!.checkpoint.stateRoot).toBe(root);
    roots.set(replica!.checkpoint.height, replica!.checkpoint.stateRoot);
  }
  for (const {replica} of live) {
    const lost = [...sim.checks.certified()].filter((op) => !isSettled(replica!.view, op));
    expect(lost.map(({id}) => id)).toEqual([]);
    expect(sim.checks.lostIn(replica!.base)).toEqual([]);
  }
  // An expiry shows in the view one checkpoint later: only views of one height compare.
  const heightMax = Math.max(...heights);
  const latest = live.filter(({replica}) => Number(replica!.checkpoint.height) === heightMax);
  const views = new Set(latest.map(({replica}) => toHex(replica!.view.fork().tree().root())));
  expect(views.size).toBe(1);
}

function expectLiveness(sim: SimLedger): void {
  const lost = [...sim.submitted.values()].filter(
    (op) => op.body.payload.kind !== "claim" && !isSettled(sim.live()[0]!.replica!.view, op),
  );
  expect(lost.map(({id}) => id)).toEqual([]);
}

async function seeded(name: string, count: number, setup: (seed: number) => SimLedgerSetup): Promise<void> {
  let [certified, steps] = [0, 0];
  for (let seed = FIRST; seed < FIRST + count; seed++) {
    try {
      const sim = await settled(setup(seed));
      certified += sim.checks.certifiedOps;
      steps += sim.steps;
    } catch (error) {
      throw new Error(`${name}: seed ${seed}; \`npm run sim -- ${name} --seed ${seed}\` shows it`, {
        cause: error,
      });
    }
  }
  expect(certified).toBeGreaterThan(count);
  process.stdout.write(`${name}: ${count} seeds, ${steps} steps, ${certified} certified ops\n`);
}

describe("ledger replicas", () => {
  it.each<[string, ScenarioName, number]>([
    ["agree while all is well", "calm", 3],
    ["a committee of one survives crashes at any effect", "one", SEEDS],
    ["four witnesses survive drops, duplicates, delays, crashes and an equivocating owner", "storm", SEEDS],
    ["four witnesses go on when one is silent", "silent", Math.ceil(SEEDS / 3)],
    ["four witnesses survive one that forks its log and votes twice", "forking", SEEDS],
  ])("%s", async (_, name, count) => {
    await seeded(name, count, SCENARIOS[name]);
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
