import type {PeerId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {DiskFaults} from "./diskFaults.ts";
import {FakeClock, NodeClock} from "./fakeClock.ts";
import {FakeNetwork, type NetworkFaults} from "./fakeNetwork.ts";
import {MemoryDisk, MemoryStore} from "./memoryStore.ts";
import {SeededRandom} from "./seededRandom.ts";

const ids = (count: number) => Array.from({length: count}, (_, index) => `peer${index}` as PeerId);
const one = new Uint8Array([1]);

function networkOf(seed: number, count: number, faults: Partial<NetworkFaults> = {}) {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, new SeededRandom(seed), faults);
  return {clock, network, nets: ids(count).map((id) => network.join(id))};
}

/** Everything that every node hears, in order, with times. */
async function traceOf(seed: number): Promise<string[]> {
  const {clock, nets} = networkOf(seed, 8, {drop: 0.3, duplicate: 0.2, latencyMaxMs: 80});
  const trace: string[] = [];
  for (const net of nets) {
    net.subscribe("asks", ({from, data}) => {
      trace.push(`${clock.monotonicMs().toFixed(6)} ${net.self} < ${from}: ${data[0]}`);
      return "accept";
    });
  }
  await clock.advance(1_000);
  for (let value = 0; value < 20; value++) {
    await nets[value % 8]!.publish("asks", new Uint8Array([value]));
    await clock.advance(10);
  }
  await clock.advance(5_000);
  return trace;
}

describe("FakeNetwork", () => {
  it("replays from its seed, and differs with another", async () => {
    const [first, again, other] = [await traceOf(7), await traceOf(7), await traceOf(8)];
    expect(first.length).toBeGreaterThan(100);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it("splits at a partition and joins after it heals", async () => {
    const {clock, network, nets} = networkOf(1, 4);
    const heard: string[] = [];
    for (const net of nets) {
      net.subscribe("asks", ({data}) => {
        heard.push(`${net.self}:${data[0]}`);
        return "accept";
      });
    }
    await clock.advance(100);
    network.partition([ids(2)]);
    await nets[0]!.publish("asks", one);
    await clock.advance(1_000);
    expect(heard).toEqual(["peer1:1"]);
    expect(nets[0]!.peers().map(({peer}) => peer)).toEqual(["peer1"]);
    network.heal();
    await clock.advance(1_000);
    await nets[0]!.publish("asks", new Uint8Array([2]));
    await clock.advance(1_000);
    expect(heard.filter((entry) => entry.endsWith(":2")).sort()).toEqual(["peer1:2", "peer2:2", "peer3:2"]);
  });

  it("does not pass on what a validator did not accept", async () => {
    const {clock, network, nets} = networkOf(1, 3);
    await clock.advance(100);
    network.disconnect("peer0" as PeerId, "peer2" as PeerId);
    let heard = 0;
    nets[1]!.subscribe("asks", () => "reject");
    nets[2]!.subscribe("asks", () => {
      heard += 1;
      return "accept";
    });
    await nets[0]!.publish("asks", one);
    await clock.advance(1_000);
    expect(nets[1]!.verdicts.reject).toBe(1);
    expect(heard).toBe(0);
  });

  it("breaks streams at the given rate, both ends noticing", async () => {
    const {clock, nets} = networkOf(3, 2, {streamBreak: 0.05});
    let ends = 0;
    nets[1]!.handle("task", async (stream) => {
      try {
        while ((await stream.receive()) !== undefined);
      } catch {
        ends += 1;
      }
    });
    await clock.advance(100);
    const stream = await clock.complete(nets[0]!.open("peer1" as PeerId, "task"));
    const sending = (async () => {
      for (let count = 0; count < 1_000; count++) await stream.send(one);
    })();
    await expect(clock.complete(sending)).rejects.toMatchObject({code: "PEER_UNREACHABLE"});
    await clock.advance(100);
    expect(ends).toBe(1);
  });

  it("leaves a crashed node silent until it joins again", async () => {
    const {clock, network, nets} = networkOf(1, 2);
    await clock.advance(100);
    network.crash("peer1" as PeerId);
    let isSettled = false;
    void nets[1]!.publish("asks", one).finally(() => {
      isSettled = true;
    });
    await clock.advance(1_000);
    expect(isSettled).toBe(false);
    expect(nets[0]!.peers()).toEqual([]);
    network.join("peer1" as PeerId);
    await clock.advance(1_000);
    expect(nets[0]!.peers()).toHaveLength(1);
  });
});

describe("a simulated crash", () => {
  it("keeps what was synced, drops a suffix of the rest, and silences the old handles", async () => {
    const disk = new MemoryDisk();
    const store = new MemoryStore(disk);
    await store.write([{key: "synced", value: one}], {sync: true});
    for (let index = 0; index < 10; index++) await store.write([{key: `loose/${index}`, value: one}]);
    disk.crash(new SeededRandom(5));
    const again = new MemoryStore(disk);
    expect(await again.get("synced")).toEqual(one);
    const loose = (await again.range("loose/")).map(([key]) => key);
    expect(loose.length).toBeLessThan(10);
    expect(loose).toEqual(Array.from(loose, (_, index) => `loose/${index}`));
    let isSettled = false;
    void store.get("synced").then(() => {
      isSettled = true;
    });
    await new FakeClock().settle();
    expect(isSettled).toBe(false);
  });

  it("happens at the chosen write, with that write on disk or not", async () => {
    for (const isWritten of [true, false]) {
      const faults = new DiskFaults();
      const disk = new MemoryDisk(faults);
      const store = new MemoryStore(disk);
      let crashes = 0;
      faults.crashAt({
        afterWrites: 2,
        isWritten,
        onCrash: () => {
          crashes += 1;
          disk.crash();
        },
      });
      void (async () => {
        for (let index = 0; index < 5; index++)
          await store.write([{key: `k${index}`, value: one}], {sync: true});
      })();
      await new FakeClock().settle();
      expect(crashes).toBe(1);
      expect(await new MemoryStore(disk).range("k")).toHaveLength(isWritten ? 3 : 2);
    }
  });

  it("fails writes with STORE_FULL while the disk is full, and works after", async () => {
    const disk = new MemoryDisk();
    const store = new MemoryStore(disk);
    disk.faults.fillAfter(1);
    await store.write([{key: "a", value: one}]);
    await expect(store.write([{key: "b", value: one}])).rejects.toMatchObject({code: "STORE_FULL"});
    disk.faults.clear();
    await store.write([{key: "b", value: one}]);
    expect(await store.range("")).toHaveLength(2);
  });

  it("stops the timers of the node's clock", async () => {
    const clock = new FakeClock();
    const node = new NodeClock(clock);
    let count = 0;
    node.after(10, () => count++);
    node.stop();
    await clock.advance(100);
    expect(count).toBe(0);
  });
});
