/** Processes: crash, cancel, queue, warm models, stop, and a parent that dies. */
import {spawn} from "node:child_process";
import {mkdtempSync, readdirSync, readFileSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {fileURLToPath} from "node:url";
import {utf8} from "@catalyze/core/primitives/bytes";
import {encodeTensors, tensorsFromJson} from "@catalyze/core/task/tensors";
import type {OpenBundle} from "@catalyze/daemon/exec/bundleStore";
import {findChildProgram} from "@catalyze/daemon/exec/childProgram";
import {ExecutorChild} from "@catalyze/daemon/exec/executorChild";
import type {ExecutorPool} from "@catalyze/daemon/exec/executorPool";
import {detectIsolation, type Isolation, NO_ISOLATION} from "@catalyze/daemon/exec/isolation";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import {encodeModel, int64, node, valueInfo} from "../../../scripts/models/onnx/onnxModel.mjs";
import {pause} from "../harness/until.ts";
import {type BundleBook, demoBundles, modelBundle, poolOf, requestOf, sample} from "./executorHarness.ts";

let root: string;
let demo: {readonly dir: string; readonly book: BundleBook};
let isolation: Isolation;
let slow: OpenBundle;
let pool: ExecutorPool | undefined;

const input = encodeTensors(tensorsFromJson({x: {type: "float32", dims: [1], data: [0]}}));

/** About 20 s of one core in one native call. */
function slowModel(): Uint8Array {
  const times = 60;
  const nodes = [node("Expand", ["x", "shape"], ["m0"])];
  for (let i = 0; i < times; i++) nodes.push(node("MatMul", [`m${i}`, `m${i}`], [`m${i + 1}`]));
  nodes.push(node("ReduceMax", [`m${times}`], ["y"], {keepdims: 0}));
  const [x, y] = [valueInfo("x", "float32", [1]), valueInfo("y", "float32", [])];
  return encodeModel({
    name: "slow",
    nodes,
    inputs: [x],
    outputs: [y],
    initializers: [int64("shape", [2], [3000, 3000])],
  });
}

const slowRequest = () => ({bundle: slow.cid, params: utf8("{}"), input, unitsMax: 1n, timeoutMs: 60_000});

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "ctz lifecycle "));
  demo = await demoBundles();
  isolation = await detectIsolation();
  slow = modelBundle({folder: root, model: slowModel(), inputs: [{name: "x", type: "float32", dims: [1]}]});
  demo.book.set(slow.cid, slow);
});
afterEach(async () => {
  await pool?.stop();
  pool = undefined;
});
afterAll(() => rmSync(root, {recursive: true, force: true}));

const embed = () => requestOf(demo.book.get("embed") as OpenBundle, sample("sentences.txt"));

/** Process ids below `pid`, from /proc. */
function descendants(pid: number): readonly number[] {
  const children = readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return parent === pid ? [Number(name)] : [];
    } catch {
      return []; // It ended while we looked.
    }
  });
  return children.flatMap((child) => [child, ...descendants(child)]);
}

const isThere = (pid: number) => {
  try {
    // A zombie waits for its parent to look; it runs nothing any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

async function until(what: () => boolean, limitMs: number): Promise<number> {
  const started = performance.now();
  while (!what()) {
    if (performance.now() - started > limitMs) throw new Error("did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - started;
}

describe("a process that is killed", () => {
  it("fails its task with a code, and the next task gets a new one", async () => {
    pool = poolOf(demo.book, demo.dir);
    await pool.prepare(slow.cid);
    const running = pool.run(slowRequest());
    const failure = expect(running).rejects.toMatchObject({code: "EXECUTOR_CRASHED"});
    const pid = pool.processes()[0]?.pid as number;
    setTimeout(() => process.kill(pid, "SIGKILL"), 100);
    await failure;
    expect((await pool.run(embed())).output.length).toBeGreaterThan(1000);
    expect(pool.processes()[0]?.pid).not.toBe(pid);
  });
});

describe("cancelling", () => {
  it("kills what runs and drops what waits", async () => {
    pool = poolOf(demo.book, demo.dir);
    const [first, second] = [new AbortController(), new AbortController()];
    const running = pool.run(slowRequest(), {signal: first.signal});
    const waiting = pool.run(slowRequest(), {signal: second.signal});
    const ends = [running, waiting].map((each) =>
      expect(each).rejects.toMatchObject({code: "TASK_CANCELLED"}),
    );
    await until(() => pool?.state().queued === 1, 2000);
    second.abort();
    first.abort();
    await Promise.all(ends);
    expect((await pool.run(embed())).units).toBeGreaterThan(0n);
  });
});

describe("the queue", () => {
  it("is bounded, runs in order, and counts", async () => {
    pool = poolOf(demo.book, demo.dir, {queueMax: 2});
    const order: number[] = [];
    const jobs = [0, 1, 2].map((i) => pool?.run(embed()).then(() => order.push(i)));
    await until(() => pool?.state().queued === 2, 2000);
    expect(pool.state()).toEqual({slots: 1, busy: 1, queued: 2});
    await expect(pool.run(embed())).rejects.toMatchObject({code: "QUEUE_FULL"});
    await Promise.all(jobs);
    expect(order).toEqual([0, 1, 2]);
    await until(() => pool?.state().busy === 0, 1000);
  });

  it("settles everything when the pool stops, and leaves no process", async () => {
    pool = poolOf(demo.book, demo.dir, {slots: 2, isolation});
    const jobs = [slowRequest(), slowRequest(), embed()].map((request) =>
      pool?.run(request).catch((error: {code: string}) => error.code),
    );
    await until(() => (pool?.processes().length ?? 0) === 2 && pool?.state().queued === 1, 5000);
    const pids = pool.processes().flatMap(({pid}) => [pid, ...descendants(pid)]);
    expect(pids.length).toBeGreaterThanOrEqual(2);
    await pool.stop();
    expect(await Promise.all(jobs)).toEqual(["PROVIDER_DRAINING", "PROVIDER_DRAINING", "PROVIDER_DRAINING"]);
    // The kernel takes a moment to clear a killed process away.
    await until(() => !pids.some(isThere), 1000);
    await expect(pool.run(embed())).rejects.toMatchObject({code: "PROVIDER_DRAINING"});
  });
});

describe("a process that is killed while it starts", () => {
  it("leaves nothing, whatever it was doing", async () => {
    const options = {
      program: findChildProgram(),
      isolation,
      modelsDir: demo.dir,
      memoryBytesMax: 2 * 1024 ** 3,
    };
    for (let delayMs = 0; delayMs < 60; delayMs++) {
      const child = new ExecutorChild(options);
      await pause(delayMs / 2);
      const pids = [child.pid ?? 0, ...descendants(child.pid ?? 0)];
      const killed = child.kill().then(() => "gone");
      expect(await Promise.race([killed, pause(10_000)]), `killed after ${delayMs / 2} ms`).toBe("gone");
      await until(() => !pids.some(isThere), 1_000);
    }
  });
});

describe("warm models", () => {
  it("make way for others under the memory budget, and come back", async () => {
    const bytes = (demo.book.get("embed")?.bytes ?? 0) + 1;
    pool = poolOf(demo.book, demo.dir, {warmBytesMax: bytes});
    const vad = requestOf(demo.book.get("vad") as OpenBundle, sample("speech.wav"));
    const first = await pool.run(embed());
    await pool.run(vad);
    expect((await pool.run(embed())).output).toEqual(first.output);
  });

  it("answer late when a devnet asks for a slow provider", async () => {
    pool = poolOf(demo.book, demo.dir, {delayMs: 400});
    await pool.prepare("embed" as OpenBundle["cid"]);
    const started = performance.now();
    const {executorMs} = await pool.run(embed());
    expect(performance.now() - started).toBeGreaterThan(400);
    expect(executorMs).toBeLessThan(400);
  });
});

describe("doctor", () => {
  it("proves that models run, and says how they are held", async () => {
    pool = poolOf(demo.book, demo.dir, {isolation});
    expect(await pool.probe()).toMatchObject({
      ok: true,
      runtime: expect.stringContaining("onnxruntime-node"),
    });
    const broken = poolOf(demo.book, demo.dir, {
      isolation: {...NO_ISOLATION, prlimit: "/nonexistent/prlimit"},
    });
    expect(await broken.probe()).toMatchObject({ok: false, problem: expect.any(String)});
    await broken.stop();
  });
});

describe("a daemon that dies", () => {
  const fixture = fileURLToPath(new URL("parentFixture.mjs", import.meta.url));
  const ways = async (): Promise<Readonly<Record<string, Isolation>>> => ({
    "everything that is here": isolation,
    "no sandbox": {...isolation, bwrap: undefined},
  });

  it.each([
    "everything that is here",
    "no sandbox",
  ])("leaves no executor behind, in the middle of a run: %s", async (name) => {
    const way = (await ways())[name] as Isolation;
    const parent = spawn(process.execPath, [fixture, root, JSON.stringify(way)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = parent.pid as number;
    try {
      await new Promise<void>((resolve, reject) => {
        parent.stdout.once("data", () => resolve());
        parent.once("exit", () => reject(new Error("the parent ended early")));
      });
      await new Promise((resolve) => setTimeout(resolve, 300));
      const below = descendants(pid);
      expect(below.length).toBeGreaterThanOrEqual(1);
      process.kill(pid, "SIGKILL");
      // With a death signal at once; without one when the native call returns.
      const hasSignal = way.bwrap !== undefined || way.setpriv !== undefined;
      expect(
        await until(() => below.every((each) => !isThere(each)), hasSignal ? 3000 : 60_000),
      ).toBeLessThan(60_000);
    } finally {
      parent.kill("SIGKILL");
    }
  });
});
