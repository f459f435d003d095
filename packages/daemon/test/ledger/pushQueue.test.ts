import type {PeerId} from "@catalyze/core/primitives/id";
import {PeerBudgets} from "@catalyze/daemon/ledger/peerBudgets";
import {PushQueue} from "@catalyze/daemon/ledger/pushQueue";
import {describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {FakeNetwork} from "../../../../test/sim/fakes/fakeNetwork.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";

const [near, far] = ["near", "far"] as [PeerId, PeerId];

async function rig() {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, new SeededRandom(1));
  const net = network.join(near);
  const received: number[] = [];
  const listen = () =>
    network.join(far).handle("ledger", async (stream) => {
      for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
        received.push(new DataView(frame.buffer, frame.byteOffset).getUint32(0));
      }
    });
  listen();
  await clock.advance(200);
  const queue = new PushQueue({net, clock}, far);
  let next = 0;
  const push = () => {
    const frame = new Uint8Array(8);
    new DataView(frame.buffer).setUint32(0, next++);
    queue.push(frame);
  };
  return {clock, network, queue, push, received, listen};
}

describe("PushQueue", () => {
  it("delivers in order over one stream", async () => {
    const {clock, queue, push, received} = await rig();
    for (let at = 0; at < 100; at++) push();
    await clock.advance(1_000);
    expect(received).toEqual(Array.from({length: 100}, (_, at) => at));
    await queue.stop();
    expect(clock.timersPending).toBe(0);
  });

  it("keeps a bounded tail for a peer that is away, and sends it when it is back", async () => {
    const {clock, network, queue, push, received, listen} = await rig();
    network.crash(far);
    await clock.advance(500);
    for (let at = 0; at < 2_000; at++) push();
    await clock.advance(5_000);
    expect(received).toEqual([]);
    expect(queue.dropped).toBeGreaterThan(1_000);
    listen();
    await clock.advance(15_000);
    expect(received.at(-1)).toBe(1_999);
    expect(received.length).toBeLessThanOrEqual(512);
    await queue.stop();
  });
});

describe("PeerBudgets", () => {
  const alone = () => undefined;

  it("lets the names of one machine have together what a few peers have, and takes nothing from others", () => {
    const clock = {nowMs: 0, monotonicMs: () => clock.nowMs};
    const hostOf = (peer: PeerId) => (peer.startsWith("many") ? "203.0.113.7" : undefined);
    const budgets = new PeerBudgets(clock, () => ({perSecond: 100, burst: 200}), hostOf);
    const names = Array.from({length: 50}, (_, at) => `many${at}` as PeerId);
    const takeAll = () => {
      let taken = 0;
      for (const name of names) while (budgets.take(name, 10)) taken += 10;
      return taken;
    };
    expect(takeAll()).toBe(800);
    clock.nowMs += 1_000;
    expect(takeAll()).toBe(400);
    expect([budgets.take(near, 200), budgets.take(far, 200)]).toEqual([true, true]);
    // One that owes is a debt of all of them.
    budgets.charge(names[0]!, 100_000);
    expect([budgets.isSpent(names[1]!), budgets.isSpent(near)]).toEqual([true, false]);
    clock.nowMs += 1_900;
    expect(budgets.take(names[1]!, 1)).toBe(false);
    clock.nowMs += 1_000;
    expect(budgets.take(names[1]!, 1)).toBe(true);
  });

  it("refills with time and never lets one peer pass its burst", () => {
    const clock = {nowMs: 0, monotonicMs: () => clock.nowMs};
    const budgets = new PeerBudgets(clock, () => ({perSecond: 10, burst: 20}), alone);
    expect(budgets.take(near, 20)).toBe(true);
    expect(budgets.take(near, 1)).toBe(false);
    expect(budgets.take(far, 20)).toBe(true);
    clock.nowMs += 500;
    expect(budgets.take(near, 6)).toBe(false);
    expect(budgets.take(near, 5)).toBe(true);
    budgets.charge(near, 1_000);
    clock.nowMs += 1_900;
    expect(budgets.take(near, 1)).toBe(false);
    clock.nowMs += 200;
    expect(budgets.take(near, 1)).toBe(true);
    clock.nowMs += 1_000_000;
    expect(budgets.take(near, 21)).toBe(false);
    expect(budgets.take(near, 20)).toBe(true);
  });

  it("gives ever new names no more than one that stays", () => {
    const clock = {nowMs: 0, monotonicMs: () => clock.nowMs};
    const budgets = new PeerBudgets(clock, () => ({perSecond: 3_000, burst: 6_000}), alone);
    const takeAll = (name: string) => {
      let taken = 0;
      while (budgets.take(name as PeerId, 100)) taken += 100;
      return taken;
    };
    const first = Array.from({length: 100}, (_, at) => takeAll(`peer${at}`));
    expect(first.slice(0, 20).every((taken) => taken === 1_000)).toBe(true);
    expect(first.reduce((sum, taken) => sum + taken, 0)).toBe(20_000);
    // One that has nothing yet gets what its own rate gives.
    clock.nowMs += 500;
    expect(takeAll("peer99")).toBe(1_500);
    expect(takeAll("another") + takeAll("and another")).toBe(500);
  });

  it("knows who owes", () => {
    const clock = {nowMs: 0, monotonicMs: () => clock.nowMs};
    const budgets = new PeerBudgets(clock, () => ({perSecond: 10, burst: 20}), alone);
    expect(budgets.isSpent(near)).toBe(false);
    budgets.take(near, 20);
    expect(budgets.isSpent(near)).toBe(false);
    budgets.charge(near, 5);
    expect(budgets.isSpent(near)).toBe(true);
    clock.nowMs += 600;
    expect(budgets.isSpent(near)).toBe(false);
  });
});
