import {rederive} from "@catalyze/core/ledger/rederive";
import {storedRecords} from "@catalyze/core/ledger/storedRecords";
import {KEY, storedHeight} from "@catalyze/core/ledger/storeKeys";
import {describe, expect, it} from "vitest";
import {SCENARIOS, type ScenarioName} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";

const SEEDS = Number(process.env["CTZ_SIM_SEEDS"] ?? 2);
const FIRST = Number(process.env["CTZ_SIM_FIRST"] ?? 1);

describe("nodes that prune their logs", () => {
  it.each<[ScenarioName]>([
    ["pruning"],
    ["pruningForks"],
  ])("stay live, agree, and are verified from where their logs start: %s", async (name) => {
    let [pruned, joins, rejoins, starts] = [0, 0, 0, 0];
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const setup = SCENARIOS[name](seed);
      const sim = await settledSim(setup);
      [pruned, joins, rejoins] = [pruned + sim.pruned, joins + sim.joins, rejoins + sim.rejoins];
      for (const node of sim.live()) {
        const records = storedRecords(node.store, {breathe: () => undefined});
        const result = await rederive(records, {genesis: sim.genesis, verifier: setup.crypto.verifier});
        expect(result.divergence, `seed ${seed}, node ${node.index}`).toBeUndefined();
        expect(result.height).toBe(node.replica?.checkpoint.height);
        expect(result.begun >= ((await storedHeight(node.store, KEY.begun)) ?? 0n)).toBe(true);
        if (result.begun > 0n) starts += 1;
      }
    }
    expect(starts).toBeGreaterThan(0);
    process.stdout.write(
      `${name}: ${SEEDS} seeds, ${pruned} entries pruned, ${joins} joins, ${rejoins} of them anew\n`,
    );
    expect(pruned).toBeGreaterThan(0);
  });
});
