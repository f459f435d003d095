/**
 * Goes through seed after seed of the scenarios until one fails: what `npm run mutants` runs with a rule
 * taken out. With every rule in place nothing may fail.
 */
import {expect, it} from "vitest";
import {SCENARIOS, type ScenarioName} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";

const ALL: readonly ScenarioName[] = [
  ...(["hostile", "poor", "one", "forking", "storm", "changing", "governed"] as const),
  ...(["judged", "judgedHostile"] as const),
];
const ONLY = process.env["CTZ_SIM_SCENARIO"] ?? "";
const HUNTING = ONLY in SCENARIOS ? [ONLY as ScenarioName] : ALL;
const MUTANT = process.env["CTZ_MUTANT"];
/** Each scenario gets as many. */
const SEEDS = MUTANT === undefined ? 1 : Number(process.env["CTZ_SIM_SEEDS"] ?? 2_000);
const FIRST = Number(process.env["CTZ_SIM_FIRST"] ?? 1);

it("no scenario fails at any seed", async () => {
  let lives = 0;
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    for (const name of HUNTING) {
      lives += 1;
      try {
        await settledSim(SCENARIOS[name](seed));
      } catch (error) {
        throw new Error(`${name}, seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    }
  }
  expect(lives).toBe(SEEDS * HUNTING.length);
});
