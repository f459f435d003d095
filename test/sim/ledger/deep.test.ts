import {rederive} from "@catalyze/core/ledger/rederive";
import {storedRecords} from "@catalyze/core/ledger/storedRecords";
import {KEY, storedHeight} from "@catalyze/core/ledger/storeKeys";
import {describe, expect, it} from "vitest";
import {SCENARIOS, type ScenarioName} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";
import type {SimLedgerSetup} from "./simLedger.ts";

const SEEDS = Number(process.env["CTZ_SIM_SEEDS"] ?? 1);

describe("beside a witness that links to entries of long ago", () => {
  it.each<[ScenarioName, number]>([
    ["deep", 2],
    ["deepStorm", 1],
  ])("nodes that restart and begin with snapshots keep up, and derive the same: %s", async (name, first) => {
    let [joins, taken] = [0, 0];
    for (let seed = first; seed < first + SEEDS; seed++) {
      const setup: SimLedgerSetup = SCENARIOS[name](seed);
      const sim = await settledSim(setup);
      joins += sim.joins;
      for (const {replica, store, index} of sim.live()) {
        const {heads} = replica!.checkpoint;
        const covered = heads.find(({witness}) => witness === setup.bad)?.n ?? 0n;
        if (sim.firstDeepN !== undefined && covered >= sim.firstDeepN) taken += 1;
        // Where logs are not pruned, nobody keeps the snapshot with which a follower began.
        if (setup.logsS === undefined && (await storedHeight(store, KEY.begun)) !== undefined) continue;
        const records = storedRecords(store, {breathe: () => undefined});
        const {divergence} = await rederive(records, {
          genesis: sim.genesis,
          verifier: setup.crypto.verifier,
        });
        expect(divergence, `seed ${seed}, node ${index}`).toBeUndefined();
      }
    }
    expect(joins).toBeGreaterThan(SEEDS);
    // Its log went on once the epoch of such an entry was over. In a storm it loses entries for good.
    if (name === "deep") expect(taken).toBeGreaterThan(SEEDS);
    process.stdout.write(`${name}: ${SEEDS} seeds, ${joins} joins\n`);
  });
});
