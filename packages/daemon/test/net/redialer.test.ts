import {Redialer} from "@catalyze/daemon/net/redialer";
import {beforeEach, describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";

let clock: FakeClock;
let dialled: {readonly address: string; readonly atMs: number}[];
let connected: Set<string>;
let isUp: boolean;
let peerCount: number;

beforeEach(() => {
  clock = new FakeClock();
  dialled = [];
  connected = new Set();
  isUp = false;
  peerCount = 0;
});

function redialer(): Redialer {
  return new Redialer({
    clock,
    random: new SeededRandom(1),
    dial: async (address) => {
      dialled.push({address, atMs: clock.monotonicMs()});
      if (!isUp) throw new Error("refused");
      connected.add(address);
      return address !== "self";
    },
    isConnected: (address) => connected.has(address),
    peerCount: () => peerCount,
  });
}

describe("Redialer", () => {
  it("waits longer after each failure, a minute at most, and never gives up on a pinned address", async () => {
    const subject = redialer();
    subject.add("a", true);
    subject.start();
    await clock.advance(3_600_000);
    const gaps = dialled.slice(1).map(({atMs}, index) => atMs - dialled[index]!.atMs);
    expect(gaps[0]).toBeLessThanOrEqual(2_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(73_000);
    expect(dialled.length).toBeGreaterThan(45);
    expect(dialled.length).toBeLessThan(90);
  });

  it("dials again soon after a connection is lost", async () => {
    const subject = redialer();
    subject.add("a", true);
    isUp = true;
    subject.start();
    await clock.advance(60_000);
    expect(dialled).toHaveLength(1);
    connected.clear();
    await clock.advance(2_000);
    expect(dialled).toHaveLength(2);
  });

  it("leaves known peers alone while there are enough connections", async () => {
    const subject = redialer();
    subject.add("known", false);
    peerCount = 8;
    subject.start();
    await clock.advance(60_000);
    expect(dialled).toEqual([]);
    peerCount = 7;
    await clock.advance(2_000);
    expect(dialled).toHaveLength(1);
  });

  it("drops an address that turns out to be its own, and dials nothing once stopped", async () => {
    const subject = redialer();
    isUp = true;
    subject.add("self", true);
    subject.start();
    await clock.advance(1);
    connected.clear();
    await clock.advance(60_000);
    expect(dialled).toHaveLength(1);
    isUp = false;
    subject.add("b", true);
    subject.stop();
    await clock.advance(60_000);
    expect(dialled).toHaveLength(1);
    expect(clock.timersPending).toBe(0);
  });
});
