/** Peers that send garbage on every protocol and topic, and providers that lie: real sockets, real daemons. */
import {createHash} from "node:crypto";
import {create, toBinary} from "@bufbuild/protobuf";
import {chargeAt} from "@catalyze/core/market/price";
import {concat, toHex} from "@catalyze/core/primitives/bytes";
import type {AttemptId, Hash, LockId, TaskHash} from "@catalyze/core/primitives/id";
import {signCommit} from "@catalyze/core/task/resultCommit";
import {hashSpec, specFromWire} from "@catalyze/core/task/spec";
import {FRAME_BYTES_MAX, GOSSIP_BYTES_MAX} from "@catalyze/proto/frameLimits";
import {LedgerFrameSchema} from "@catalyze/proto/gen/catalyze/v1/ledger_pb";
import {MarketFrameSchema} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import type {ProtocolName, TopicName} from "@catalyze/proto/topics";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import {SeededRandom} from "../sim/fakes/seededRandom.ts";
import type {Daemon} from "./harness/daemon.ts";
import {type Protocol, varint} from "./harness/enemy.ts";
import {type Behaviour, Liar, type Talk} from "./harness/liar.ts";
import {expectDone, expectFree} from "./harness/reasons.ts";
import {HEADER, Siege, speech} from "./harness/siege.ts";
import {pause, until} from "./harness/until.ts";
import type {World} from "./harness/world.ts";

const TOPICS: readonly TopicName[] = ["asks", "offers", "awards", "entries"];

let siege: Siege;
let world: World;
let ria: Daemon;
let pia: Daemon;

beforeAll(async () => {
  siege = await Siege.open();
  ({world, ria, pia} = siege);
});
afterEach(() => siege.expectTrade());
afterAll(() => world?.close());

/** Noise, each kind of message empty, lengths that lie, and frames above the limit. */
function garbage(random: SeededRandom, bytesMax: number): Uint8Array[] {
  const frame = (bytes: Uint8Array) => concat(varint(bytes.length), bytes);
  return [
    ...[1, 2, 17, 300].map((length) => frame(random.bytes(length))),
    ...Array.from({length: 13}, (_, field) => frame(Uint8Array.of((field << 3) | 2, 0))),
    random.bytes(64),
    concat(varint(1_000), random.bytes(10)),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    concat(varint(bytesMax + 1), new Uint8Array(64)),
  ];
}

describe("garbage on a stream", () => {
  it.each<[Protocol, boolean]>([
    ["task", true],
    ["market", true],
    ["ledger", true],
    ["blob", true],
    // Whoever asks gets the genesis, and nothing that is sent is read.
    ["genesis", false],
  ])("%s: is dropped, costs standing, and holds no memory", async (protocol, isPunished) => {
    const before = siege.rssOf(pia);
    const bytesMax = protocol === "genesis" ? 1024 * 1024 : FRAME_BYTES_MAX[protocol];
    const enemy = await siege.enemy("pia");
    for (const bytes of garbage(new SeededRandom(protocol), bytesMax)) await enemy.send(protocol, bytes);
    expect(await enemy.isWelcome()).toBe(!isPunished);
    for (let count = 0; count < 4; count += 1) {
      const large = await siege.enemy("pia");
      await large.sendFrame(protocol, new Uint8Array(bytesMax + 4_096));
    }
    siege.expectGrowth(before);
  });
});

describe("statements that look right", () => {
  it("replayed, cut off, changed or too large on every topic: nobody else is moved", async () => {
    const enemy = await siege.enemy("fay");
    await enemy.join(TOPICS);
    await until("asks and entries are heard", async () => {
      await ria.run({...HEADER, route: "auction"}, speech).catch(() => undefined);
      return enemy.heardOn("asks").length > 0 && enemy.heardOn("entries").length > 0;
    });
    const {asks} = await ria.client.call("asks", {});
    const {balances} = await ria.client.call("ledgerBalances", {});
    const before = siege.rssOf(pia);
    for (const topic of TOPICS) {
      const real = enemy.heardOn(topic).slice(-3);
      const liar = await siege.enemy(topic === "entries" ? "fay" : "pia");
      await liar.join([topic]);
      for (const bytes of real) await liar.publish(topic, bytes);
      for (const bytes of real) for (const bad of spoiled(bytes)) await liar.publish(topic, bad);
      await liar.publish(topic, new SeededRandom(topic).bytes(500));
      await liar.publish(topic, new Uint8Array(GOSSIP_BYTES_MAX[topic] + 1));
      await until(`${topic}: it is shown out`, async () => !liar.isConnected || !(await liar.isWelcome()));
    }
    siege.expectGrowth(before);
    expect((await ria.client.call("asks", {})).asks.map(({peerId}) => peerId)).toEqual(
      asks.map(({peerId}) => peerId),
    );
    const after = (await ria.client.call("ledgerBalances", {})).balances;
    expect(after.map(({account}) => account)).toEqual(balances.map(({account}) => account));
    for (const daemon of [ria, pia]) expect((await daemon.ctz(["ledger", "verify"])).code).toBe(0);
  });

  it("entries and quote requests, replayed and spoiled on their streams", async () => {
    const listener = await siege.enemy("fay");
    await listener.join(["entries"]);
    await until("an entry is heard", () => listener.heardOn("entries").length > 0);
    const [entry = new Uint8Array()] = listener.heardOn("entries");
    const frames: [ProtocolName, Uint8Array][] = [entry, entry, ...spoiled(entry)].map((bytes) => [
      "ledger",
      toBinary(LedgerFrameSchema, create(LedgerFrameSchema, {body: {case: "entry", value: bytes}})),
    ]);
    const request = {
      ...{
        taskHash: new Uint8Array(32),
        taskClass: siege.taskClass,
        payer: new Uint8Array(32).fill(7),
        unitsMax: 2n ** 63n,
      },
      ...{inputBytes: 2n ** 63n, deadlineMs: 1n, throughMiddleware: true},
    };
    const quote = create(MarketFrameSchema, {body: {case: "quoteRequest", value: request}});
    const bytes = toBinary(MarketFrameSchema, quote);
    for (const bad of [bytes, bytes, ...spoiled(bytes)]) frames.push(["market", bad]);
    const enemy = await siege.enemy("pia");
    for (const [protocol, frame] of frames) await enemy.sendFrame(protocol, frame);
  });
});

function spoiled(bytes: Uint8Array): Uint8Array[] {
  const flipped = bytes.slice();
  const at = flipped.length - 5;
  flipped[at] = (flipped[at] ?? 0) ^ 1;
  const early = bytes.slice();
  early[8] = (early[8] ?? 0) ^ 0x40;
  return [flipped, early, bytes.slice(0, -3), bytes.slice(0, 20), concat(bytes, Uint8Array.of(1, 2, 3))];
}

describe("a provider that", () => {
  const accept = async (talk: Talk) => {
    await talk.say({body: {case: "accepted", value: {queuePosition: 0, expectedMs: 1n}}});
    await talk.takeInput();
  };
  const result = async (talk: Talk, change: Partial<Parameters<typeof signCommit>[0]>) => {
    const output = new TextEncoder().encode('{"v":1,"segments":[]}');
    const {open} = talk;
    const taskHash = taskHashOf(talk);
    const units = change.units ?? 1_000n;
    const signed = signCommit(
      {
        ...{taskHash, attemptId: toHex(open.attemptId) as AttemptId, lockId: toHex(open.lockId) as LockId},
        outputHash: createHash("sha256").update(output).digest("hex") as Hash,
        units,
        charge: chargeAt({unit: "mac", unitPrice: 10n, feeMin: 100n}, units),
        ...{determinism: "", providerNonce: new Uint8Array(32), executorMs: 1},
        ...change,
      },
      talk.identity.accountSigner,
      talk.identity,
    );
    await talk.say({body: {case: "output", value: {data: output}}});
    await talk.say({body: {case: "commit", value: signed}});
    await talk.hear();
  };

  const lies: [string, readonly string[], Behaviour][] = [
    ["never answers", ["PROVIDER_LATE"], async () => pause(30_000)],
    ["accepts and never answers", ["PROVIDER_LATE"], (talk) => accept(talk).then(() => pause(30_000))],
    [
      "answers late",
      ["PROVIDER_LATE"],
      async (talk) => {
        await accept(talk);
        await pause(6_000);
        await result(talk, {});
      },
    ],
    ["hangs up", ["PROVIDER_DIED"], async (talk) => accept(talk)],
    [
      "sends garbage",
      ["DECODE_INVALID", "MESSAGE_UNEXPECTED"],
      async (talk) => {
        await accept(talk);
        await talk.raw(new SeededRandom(3).bytes(200));
        await pause(3_000);
      },
    ],
    [
      "commits to another output",
      ["RESULT_INVALID"],
      async (talk) => {
        await accept(talk);
        await result(talk, {outputHash: "ab".repeat(32) as Hash});
      },
    ],
    [
      "counts more than was agreed",
      ["METER_ABOVE_MAX"],
      async (talk) => {
        await accept(talk);
        await result(talk, {units: talk.open.unitsMax + 1n});
      },
    ],
    [
      "asks for more than its price",
      ["RESULT_INVALID"],
      async (talk) => {
        await accept(talk);
        await result(talk, {charge: talk.open.chargeMax});
      },
    ],
    [
      "returns another task's result",
      ["RESULT_INVALID"],
      async (talk) => {
        await accept(talk);
        await result(talk, {taskHash: "cd".repeat(32) as TaskHash});
      },
    ],
    [
      "forges the signature",
      ["SIGNATURE_INVALID", "RESULT_INVALID"],
      async (talk) => {
        await accept(talk);
        const fake = {body: new Uint8Array(80), publicKey: new Uint8Array(32), signature: new Uint8Array(64)};
        await talk.say({body: {case: "commit", value: fake}});
        await pause(3_000);
      },
    ],
  ];

  it.each(lies)("%s: is not paid, and another does the task", async (_, codes, behaviour) => {
    const liar = await Liar.start(world, siege.taskClass, behaviour);
    try {
      const task = await givenTo(liar);
      expectDone(task);
      const [lied] = task.attempts;
      expect(lied?.peerId).toBe(liar.net.self);
      expect(codes).toContain(lied?.failure?.code);
      expect(lied?.chargedUctz).toBe("0");
      expect(task.peerId).toBe(world.member("pia").peerId);
      const {balances} = await ria.client.call("ledgerBalances", {});
      const earned = balances.find(({account}) => account === liar.identity.account)?.balanceUctz ?? "0";
      expect(earned).toBe("0");
    } finally {
      await liar.stop();
    }
  });

  /** Routing explores, so it may take a few tasks until the liar is tried first. */
  async function givenTo(liar: Liar) {
    await until("ria hears the liar", async () => {
      await liar.ask();
      await pause(300);
      return (await ria.client.call("asks", {})).asks.some(({peerId}) => peerId === liar.net.self);
    });
    for (let tries = 0; tries < 15; tries += 1) {
      const task = await ria.run(HEADER, speech);
      if (task.attempts[0]?.peerId === liar.net.self) return task;
      if (task.state !== "done") expectFree(task);
      if (tries % 5 === 4) await liar.ask();
    }
    throw new Error("the liar was never chosen");
  }
});

function taskHashOf({open}: Talk): TaskHash {
  const {spec} = open;
  if (spec === undefined) throw new Error("no specification");
  return hashSpec(specFromWire(spec));
}
