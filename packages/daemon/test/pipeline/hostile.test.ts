/** Peers that send garbage, lie, or repeat themselves: each costs them standing, and nobody else anything. */
import {encodeVoucher} from "@catalyze/core/ledger/voucher";
import type {PeerId} from "@catalyze/core/primitives/id";
import {LIMITS} from "@catalyze/proto/limits";
import {describe, expect, it} from "vitest";
import type {FakeNet} from "../../../../test/sim/fakes/fakeNet.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";
import {auditEnded} from "../../../../test/sim/market/audit.ts";
import {SimNetwork} from "../../../../test/sim/market/simNetwork.ts";
import {seller} from "./sellers.ts";

const ENEMY = "SimEnemy" as PeerId;

async function withEnemy(): Promise<{sim: SimNetwork; enemy: FakeNet}> {
  const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
  const enemy = sim.world.network.join(ENEMY);
  await sim.clock.advance(200);
  return {sim, enemy};
}

async function expectWorking(sim: SimNetwork): Promise<void> {
  const {record} = await sim.run("buyer", {text: "after all that"});
  expect(record.state).toBe("done");
  await sim.clock.advance(5_000);
  expect(auditEnded(sim)).toEqual([]);
}

/** Frames that decode to nothing, to other messages, to empty ones, and beyond every limit. */
function garbage(random: SeededRandom): Uint8Array[] {
  const frames = [0, 1, 2, 17, 300, 20_000].map((length) => random.bytes(length));
  // Every one-field message with an empty body: a frame of each kind, out of turn.
  for (let field = 1; field <= 12; field++) frames.push(Uint8Array.of((field << 3) | 2, 0));
  return [...frames, new Uint8Array(LIMITS.taskFrameBytesMax + 1)];
}

describe("garbage", () => {
  it.each([
    "task",
    "market",
  ] as const)("on the %s protocol ends its stream and nothing else", async (protocol) => {
    const {sim, enemy} = await withEnemy();
    for (const [index, frame] of garbage(new SeededRandom(7)).entries()) {
      // A new enemy each time: a banned one is not heard at all.
      const net = index % 2 === 0 ? enemy : sim.world.network.join(`SimEnemy${index + 1}` as PeerId);
      const send = async () => {
        const stream = await net.openStream(sim.node("seller").peer, protocol);
        await stream.sendUnchecked(frame);
        while ((await stream.receive()) !== undefined);
      };
      await sim.clock.complete(
        send().catch(() => undefined),
        10_000,
      );
    }
    expect(sim.node("seller").running.net.penalties.length).toBeGreaterThan(0);
    expect(sim.node("seller").running.executor?.runs).toBe(0);
    await expectWorking(sim);
  });

  it.each(["asks", "offers", "awards"] as const)("on the %s topic is rejected", async (topic) => {
    const {sim, enemy} = await withEnemy();
    const random = new SeededRandom(8);
    for (const length of [1, 2, 40, 200, 4_000]) await enemy.publish(topic, random.bytes(length));
    await sim.clock.advance(500);
    const {verdicts, penalties} = sim.node("buyer").running.net;
    expect(verdicts.reject).toBeGreaterThan(0);
    expect(penalties.some(({peer}) => peer === ENEMY)).toBe(true);
    await expectWorking(sim);
  });

  it("from peers that say nothing holds no place", async () => {
    const {sim, enemy} = await withEnemy();
    for (let count = 0; count < 100; count++)
      await sim.clock.complete(enemy.openStream(sim.node("seller").peer, "task"));
    await expectWorking(sim);
    await sim.clock.advance(5_000);
    expect(sim.node("seller").market.jobs.openCount).toBe(0);
  });
});

describe("a provider's stream that is replayed", () => {
  it("does no second job for one attempt, and pays nothing twice", async () => {
    const {sim, enemy} = await withEnemy();
    const frames = await recordFrames(sim);
    expect(frames.length).toBeGreaterThan(2);
    const runs = sim.node("seller").running.executor?.runs;
    for (let repeat = 0; repeat < 3; repeat++) {
      const replay = async () => {
        const stream = await enemy.openStream(sim.node("seller").peer, "task");
        for (const frame of frames) await stream.sendUnchecked(frame);
        while ((await stream.receive()) !== undefined);
      };
      await sim.clock.complete(
        replay().catch(() => undefined),
        10_000,
      );
    }
    expect(sim.node("seller").running.executor?.runs).toBe(runs);
    expect(sim.node("seller").market.jobs.openCount).toBe(0);
    await expectWorking(sim);
  });

  it("takes a voucher again without harm", async () => {
    const {sim, enemy} = await withEnemy();
    await sim.run("buyer");
    await sim.clock.advance(1_000);
    const {vouchers} = sim.node("seller").running;
    const [lockId] = vouchers.openLocks();
    const voucher = vouchers.lastReceived(lockId!);
    const forged = encodeVoucher({...voucher!, cumulative: (voucher?.cumulative ?? 0n) + 1n});
    for (const bytes of [encodeVoucher(voucher!), forged]) {
      const stream = await sim.clock.complete(enemy.openStream(sim.node("seller").peer, "task"));
      const {create, toBinary} = await import("@bufbuild/protobuf");
      const {TaskFrameSchema} = await import("@catalyze/proto/gen/catalyze/v1/task_pb");
      const frame = create(TaskFrameSchema, {body: {case: "payment", value: {voucher: bytes}}});
      await stream.sendUnchecked(toBinary(TaskFrameSchema, frame));
      await sim.clock.advance(500);
    }
    expect(vouchers.lastReceived(lockId!)?.cumulative).toBe(voucher?.cumulative);
    expect(sim.node("seller").running.net.penalties).toContainEqual({peer: ENEMY, code: "SIGNATURE_INVALID"});
    await expectWorking(sim);
  });
});

/** What the buyer says to the seller during one task. */
async function recordFrames(sim: SimNetwork): Promise<Uint8Array[]> {
  const {net} = sim.node("buyer").running;
  const frames: Uint8Array[] = [];
  const open = net.open.bind(net);
  net.open = async (peer, protocol, signal) => {
    const stream = await open(peer, protocol, signal);
    const send = stream.send.bind(stream);
    stream.send = async (frame) => {
      if (protocol === "task") frames.push(frame.slice());
      await send(frame);
    };
    return stream;
  };
  await sim.run("buyer");
  net.open = open;
  return frames;
}
