/** The demo as a newcomer runs it: whole, interrupted, and after a crash of an earlier one. */
import {mkdir, rm} from "node:fs/promises";
import {join} from "node:path";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {prepareModels} from "../../scripts/models/prepareModels.mjs";
import {expectNothingLeft, expectSummary, startDemo} from "./harness/demo.ts";
import {makeFolder} from "./harness/world.ts";

let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  await prepareModels();
  folder = await makeFolder();
  // No system tool on the path: what an earlier run left is then found by its note alone.
  await mkdir(join(folder, "no tools"));
  env = {CTZ_DEMO_DIR: join(folder, "the demo"), PATH: join(folder, "no tools")};
});
afterAll(() => rm(folder, {recursive: true, force: true}));

describe("ctz demo", () => {
  it.each([
    ["while the stage is set", "The stage"],
    ["while tasks run", "Tasks find the cheapest"],
  ])("ends at Ctrl-C %s, and leaves nothing within ten seconds", async (_, chapter) => {
    const {child, tree, result, said} = startDemo(env);
    await said(chapter);
    const group = -(child.pid ?? 0);
    process.kill(group, "SIGINT");
    // A parent in the same terminal passes it on.
    child.kill("SIGINT");
    const {code, stdout} = await result;
    expect(code).toBe(130);
    expect(stdout).toBe("");
    await expectNothingLeft(tree, 10_000);
  });

  it("ends what a killed demo left, shows all of it, and leaves nothing", async () => {
    const crashed = startDemo(env);
    await crashed.said("Tasks find the cheapest");
    expect(crashed.tree.size).toBeGreaterThanOrEqual(6);
    crashed.child.kill("SIGKILL");
    await crashed.result;
    const isChainLeft = crashed.tree.alive().some(({command}) => command.includes("anvil"));
    expect(isChainLeft).toBe(true);

    const {tree, result} = startDemo(env);
    const {code, json, stdout, stderr} = await result;
    expect(code, `${stdout}\n${stderr}`).toBe(0);
    await expectNothingLeft(crashed.tree, 1_000);
    await expectNothingLeft(tree, 1_000);
    expect(tree.ports.length).toBeGreaterThanOrEqual(11);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expectSummary(json);
    for (const words of ["Call me", "SIGKILL at work", "burned", "all balances equal", "anchor transaction"])
      expect(stderr).toContain(words);
  });
});
