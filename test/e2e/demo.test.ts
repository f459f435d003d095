/** The demo as a newcomer runs it: whole, interrupted, and after a crash of an earlier one. */
import {type ChildProcess, spawn} from "node:child_process";
import {mkdir, rm} from "node:fs/promises";
import {join} from "node:path";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {prepareModels} from "../../scripts/models/prepareModels.mjs";
import {type CliResult, CTZ, cleanEnv, ended} from "./harness/cli.ts";
import {ProcessTree} from "./harness/processTree.ts";
import {until} from "./harness/until.ts";
import {makeFolder} from "./harness/world.ts";

const RUN_MS = 240_000;

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

type Running = {
  readonly child: ChildProcess;
  readonly tree: ProcessTree;
  readonly result: Promise<CliResult>;
  /** Resolves once it has said this. */
  said(text: string): Promise<void>;
};

/** In a process group of its own, as a shell starts it. */
function startDemo(): Running {
  const child = spawn(process.execPath, [CTZ, "demo", "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: cleanEnv(env),
  });
  const tree = new ProcessTree();
  tree.watch(child.pid ?? 0);
  let heard = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    heard += chunk.toString("utf8");
  });
  const result = ended(child, RUN_MS).finally(() => tree.stop());
  const said = async (text: string) => {
    await until(`the demo says "${text}"`, () => heard.includes(text) || child.exitCode !== null, RUN_MS);
    if (!heard.includes(text)) throw new Error(`it ended before "${text}":\n${heard}`);
  };
  return {child, tree, result, said};
}

async function expectNothingLeft(tree: ProcessTree, withinMs: number): Promise<void> {
  await until("nothing of it runs", () => tree.alive().length === 0, withinMs).catch(() => {
    expect(tree.alive()).toEqual([]);
  });
  expect(await tree.openPorts()).toEqual([]);
}

describe("ctz demo", () => {
  it.each([
    ["while the stage is set", "The stage"],
    ["while tasks run", "Tasks find the cheapest"],
  ])("ends at Ctrl-C %s, and leaves nothing within ten seconds", async (_, chapter) => {
    const {child, tree, result, said} = startDemo();
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
    const crashed = startDemo();
    await crashed.said("Tasks find the cheapest");
    expect(crashed.tree.size).toBeGreaterThanOrEqual(6);
    crashed.child.kill("SIGKILL");
    await crashed.result;
    const isChainLeft = crashed.tree.alive().some(({command}) => command.includes("anvil"));
    expect(isChainLeft).toBe(true);

    const {tree, result} = startDemo();
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

const HASH = /^[0-9a-f]{64}$/;

function expectSummary(json: any): void {
  const {tasks, checkpoint, anchor, killed, ...rest} = json;
  expect(rest).toEqual({v: 1, ok: true, witnesses: 4, balancesEqual: true, conserved: true});
  expect(tasks.length).toBeGreaterThanOrEqual(12);
  for (const task of tasks) {
    expect(Object.keys(task).sort()).toEqual(["attempts", "chargedUctz", "class", "id", "ms", "provider"]);
    expect(task.id).toMatch(/^[0-9a-f]{32}$/);
    expect(["pia", "sol", "tom"]).toContain(task.provider);
    expect(task.attempts).toBeGreaterThanOrEqual(1);
    expect(task.chargedUctz).toBeGreaterThan(0);
    expect(task.ms).toBeGreaterThan(0);
  }
  expect(new Set(tasks.map(({id}: {id: string}) => id)).size).toBe(tasks.length);
  expect(new Set(tasks.map((task: {class: string}) => task.class)).size).toBeGreaterThanOrEqual(3);
  expect(Object.keys(checkpoint).sort()).toEqual(["height", "root"]);
  expect(checkpoint.height).toBeGreaterThan(0);
  expect(checkpoint.root).toMatch(HASH);
  expect(Object.keys(anchor).sort()).toEqual(["epoch", "root", "rootOnChain", "tx"]);
  expect(anchor.epoch).toBeGreaterThanOrEqual(0);
  expect(anchor.tx).toMatch(/^(0x)?[0-9a-f]{64}$/);
  expect(anchor.root).toBe(checkpoint.root);
  expect(anchor.rootOnChain).toBe(anchor.root);
  expect(Object.keys(killed).sort()).toEqual(["chargedForFailedAttemptUctz", "recoveredMs", "task"]);
  expect(tasks.map(({id}: {id: string}) => id)).toContain(killed.task);
  expect(killed.recoveredMs).toBeLessThan(1_000);
  expect(killed.chargedForFailedAttemptUctz).toBe(0);
}
