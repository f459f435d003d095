/** What dies or lies about the time while a task runs: a coded reason, nothing charged, and on. */
import type {TaskView} from "@catalyze/api/schema/task";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import type {Daemon} from "./harness/daemon.ts";
import {expectDone, expectFree, reasonOf, spentOn} from "./harness/reasons.ts";
import {sample} from "./harness/samples.ts";
import {pause, until} from "./harness/until.ts";
import {type Bundle, sells, World} from "./harness/world.ts";

const MAX = {maxPriceUctz: "1000000"};
const SKEW = new URL("./harness/skewedClock.mjs", import.meta.url).href;
const CHOSEN_MS = 90_000;
const page = sample("notice.png");
const speech = sample("speech.wav");

let world: World;
let bundles: ReadonlyMap<string, Bundle>;
let ria: Daemon;
let tom: Daemon;

beforeAll(async () => {
  world = await World.create([
    {name: "ria"},
    {name: "pia", flags: sells()},
    // By far the cheapest, and slow enough to be caught at work.
    {name: "tom", flags: [...sells(0.3), "--devnet-delay-ms", "1200"], isWitness: false},
  ]);
  bundles = await world.bundles(["ocr", "vad"]);
  [ria, tom] = [world.daemon("ria"), world.daemon("tom")];
  await world.up();
  for (const name of ["pia", "tom"]) {
    for (const {folder} of bundles.values()) {
      const added = await world.daemon(name).ctz(["model", "add", folder]);
      expect(added.code, added.stdout).toBe(0);
    }
  }
  await heard(4);
});
afterAll(() => world?.close());

/** Whatever happened, the next task works and the books are right. */
afterEach(async () => {
  expectDone(await ria.run({...MAX, taskClass: "vad"}, speech));
  const verify = await ria.ctz(["ledger", "verify"]);
  expect(verify.code, verify.stdout).toBe(0);
});

async function heard(asks: number): Promise<void> {
  await until(`ria hears ${asks} asks`, async () => (await ria.client.call("asks", {})).asks.length >= asks);
}

/** Submits until tom is at work on one: routing explores, and leaves who failed alone for a while. */
async function atWork(): Promise<string> {
  const {peerId} = world.member("tom");
  for (const end = performance.now() + CHOSEN_MS; performance.now() < end; ) {
    const id = await ria.submit({...MAX, taskClass: "ocr", timeoutMs: 60_000}, page);
    const isThere = await until("it is given to somebody", async () => {
      const task = await ria.client.call("taskShow", {params: {id}});
      const last = task.attempts.at(-1);
      if (last?.peerId === peerId && task.phase === "running") return "tom";
      return (task.state !== "open" || (last !== undefined && last.peerId !== peerId)) && "other";
    });
    if (isThere === "tom") return id;
    await ria.taskEnd(id);
    await pause(400);
  }
  throw new Error("tom was never chosen");
}

/** The first attempt failed with this code, free of charge; another provider was paid. */
function expectRecovered(task: TaskView, codes: readonly string[]): void {
  expectDone(task);
  const [failed, next] = task.attempts;
  expect(failed?.peerId).toBe(world.member("tom").peerId);
  expect(codes).toContain(failed?.failure?.code);
  expect(failed?.chargedUctz).toBe("0");
  expect(next?.peerId).toBe(world.member("pia").peerId);
  // Noticed, and elsewhere within a second.
  expect((next?.startedAtMs ?? 0) - (failed?.endedAtMs ?? 0)).toBeLessThan(1_000);
}

describe("a death at work", () => {
  it("of the requester: the task ends after its restart, charged at most once", async () => {
    const id = await atWork();
    const key = "asked again";
    const other = await ria.submit({...MAX, taskClass: "vad", idempotencyKey: key}, speech);
    await ria.kill();
    await world.spawn("ria").ready();
    for (const each of [id, other]) {
      const task = await ria.taskEnd(each);
      if (task.state === "done") expectDone(task);
      else {
        expect(task.failure?.code).toBeDefined();
        expectFree(task);
      }
    }
    await heard(4);
    const again = await ria.client.upload("taskCreate", {
      ...MAX,
      taskClass: "vad",
      idempotencyKey: key,
      input: speech,
    });
    expect(again).toMatchObject({taskId: other, isNew: false});
  });

  it("of its executor: coded, uncharged, and the daemon goes on", async () => {
    const id = await atWork();
    const {pid} = tom;
    let isOver = false;
    const ending = ria.taskEnd(id).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      for (const child of tom.executors()) killOne(child);
      await pause(30);
    }
    expectRecovered(await ending, ["EXECUTOR_CRASHED"]);
    expect(tom.isRunning && tom.pid === pid).toBe(true);
    const why = (await tom.ctz(["node", "why"])).json;
    expect(why.reasons.map(({code}: {code: string}) => code)).toContain("EXECUTOR_CRASHED");
  });

  it("of the provider: the next candidate does it", async () => {
    const id = await atWork();
    await tom.kill();
    expectRecovered(await ria.taskEnd(id), ["PROVIDER_DIED"]);
    const {attempts} = (await ria.ctz(["task", "explain", id])).json as TaskView;
    expect(attempts[0]?.failure?.code).toBe("PROVIDER_DIED");
    await world.spawn("tom").ready();
    await heard(4);
  });
});

describe("a clock an hour off", () => {
  it.each([
    3_600_000, -3_600_000,
  ])("by %i ms: left alone, told why, and back once it is right", async (skewMs) => {
    await tom.stop();
    await world
      .spawn("tom", [], {
        NODE_OPTIONS: `--import ${SKEW}`,
        CTZ_TEST_SKEW_MS: String(skewMs),
      })
      .ready();
    await pause(2_000);
    const task = await ria.run({...MAX, taskClass: "vad"}, speech);
    expectDone(task);
    expect(task.attempts.map(({peerId}) => peerId)).not.toContain(world.member("tom").peerId);
    const reason = await reasonOf(tom, {...MAX, taskClass: "ocr", timeoutMs: 8_000}, page);
    // A provider runs its own tasks free of charge; nobody else would take its money.
    expect([undefined, "NO_PROVIDER", "TASK_CLASS_UNKNOWN"]).toContain(reason);
    expect(await spentOn(tom)).toBe(0n);
    await tom.stop();
    await world.spawn("tom").ready();
    await until("its asks count again", async () =>
      (await ria.client.call("asks", {})).asks.some(({peerId}) => peerId === world.member("tom").peerId),
    );
  });
});

function killOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was quicker.
  }
}
