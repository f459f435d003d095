/** A full disk, whose ever it is: a coded reason, nothing charged, nothing lost, and on once there is room. */
import type {TaskView} from "@catalyze/api/schema/task";
import {UCTZ_PER_CTZ} from "@catalyze/core/primitives/amount";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import {expectEqualBooks, untilSettled} from "./harness/books.ts";
import type {Daemon} from "./harness/daemon.ts";
import {expectCode, expectDone, expectFree, moneyOf, reasonOf, spentOn} from "./harness/reasons.ts";
import {sample, samplePath} from "./harness/samples.ts";
import {SmallDisk} from "./harness/smallDisk.ts";
import {pause, until} from "./harness/until.ts";
import {type Role, sells, World} from "./harness/world.ts";

const VAD = {taskClass: "vad", maxPriceUctz: "1000000"};
/** Who failed is left alone for half a minute, then for a minute. */
const TRIED_MS = 150_000;
/** Blocks that a file has begun still take a few small writes. */
const SENDS_MAX = 60;
const speech = sample("speech.wav");

let disk: SmallDisk | undefined;
let world: World;

/** Every member up and `asks` of them sold vad. */
async function open(roles: readonly Role[], sellers: readonly string[]): Promise<void> {
  world = await World.create(roles);
  await world.up();
  const bundle = (await world.bundles(["vad"])).get("vad");
  for (const name of sellers) {
    const added = await world.daemon(name).ctz(["model", "add", bundle?.folder ?? ""]);
    expect(added.code, added.stdout).toBe(0);
  }
  await heard(sellers.length);
}

async function heard(asks: number): Promise<void> {
  const {client} = world.daemon("ria");
  await until(`ria hears ${asks} asks`, async () => (await client.call("asks", {})).asks.length >= asks);
}

function close(): Promise<void> | undefined {
  disk?.free();
  return world?.close().finally(() => disk?.unmount());
}

/** What it has and what it is owed by vouchers. */
async function worthOf(daemon: Daemon): Promise<bigint> {
  const {receivableUctz} = await daemon.client.call("wallet", {});
  return (await moneyOf(daemon)) + BigInt(receivableUctz);
}

describe("of a requester", () => {
  beforeAll(async () => {
    disk = SmallDisk.mount();
    if (disk !== undefined) {
      await open(
        [
          {name: "ria", home: disk.home},
          {name: "pia", flags: sells()},
        ],
        ["pia"],
      );
    }
  });
  afterAll(close);

  it("is said by its code, charges nothing, loses nothing, and the next task works with room", async () => {
    if (disk === undefined) return;
    const daemon = world.daemon("ria");
    const before = await moneyOf(daemon);
    expectDone(await daemon.run(VAD, speech));
    const spent = await spentOn(daemon);
    disk.fill();
    const args = ["run", "vad", "-i", `@${samplePath("speech.wav")}`, "--max-price", "1"];
    expectCode(await daemon.ctz(args), "STORE_FULL");
    expect(await reasonOf(daemon, VAD, speech)).toBe("STORE_FULL");
    expect(await spentOn(daemon)).toBe(spent);
    expect((await daemon.ctz(["status"])).code).toBe(0);
    disk.free();
    await until("it takes tasks again", async () => (await reasonOf(daemon, VAD, speech)) === undefined);
    expect((await daemon.ctz(["ledger", "verify"])).code).toBe(0);
    expect(await moneyOf(daemon)).toBeLessThan(before);
    await daemon.kill();
    await daemon.spawn().ready();
    const {tasks} = await daemon.client.call("taskList", {});
    expect(tasks.filter(({state}) => state === "done").length).toBeGreaterThanOrEqual(2);
  });
});

describe("of a provider", () => {
  let ria: Daemon;
  let tom: Daemon;
  const supply = 300n * UCTZ_PER_CTZ;

  beforeAll(async () => {
    disk = SmallDisk.mount();
    if (disk === undefined) return;
    const roles = [
      {name: "ria"},
      {name: "pia", flags: sells()},
      // By far the cheapest: it is asked first whenever it may be asked.
      {name: "tom", flags: sells(0.3), home: disk.home, isWitness: false},
    ];
    await open(roles, ["pia", "tom"]);
    [ria, tom] = [world.daemon("ria"), world.daemon("tom")];
  });
  afterAll(close);

  /** Tasks until one was tried at tom, wherever it ended. */
  async function triedAtTom(wanted: (task: TaskView) => boolean): Promise<TaskView> {
    const {peerId} = world.member("tom");
    for (const end = performance.now() + TRIED_MS; performance.now() < end; ) {
      const task = await ria.run(VAD, speech);
      if (task.attempts.some((attempt) => attempt.peerId === peerId) && wanted(task)) return task;
      if (task.state === "done") expectDone(task);
      else expectFree(task);
      await pause(300);
    }
    throw new Error("tom was not tried");
  }

  const isDoneByTom = ({state, peerId}: TaskView) =>
    state === "done" && peerId === world.member("tom").peerId;

  const isFailedAtTom = ({attempts}: TaskView) =>
    attempts.some(({peerId, failure}) => peerId === world.member("tom").peerId && failure !== undefined);

  function expectElsewhere(task: TaskView): void {
    expectDone(task);
    const failed = task.attempts.find(({peerId}) => peerId === world.member("tom").peerId);
    expect(failed?.failure).toMatchObject({code: "PROVIDER_REFUSED"});
    expect(failed?.failure?.message).toContain("STORE_FULL");
    expect(failed?.chargedUctz).toBe("0");
    expect(task.peerId).toBe(world.member("pia").peerId);
  }

  it("sends the task elsewhere, names its reason, and earns again with room", async () => {
    if (disk === undefined) return;
    await triedAtTom(isDoneByTom);
    disk.fill();
    expectElsewhere(await triedAtTom(isFailedAtTom));
    const worth = await worthOf(tom);
    const why = (await tom.ctz(["node", "why"])).json;
    expect(why.reasons.map(({code}: {code: string}) => code)).toContain("STORE_FULL");
    expect((await tom.ctz(["status"])).code).toBe(0);
    disk.free();
    await triedAtTom(isDoneByTom);
    expect(await worthOf(tom)).toBeGreaterThan(worth);
  });

  it("killed while it is full, it comes back with all that it was paid", async () => {
    if (disk === undefined) return;
    await triedAtTom(isDoneByTom);
    disk.fill();
    expectElsewhere(await triedAtTom(isFailedAtTom));
    await tom.kill();
    disk.free();
    await world.spawn("tom").ready();
    await untilSettled([ria, world.daemon("pia"), tom]);
    // Each charge has left ria's lock: nobody has forgotten a voucher, and none was charged for nothing.
    expect((await moneyOf(ria)) + (await spentOn(ria))).toBe(100n * UCTZ_PER_CTZ);
    await expectEqualBooks([ria, tom], supply);
    await heard(2);
    await triedAtTom(isDoneByTom);
  });
});

describe("of the one witness", () => {
  let ria: Daemon;
  let wit: Daemon;

  beforeAll(async () => {
    disk = SmallDisk.mount();
    if (disk === undefined) return;
    const roles = [
      {name: "wit", home: disk.home},
      {name: "ria", isWitness: false},
      {name: "pia", flags: sells(), isWitness: false},
    ];
    await open(roles, ["pia"]);
    [ria, wit] = [world.daemon("ria"), world.daemon("wit")];
  });
  afterAll(close);
  afterEach(async () => {
    if (disk === undefined) return;
    disk.free();
    expectDone(await ria.run(VAD, speech));
  });

  const send = (amount: string) => ria.ctz(["wallet", "send", world.member("pia").account, amount]);

  it.each([
    false,
    true,
  ])("others wait with a reason, and go on with room (killed meanwhile: %s)", async (isKilled) => {
    if (disk === undefined) return;
    expect((await send("1")).code).toBe(0);
    const certified = await ria.client.call("ledgerBalances", {});
    disk.fill();
    let waiting = await send("2");
    for (let sent = 1; waiting.code === 0 && sent < SENDS_MAX; sent += 1) waiting = await send("0.01");
    expectCode(waiting, "OP_TIMEOUT");
    expect((await wit.ctz(["status"])).code).toBe(0);
    if (isKilled) await wit.kill();
    disk.free();
    if (isKilled) await world.spawn("wit").ready();
    const daemons = world.members.map(({daemon}) => daemon);
    await untilSettled(daemons);
    await expectEqualBooks(daemons, 300n * UCTZ_PER_CTZ);
    const after = await ria.client.call("ledgerBalances", {});
    const {account} = world.member("pia");
    const of = ({balances}: typeof after) =>
      BigInt(balances.find((entry) => entry.account === account)?.balanceUctz ?? 0);
    expect(of(after) - of(certified)).toBeGreaterThanOrEqual(2n * UCTZ_PER_CTZ);
  });
});
