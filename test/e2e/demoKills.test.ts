/**
 * `kill -9` of each process of the demo, at random moments of it. `CTZ_DEMO_KILLS` sets how many (a soak takes
 * several rounds of all), `CTZ_SEED` replays the choices; within a chapter the moments are the machine's.
 *
 * A daemon or the chain that dies ends the demo at once, with a code that names it; an executor that dies is
 * replaced, and the demo succeeds: it comes last, which also shows that the next demo in the same folder works.
 */
import {existsSync} from "node:fs";
import {rm} from "node:fs/promises";
import {join} from "node:path";
import type {TaskView} from "@catalyze/api/schema/task";
import {ERRORS} from "@catalyze/core/errors/table";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {prepareModels} from "../../scripts/models/prepareModels.mjs";
import {SeededRandom} from "../sim/fakes/seededRandom.ts";
import {expectEqualBooks, untilSettled} from "./harness/books.ts";
import type {CliResult} from "./harness/cli.ts";
import {expectNothingLeft, expectSummary, type RunningDemo, startDemo} from "./harness/demo.ts";
import {DemoHomes} from "./harness/demoHomes.ts";
import {expectCode, expectDone, expectFree, moneyOf} from "./harness/reasons.ts";
import {sample} from "./harness/samples.ts";
import {pause, until} from "./harness/until.ts";
import {makeFolder} from "./harness/world.ts";

const KILLS = Number(process.env["CTZ_DEMO_KILLS"] ?? 3);
const SEED = Number(process.env["CTZ_SEED"] ?? 20_26);
/** From the kill to the demo's end: the others stop in order, at most 8 s. */
const END_MS_MAX = 15_000;
const OP_FEE = 100n;
const TASK_MS = 90_000;

const DAEMONS = ["ria", "mo", "pia", "sol", "tom"];

/** Chapters, and how long after their title the kill may come. */
const WORK = [
  ["Tasks find the cheapest", 6_000],
  ["A batch of 6", 700],
  ["Other ways", 1_200],
] as const;
const MOMENTS = [
  ...([
    ["Five daemons", 3_000],
    ["Who asks what price", 4_000],
  ] as const),
  ...WORK,
  ...([
    ["tom is killed", 3_000],
    ["Money that adds up", 1_500],
    ["The chain", 800],
  ] as const),
] as const;
const MOMENTS_OF: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  chain: [["The stage", 1_500], ...MOMENTS],
  executor: [...WORK, ["tom is killed", 2_000]],
};

type Kill = {readonly victim: string; readonly chapter: string; readonly delayMs: number};

/** One daemon, the chain and an executor; with more, each daemon before any comes again. */
function planOf(kills: number): readonly Kill[] {
  const random = new SeededRandom(SEED);
  const rounds = Math.ceil(kills / (DAEMONS.length + 2));
  const all = Array.from({length: rounds}, () => {
    const [first = "", ...others] = random.shuffle(DAEMONS);
    return [first, "chain", "executor", ...others];
  });
  const chosen = all.flat().slice(0, kills);
  const isLast = (victim: string) => Number(victim === "executor");
  return chosen
    .sort((left, right) => isLast(left) - isLast(right))
    .map((victim) => {
      const [chapter, delayMsMax] = random.pick(MOMENTS_OF[victim] ?? MOMENTS);
      return {victim, chapter, delayMs: Math.round(random.float() * delayMsMax)};
    });
}

let folder: string;
let homes: DemoHomes;

beforeAll(async () => {
  await prepareModels();
  folder = await makeFolder();
  homes = new DemoHomes(join(folder, "the demo"));
});
afterAll(() => rm(folder, {recursive: true, force: true, maxRetries: 5}));

/** Waits for the moment and for the victim to be there, and kills it. What was acknowledged until then. */
async function killIn(demo: RunningDemo, {victim, chapter, delayMs}: Kill): Promise<readonly TaskView[]> {
  await demo.said(`── ${chapter}`);
  await pause(delayMs);
  const tasks = await homes.acknowledged();
  await until(`${victim} is killed`, () => demo.child.exitCode !== null || isKilled(victim), 60_000);
  expect(demo.child.exitCode, "the demo ended before the kill").toBe(null);
  return tasks;
}

function isKilled(victim: string): boolean {
  const pid = victim === "executor" ? homes.executors()[0] : homes.pidOf(victim);
  try {
    return pid !== undefined && process.kill(pid, "SIGKILL");
  } catch {
    // Its note is older than its end: the next one counts.
    return false;
  }
}

/** The demo says by its code and in words who died, how, and where to look. */
function expectReason(result: CliResult, victim: string): void {
  const isChain = victim === "chain";
  expectCode(result, isChain ? "CHAIN_UNREACHABLE" : "DAEMON_DIED");
  expect(result.stdout.trim().split("\n")).toHaveLength(1);
  const {message, evidence} = result.json.error;
  expect(message).toContain(isChain ? "EVM node" : victim);
  expect(message).toContain("SIGKILL");
  expect(message).toContain(evidence.log);
  expect(existsSync(evidence.log), evidence.log).toBe(true);
}

async function expectTasks(acknowledged: readonly TaskView[]): Promise<bigint> {
  const ria = homes.daemon("ria");
  const list = async () => (await ria.client.call("taskList", {query: {limit: 1000}})).tasks;
  for (const {taskId} of await list()) await ria.taskEnd(taskId, TASK_MS);
  const tasks = await list();
  for (const task of tasks) {
    if (task.state === "done") expectDone(task);
    else {
      expectFree(task);
      if (task.state === "failed") expect(Object.keys(ERRORS)).toContain(task.failure?.code);
      expect(task.failure?.code).not.toBe("INTERNAL");
    }
  }
  for (const {taskId, state, chargedUctz} of acknowledged) {
    const task = tasks.find((each) => each.taskId === taskId);
    expect(task, `task ${taskId} was acknowledged`).toBeDefined();
    if (state === "open") continue;
    expect(task).toMatchObject({state, chargedUctz});
    if (state === "done") expect((await ria.client.taskOutput(taskId)).bytes.length).toBeGreaterThan(0);
  }
  return tasks.reduce((sum, task) => sum + BigInt(task.chargedUctz), 0n);
}

/** Open tasks end, what was acknowledged is there, a new task works, and the books of all are equal. */
async function expectGoesOn(acknowledged: readonly TaskView[]): Promise<void> {
  const [ria, pia] = [homes.daemon("ria"), homes.daemon("pia")];
  const before = await expectTasks(acknowledged);
  expect((await pia.ctz(["model", "add", homes.bundle("vad")])).code).toBe(0);
  await until("somebody sells speech detection", async () =>
    (await ria.client.call("asks", {})).asks.some(({alias}) => alias === "vad"),
  );
  const task = await ria.run(
    {taskClass: "vad", maxPriceUctz: "1000000", timeoutMs: 60_000},
    sample("speech.wav"),
  );
  expectDone(task);
  const charged = before + BigInt(task.chargedUctz);
  // Every charge is claimed once: what else has left the requester are fees. A voucher may still be on its way.
  const fees = async () => homes.balanceOf("ria") - (await moneyOf(ria)) - charged;
  await until("every charge is claimed", async () => isFees(await fees()), TASK_MS).catch(() => undefined);
  await untilSettled(homes.daemons);
  await expectEqualBooks(homes.daemons, homes.supply);
  expect(await fees()).toSatisfy(isFees);
}

function isFees(amount: bigint): boolean {
  return amount >= OP_FEE && amount % OP_FEE === 0n;
}

describe(`kill -9 in the demo (seed ${SEED})`, () => {
  it.each(planOf(KILLS))("of $victim, $delayMs ms after “$chapter”", async (kill) => {
    const {victim} = kill;
    const demo = startDemo({CTZ_DEMO_DIR: homes.folder, PATH: process.env["PATH"] ?? ""});
    const acknowledged = await killIn(demo, kill);
    const killedMs = performance.now();
    const result = await demo.result;
    if (victim === "executor") {
      expect(result.code, `${result.stdout}\n${result.stderr}`).toBe(0);
      expectSummary(result.json);
    } else {
      expect(performance.now() - killedMs).toBeLessThan(END_MS_MAX);
      expectReason(result, victim);
    }
    await expectNothingLeft(demo.tree, 1_000);
    if (!homes.haveRun) return;
    try {
      await homes.up(victim !== "chain");
      await expectGoesOn(acknowledged);
    } finally {
      await homes.down();
    }
  });
});
