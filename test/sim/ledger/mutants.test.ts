/** A test of the tests: rules of the ledger are taken out one at a time, and something has to fail. */
import {spawnSync} from "node:child_process";
import {join} from "node:path";
import {describe, expect, it} from "vitest";
import {mutated, readMutants, sourceOf} from "../../mutants/mutants.ts";

describe("mutants of the ledger", () => {
  it("name texts that are there, once each", () => {
    const mutants = readMutants();
    expect(new Set(mutants.map(({name}) => name)).size).toBe(mutants.length);
    expect(mutants.length).toBeGreaterThanOrEqual(30);
    for (const mutant of mutants) expect(mutated(mutant, sourceOf(mutant))).not.toBe(sourceOf(mutant));
  });

  // All of them: `npm run mutants`.
  it("of the sample are caught within a few seeds", () => {
    const script = join(import.meta.dirname, "../../../scripts/mutants.mjs");
    const args = ["--sample", "--simulated", "--processes", "1", "--seeds", "20"];
    const {stdout, stderr, status} = spawnSync(process.execPath, [script, ...args], {encoding: "utf8"});
    expect({stdout, stderr, status}).toMatchObject({status: 0});
  });
});
