/** The embedded EVM node as a process: it never outlives its owner, and its chain survives it. */
import {type ChildProcess, spawn} from "node:child_process";
import {readFileSync} from "node:fs";
import {mkdtemp, readdir, readFile, rm, truncate, writeFile} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import type {Log} from "@catalyze/core/ports/log";
import {EvmNode} from "@catalyze/daemon/chain/evmNode";
import {jsonRpc} from "@catalyze/daemon/chain/jsonRpc";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {afterEach, beforeEach, describe, expect, it} from "vitest";

const warnings: string[] = [];
const log: Log = {
  debug() {},
  info() {},
  warn: (message) => warnings.push(message),
  error() {},
  child: () => log,
};
const clock = new SystemClock();
const address = `0x${"aa".repeat(20)}`;

let folder: string;
let nodes: EvmNode[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ctz evm "));
  nodes = [];
});
afterEach(async () => {
  for (const node of nodes) await node.stop();
  await rm(folder, {recursive: true, force: true});
});

const nodeOf = (environment: NodeJS.ProcessEnv = process.env) => {
  const node = new EvmNode({clock, log}, {folder, environment, isMiningOnDemand: false});
  nodes.push(node);
  return node;
};
const blockOf = async (node: EvmNode) => Number(await jsonRpc(node.url, "eth_blockNumber"));
const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readStatus(pid));
  } catch {
    return false;
  }
};
const readStatus = (pid: number) => readFileSync(`/proc/${pid}/status`, "utf8");
const gone = async (pid: number) => {
  for (let waited = 0; isRunning(pid) && waited < 100; waited += 1) await clock.sleep(50);
  return !isRunning(pid);
};

describe("EvmNode", () => {
  it("keeps blocks and balances over a restart, and leaves nothing running", async () => {
    const first = nodeOf();
    await first.start();
    await first.fund(address);
    await first.mine(5);
    const pid = first.pid!;
    await first.stop();
    expect(await gone(pid)).toBe(true);
    expect(await readdir(folder)).not.toContain("evm-node.json");

    const second = nodeOf();
    await second.start();
    expect(await blockOf(second)).toBe(5);
    expect(BigInt(String(await jsonRpc(second.url, "eth_getBalance", [address, "latest"])))).toBe(10n ** 21n);
  });

  it("starts from the older state when the newer is damaged, from nothing when both are", async () => {
    const first = nodeOf();
    await first.start();
    await first.mine(3);
    await first.save();
    await first.mine(4);
    await first.stop();
    const newest = join(folder, "evm-state.json");
    await truncate(newest, 100);
    const second = nodeOf();
    await second.start();
    expect(await blockOf(second)).toBe(3);
    await second.stop();
    await truncate(newest, 0);
    await writeFile(`${newest}.previous`, "{");
    const third = nodeOf();
    await third.start();
    expect(await blockOf(third)).toBe(0);
  });

  it("loses no saved block to SIGKILL", async () => {
    const first = nodeOf();
    await first.start();
    await first.mine(2);
    await first.save();
    const pid = first.pid!;
    process.kill(pid, "SIGKILL");
    expect(await gone(pid)).toBe(true);
    await first.stop();
    const second = nodeOf();
    await second.start();
    expect(await blockOf(second)).toBe(2);
  });

  it("ends the node that a dead run left, and only that", async () => {
    // Without setpriv nothing ends the child of a killed owner: the next start does.
    const noSetpriv = {...process.env, PATH: "/nonexistent"};
    const left = nodeOf(noSetpriv);
    await left.start();
    const pid = left.pid!;
    warnings.length = 0;
    const next = nodeOf();
    await next.start();
    expect(warnings).toContain("ended the EVM node of an earlier run");
    expect(await gone(pid)).toBe(true);
    await next.stop();

    // A pid that now belongs to somebody else is left alone.
    const stranger = spawn("sleep", ["30"], {stdio: "ignore"});
    try {
      await writeFile(
        join(folder, "evm-node.json"),
        JSON.stringify({pid: stranger.pid, startedAt: "1", program: "anvil"}),
      );
      const again = nodeOf();
      await again.start();
      expect(isRunning(stranger.pid!)).toBe(true);
    } finally {
      stranger.kill("SIGKILL");
    }
  });

  it("dies with an owner that is killed", async () => {
    const owner = spawnOwner();
    try {
      const pid = Number(await firstLine(owner));
      expect(isRunning(pid)).toBe(true);
      owner.kill("SIGKILL");
      expect(await gone(pid)).toBe(true);
    } finally {
      owner.kill("SIGKILL");
    }
  });

  it("says which program is missing, and which one does not run", async () => {
    const missing = nodeOf({...process.env, CTZ_ANVIL: "/nowhere/anvil"});
    await expect(missing.start()).rejects.toMatchObject({code: "TOOL_MISSING"});
    const wrong = nodeOf({...process.env, CTZ_ANVIL: "/bin/false"});
    await expect(wrong.start()).rejects.toMatchObject({code: "CHAIN_UNREACHABLE"});
    expect(await readdir(folder)).not.toContain("evm-node.json");
  });

  it("writes nothing outside its folder and answers no web page", async () => {
    const node = nodeOf();
    await node.start();
    const response = await fetch(node.url, {
      method: "OPTIONS",
      headers: {origin: "http://evil.example", "access-control-request-method": "POST"},
    });
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(JSON.parse(await readFile(join(folder, "evm-node.json"), "utf8"))).toMatchObject({pid: node.pid});
  });
});

/** A process of its own that owns a node, from the built package. */
function spawnOwner(): ChildProcess {
  const program = `
    await import("@catalyze/core/primitives/polyfill");
    const {EvmNode} = await import("@catalyze/daemon/chain/evmNode");
    const {SystemClock} = await import("@catalyze/daemon/runtime/systemClock");
    const log = {debug() {}, info() {}, warn() {}, error() {}, child: () => log};
    const node = new EvmNode({clock: new SystemClock(), log}, {folder: ${JSON.stringify(folder)}, environment: process.env});
    await node.start();
    console.log(node.pid);`;
  return spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString("utf8").trim()));
    child.once("exit", (code) => reject(new Error(`the owner ended with ${code}`)));
  });
}
