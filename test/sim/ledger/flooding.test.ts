import {placeOfEntry} from "@catalyze/core/ledger/entryNumber";
import {describe, expect, it} from "vitest";
import {SCENARIOS} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";
import {SMALL_ROOM} from "./simLedger.ts";

const SEEDS = Number(process.env["CTZ_SIM_SEEDS"] ?? 1);
const FIRST = Number(process.env["CTZ_SIM_FIRST"] ?? 1);

describe("beside a witness that writes without end", () => {
  it("every node takes as much of it as its log may have, and the ledger goes on", async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const setup = SCENARIOS.flooding(seed);
      const sim = await settledSim(setup);
      const {checkpointsPerEpoch} = sim.genesis.params;
      const perEpoch = SMALL_ROOM.uncoveredMax + SMALL_ROOM.perHeight * BigInt(checkpointsPerEpoch);
      for (const {replica, index} of sim.live()) {
        const taken = placeOfEntry(replica!.heads().find(({witness}) => witness === setup.bad)?.n ?? 0n);
        expect(taken, `seed ${seed}, node ${index}`).toBeLessThanOrEqual(perEpoch);
        expect(taken).toBeGreaterThan(0n);
        expect(sim.badEntries).toBeGreaterThan(taken);
      }
    }
  });
});
