import {rederive} from "@catalyze/core/ledger/rederive";
import {storedRecords} from "@catalyze/core/ledger/storedRecords";
import {KEY} from "@catalyze/core/ledger/storeKeys";
import {describe, expect, it} from "vitest";
import {CALM_MS, SCENARIOS, type ScenarioName, STORM_MS} from "./scenarios.ts";
import {SimLedger, type SimLedgerSetup} from "./simLedger.ts";

/** Keys of entries on the second branch of a forked log. */
const SIDE_BRANCH = /\/[0-9a-f]{64}$/;

describe("verification from the logs", () => {
  it.each<[ScenarioName, number]>([
    ["one", 1],
    ["storm", 2],
    ["forking", 3],
    ["changing", 1],
    ["judged", 2],
  ])("agrees with every store of a simulated network: %s", async (name, seeds) => {
    let [heights, ops, branches] = [0n, 0, 0];
    for (let seed = 1; seed <= seeds; seed++) {
      // Who began with a snapshot has no whole logs.
      const setup: SimLedgerSetup = {...SCENARIOS[name](seed), joiners: 0};
      const sim = new SimLedger(setup);
      sim.startTimers();
      await sim.run({stormMs: setup.stormMs ?? STORM_MS, calmMs: CALM_MS});
      for (const node of sim.live()) {
        const records = storedRecords(node.store, {breathe: () => undefined});
        const result = await rederive(records, {genesis: sim.genesis, verifier: setup.crypto.verifier});
        expect(result.divergence, `seed ${seed}, node ${node.index}`).toBeUndefined();
        expect(result.height).toBe(node.replica?.checkpoint.height);
        heights += result.heights;
        ops += result.ops;
        branches += (await node.store.range(KEY.entries)).filter(([key]) => SIDE_BRANCH.test(key)).length;
      }
    }
    expect(heights).toBeGreaterThan(0n);
    expect(ops).toBeGreaterThan(0);
    if (name === "forking") expect(branches).toBeGreaterThan(0);
  });
});
