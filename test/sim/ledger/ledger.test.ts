import {toHex} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {CHEAP_CRYPTO, REAL_CRYPTO} from "../market/simKeys.ts";
import {isSettled} from "./checks.ts";
import {SimLedger, type SimLedgerSetup} from "./simLedger.ts";

/** `npm run soak` asks for more. */
const SEEDS = Number(process.env["CTZ_SIM_SEEDS"] ?? 30);
const BASE = {crypto: CHEAP_CRYPTO, owners: 5, equivocators: 0, followers: 1};
const CALM = {drop: 0, duplicate: 0, crash: 0};
const STORM = {drop: 0.08, duplicate: 0.08, crash: 0.003};

async function settled(setup: SimLedgerSetup): Promise<SimLedger> {
  const sim = new SimLedger(setup);
  sim.startTimers();
  await sim.run({stormMs: 8_000, calmMs: 12_000});
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

async function seeded(name: string, count: number, run: (seed: number) => Promise<SimLedger>): Promise<void> {
  let [certified, steps] = [0, 0];
  for (let seed = 1; seed <= count; seed++) {
    try {
      const sim = await run(seed);
      certified += sim.checks.certifiedOps;
      steps += sim.steps;
    } catch (error) {
      throw new Error(`${name}: seed ${seed}`, {cause: error});
    }
  }
  expect(certified).toBeGreaterThan(count);
  process.stdout.write(`${name}: ${count} seeds, ${steps} steps, ${certified} certified ops\n`);
}

describe("ledger replicas", () => {
  it("agree while all is well", async () => {
    await seeded("calm", 3, async (seed) => {
      const sim = await settled({...BASE, seed, witnesses: 4, faults: CALM});
      expectAgreement(sim);
      expectLiveness(sim);
      return sim;
    });
  });

  it("a committee of one survives crashes at any effect", async () => {
    await seeded("one witness", SEEDS, async (seed) => {
      const sim = await settled({...BASE, seed, witnesses: 1, faults: STORM});
      expectAgreement(sim);
      expectLiveness(sim);
      return sim;
    });
  });

  it("four witnesses survive drops, duplicates, delays, crashes and an equivocating owner", async () => {
    await seeded("storm", SEEDS, async (seed) => {
      const sim = await settled({...BASE, seed, witnesses: 4, equivocators: 1, faults: STORM});
      expectAgreement(sim);
      expectLiveness(sim);
      return sim;
    });
  });

  it("four witnesses go on when one is silent", async () => {
    await seeded("silent witness", Math.ceil(SEEDS / 3), async (seed) => {
      const faults = {...STORM, crash: 0};
      const sim = await settled({...BASE, seed, witnesses: 4, silent: seed % 4, equivocators: 1, faults});
      expectAgreement(sim);
      expectLiveness(sim);
      return sim;
    });
  });

  it("four witnesses survive one that forks its log and votes twice", async () => {
    await seeded("forking witness", SEEDS, async (seed) => {
      // A forker is a crashed witness from then on: nobody else may be away for long.
      const faults = {...STORM, crash: 0};
      const sim = await settled({...BASE, seed, witnesses: 4, twin: seed % 4, equivocators: 1, faults});
      expectAgreement(sim);
      expectLiveness(sim);
      return sim;
    });
  });

  it("does the same with real signatures", async () => {
    await seeded("real signatures", 2, async (seed) => {
      const sim = await settled({
        ...BASE,
        seed,
        crypto: REAL_CRYPTO,
        witnesses: 4,
        equivocators: 1,
        faults: STORM,
      });
      expectAgreement(sim);
      expectLiveness(sim);
      return sim;
    });
  });
});
