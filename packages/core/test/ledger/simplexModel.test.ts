import {describe, expect, it} from "vitest";
import {explore} from "./simplexModel.ts";

/** Leaders of the first two iterations are witnesses 2 and 3. */
const WORLDS = [
  {who: "that never leads", bad: 1, iterations: 2, canRestart: false},
  {who: "that leads first and proposes two checkpoints", bad: 2, iterations: 2, canRestart: false},
  {who: "that leads second and repeats what it likes", bad: 3, iterations: 2, canRestart: false},
  {who: "that leads first, while others restart", bad: 2, iterations: 1, canRestart: true},
];

describe("every small world of Simplex: four witnesses, one or two iterations", () => {
  it.each(WORLDS)("finalizes one checkpoint at most, beside a bad one $who", (world) => {
    const {states, decisions} = explore({...world, statesMax: 3_000_000});
    process.stdout.write(`beside a bad one ${world.who}: ${states} worlds\n`);
    // Nothing, or one of those that could be proposed.
    expect(decisions.size).toBeGreaterThan(2);
  }, 300_000);
});
