/** `ctz demo --json` as a process, what it says, what must not be left of it, and its one object. */
import {type ChildProcess, spawn} from "node:child_process";
import {expect} from "vitest";
import {type CliResult, CTZ, cleanEnv, ended} from "./cli.ts";
import {ProcessTree} from "./processTree.ts";
import {until} from "./until.ts";

const RUN_MS = 240_000;

export type RunningDemo = {
  readonly child: ChildProcess;
  readonly tree: ProcessTree;
  readonly result: Promise<CliResult>;
  /** Resolves once it has said this. */
  said(text: string): Promise<void>;
};

/** In a process group of its own, as a shell starts it. */
export function startDemo(env: Readonly<Record<string, string>>): RunningDemo {
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
    if (!heard.includes(text))
      throw new Error(`it ended before "${text}":\n${heard}${(await result).stdout}`);
  };
  return {child, tree, result, said};
}

export async function expectNothingLeft(tree: ProcessTree, withinMs: number): Promise<void> {
  await until("nothing of it runs", () => tree.alive().length === 0, withinMs).catch(() => {
    expect(tree.alive()).toEqual([]);
  });
  expect(await tree.openPorts()).toEqual([]);
}

const HASH = /^[0-9a-f]{64}$/;

/** What `--json` prints at the end: every figure there, and as it must be. */
export function expectSummary(json: any): void {
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
