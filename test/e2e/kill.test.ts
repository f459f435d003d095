/**
 * `kill -9` of any process of a small network, at random moments, while it works. `CTZ_KILLS` sets how many
 * (a soak takes a thousand), `CTZ_SEED` replays the choices; the moments themselves are the machine's.
 */
import type {TaskView} from "@catalyze/api/schema/task";
import {afterAll, beforeAll, expect, it} from "vitest";
import {SeededRandom} from "../sim/fakes/seededRandom.ts";
import {expectEqualBooks, untilSettled} from "./harness/books.ts";
import type {Daemon} from "./harness/daemon.ts";
import {expectDone, expectFree, moneyOf} from "./harness/reasons.ts";
import {sample} from "./harness/samples.ts";
import {pause, until} from "./harness/until.ts";
import {sells, World} from "./harness/world.ts";

const KILLS = Number(process.env["CTZ_KILLS"] ?? 15);
const SEED = Number(process.env["CTZ_SEED"] ?? 20_26);
const NAMES = ["ria", "mo", "pia", "sol"];
const BALANCE = 100_000_000n;
const OP_FEE = 100n;
/** Tasks that one run may have open: more would only queue. */
const OPEN_MAX = 3;
const TASK_MS = 120_000;

const speech = sample("speech.wav");
const header = (idempotencyKey: string) => ({
  ...{taskClass: "vad", maxPriceUctz: "1000000", timeoutMs: TASK_MS},
  idempotencyKey,
});

let world: World;
let ria: Daemon;

beforeAll(async () => {
  world = await World.create([
    {name: "ria"},
    {name: "mo", flags: ["--role", "middleware"]},
    {name: "pia", flags: [...sells(), "--devnet-delay-ms", "150"]},
    {name: "sol", flags: [...sells(0.9), "--devnet-delay-ms", "250"]},
  ]);
  ria = world.daemon("ria");
  await world.up();
  const bundle = (await world.bundles(["vad"])).get("vad")?.folder ?? "";
  for (const name of ["pia", "sol"])
    expect((await world.daemon(name).ctz(["model", "add", bundle])).code).toBe(0);
  await until("ria hears the asks", async () => (await ria.client.call("asks", {})).asks.length >= 2);
});
afterAll(() => world?.close());

/** Keeps a few tasks open for as long as it may; what was acknowledged is in `taken`. */
class Customer {
  readonly taken = new Map<string, string>();
  #isOver = false;
  #count = 0;

  async run(): Promise<void> {
    while (!this.#isOver) {
      try {
        const {tasksOpen} = await ria.client.call("status", {timeoutMs: 2_000});
        if (tasksOpen < OPEN_MAX) await this.#order();
      } catch {
        // The node is down, or goes down under us: whatever was not acknowledged does not count.
      }
      await pause(80);
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  async #order(): Promise<void> {
    const key = `order ${this.#count}`;
    const {taskId} = await ria.client.upload(
      "taskCreate",
      {...header(key), input: speech},
      {timeoutMs: 5_000},
    );
    this.taken.set(key, taskId);
    this.#count += 1;
  }
}

/** A daemon, or an executor process of one. */
async function killOne(random: SeededRandom): Promise<string> {
  const name = NAMES[Math.floor(random.float() * NAMES.length)] ?? "ria";
  const daemon = world.daemon(name);
  await pause(random.float() * 900);
  const [executor] = daemon.executors();
  if (executor !== undefined && random.float() < 0.25) {
    process.kill(executor, "SIGKILL");
    return `executor of ${name}`;
  }
  await daemon.kill();
  await pause(random.float() * 800);
  await world.spawn(name).ready();
  return name;
}

it(
  `keeps its books through ${KILLS} kills (seed ${SEED})`,
  async () => {
    const random = new SeededRandom(SEED);
    const customer = new Customer();
    const working = customer.run();
    const killed: string[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) killed.push(await killOne(random));
    customer.stop();
    await working;
    const story = `killed: ${killed.join(", ")}`;

    expect(customer.taken.size, story).toBeGreaterThan(KILLS / 3);
    let charged = 0n;
    for (const [key, id] of customer.taken) {
      const task: TaskView = await ria.taskEnd(id, TASK_MS + 60_000);
      if (task.state === "done") expectDone(task);
      else expectFree(task);
      charged += BigInt(task.chargedUctz);
      const again = await ria.client.upload("taskCreate", {...header(key), input: speech});
      expect(again, story).toMatchObject({taskId: id, isNew: false});
    }
    const {tasks} = await ria.client.call("taskList", {query: {limit: 1000}});
    const states = tasks.map(({state, failure}) => failure?.code ?? state);
    expect(states.filter((state) => state === "done").length, states.join()).toBeGreaterThan(
      tasks.length / 2,
    );

    const daemons = NAMES.map((name) => world.daemon(name));
    await untilSettled(daemons);
    await expectEqualBooks(daemons, BALANCE * BigInt(NAMES.length));
    // What is not acknowledged to us may still have been taken and paid.
    const all = tasks.reduce((sum, task) => sum + BigInt(task.chargedUctz), 0n);
    expect(all).toBeGreaterThanOrEqual(charged);
    const fees = BALANCE - (await moneyOf(ria)) - all;
    expect(fees % OP_FEE, story).toBe(0n);
    expect(fees).toBeGreaterThanOrEqual(OP_FEE);

    await until("the asks are back", async () => (await ria.client.call("asks", {})).asks.length >= 2);
    expectDone(await ria.run(header("one more"), speech));
  },
  900_000 + KILLS * 20_000,
);
