/**
 * `npm run sim -- [scenario] --seed N`: one simulated ledger, told line by line; what fails is said last. A
 * seed alone names the life that a soak gives it.
 */
import {parseArgs} from "node:util";
import {SCENARIOS, type ScenarioName, scenarioOf} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";
import type {SimLedger} from "./simLedger.ts";

const USAGE = `npm run sim -- [${Object.keys(SCENARIOS).join(" | ")}] --seed N`;

/** The exit code: 1 when something did not hold, 2 for a wrong line. */
export async function runSim(args: readonly string[]): Promise<number> {
  const {values, positionals} = parseArgs({
    args: [...args],
    options: {seed: {type: "string", default: "1"}},
    allowPositionals: true,
  });
  const seed = Number(values.seed);
  const [name = scenarioOf(seed)] = positionals;
  if (!(name in SCENARIOS) || !Number.isSafeInteger(seed) || positionals.length > 1) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const trace = (atMs: number, who: string, what: string) =>
    process.stdout.write(`${atMs.toFixed(1).padStart(9)} ms  ${who.padEnd(10)} ${what}\n`);
  let sim: SimLedger;
  try {
    sim = await settledSim({...SCENARIOS[name as ScenarioName](seed), trace});
  } catch (error) {
    process.stdout.write(`\nIT DOES NOT HOLD: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  const heights = sim.live().map(({replica}) => replica?.checkpoint.height ?? 0n);
  for (const [epoch, {terms}] of sim.checks.terms) {
    const members = terms.at(-1)?.members.map(({seat, weight}) => `${seat} (weight ${weight})`) ?? [];
    process.stdout.write(`from epoch ${epoch}: witnesses ${members.join(", ")}\n`);
  }
  process.stdout.write(
    `\n${sim.steps} steps, ${sim.checks.certifiedOps} certified ops, ${sim.faults.restores} restores, heights ${heights.join(" ")}\n`,
  );
  return 0;
}
