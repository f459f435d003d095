import {CodedError} from "@catalyze/core/errors/codedError";
import type {Effect, ReplicaInput} from "@catalyze/core/ledger/effects";
import type {OpId} from "@catalyze/core/primitives/id";
import {pushOne} from "@catalyze/daemon/ledger/inputsAhead";
import {NO_METRICS} from "@catalyze/daemon/ledger/ledgerMetrics";
import {ReplicaDriver, type SpokenEffect} from "@catalyze/daemon/ledger/replicaDriver";
import {describe, expect, it} from "vitest";
import {DiskFaults} from "../../../../test/sim/fakes/diskFaults.ts";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {MemoryLog, MemoryLogFile} from "../../../../test/sim/fakes/memoryLog.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {silentLog} from "./silentLog.ts";

const TICK = Uint8Array.of(0);

/** Each op is signed, stored, then said; a tick is signed and stored. */
function rig() {
  const faults = new DiskFaults();
  const disk = new MemoryDisk(faults);
  const file = new MemoryLogFile(faults);
  const clock = new FakeClock();
  const said: {effect: SpokenEffect; signed: number; stored: number}[] = [];
  /** How many ops were on disk when a tick's record was signed. */
  const storedBefore: number[] = [];
  const table = new (class extends MemoryLog {
    override async append(records: readonly Uint8Array[]): Promise<void> {
      if (records.includes(TICK)) storedBefore.push(disk.range("n/", {}).length);
      await super.append(records);
    }
  })(file);
  const degraded: (string | undefined)[] = [];
  let steps = 0;
  let nextTick: number | undefined;
  const driver = new ReplicaDriver(
    {
      replica: {
        step(input: ReplicaInput): readonly Effect[] {
          if (input.kind === "tick") {
            nextTick = undefined;
            return [
              {kind: "sign", record: TICK},
              {kind: "store", writes: [{key: "tick", value: Uint8Array.of(1)}]},
            ];
          }
          steps += 1;
          const op = String(steps) as OpId;
          return [
            {kind: "sign", record: Uint8Array.of(steps)},
            {
              kind: "store",
              writes: [{key: `n/${String(steps).padStart(4, "0")}`, value: Uint8Array.of(steps)}],
            },
            {kind: "broadcast", what: "entry", bytes: Uint8Array.of(steps)},
            {kind: "certified", ops: [op]},
          ];
        },
        wantsTick: () => nextTick,
        signingRecords: () => [],
      },
      store: new MemoryStore(disk),
      signingTable: table,
      clock,
      log: silentLog,
      metrics: NO_METRICS,
    },
    {
      refusal: ({kind}) => (kind === "heard" ? new CodedError("PEER_BUDGET_EXHAUSTED") : undefined),
      also: () => [],
      perform: (effect) =>
        said.push({effect, signed: file.records.length, stored: disk.range("n/", {}).length}),
      degraded: (error) => degraded.push(error?.code),
    },
  );
  const pushOnly = pushOne((inputs) => driver.pushAll(inputs));
  const push = () => pushOnly({kind: "op", bytes: new Uint8Array(), from: undefined});
  return {
    driver,
    clock,
    faults,
    disk,
    file,
    said,
    degraded,
    storedBefore,
    push,
    setTick: (at: number) => {
      nextTick = at;
    },
  };
}

describe("ReplicaDriver", () => {
  it("does not take in what is refused when its turn comes", async () => {
    const {driver, said} = rig();
    const heard = {
      kind: "heard",
      seats: [],
      epoch: 1,
      head: undefined,
      words: new Uint8Array(),
      from: undefined,
    } as const;
    await expect(pushOne((inputs) => driver.pushAll(inputs))(heard)).rejects.toMatchObject({
      code: "PEER_BUDGET_EXHAUSTED",
    });
    expect(said).toEqual([]);
  });

  it("has everything signed and stored before it says anything, in the order of the inputs", async () => {
    const {driver, push, said} = rig();
    driver.start();
    const outcomes = await Promise.all(Array.from({length: 1_000}, push));
    expect(outcomes.every((effects) => effects.length === 4)).toBe(true);
    const entries = said.filter(({effect}) => effect.kind === "broadcast");
    expect(entries.map(({effect}) => effect.kind === "broadcast" && effect.bytes[0])).toEqual(
      Array.from({length: 1_000}, (_, at) => (at + 1) % 256),
    );
    for (const [at, {signed, stored}] of entries.entries()) {
      expect(signed).toBeGreaterThan(at);
      expect(stored).toBeGreaterThan(at);
    }
    await driver.stop();
  });

  it("signs an entry only with everything on disk that came before it", async () => {
    const {driver, storedBefore} = rig();
    const op = {kind: "op", bytes: new Uint8Array(), from: undefined} as const;
    await driver.pushAll([op, op, op, {kind: "tick"}, op, {kind: "tick"}, op]);
    expect(storedBefore).toEqual([3, 4]);
    await driver.stop();
  });

  it("says nothing on a full disk, refuses, and goes on where it stopped", async () => {
    const {driver, push, said, faults, clock, degraded} = rig();
    driver.start();
    await push();
    const before = said.length;
    for (const writesThatFit of [0, 1]) {
      const already = said.length;
      faults.fillAfter(writesThatFit);
      const stuck = push();
      await clock.settle();
      await clock.settle();
      expect(driver.failure?.code).toBe("STORE_FULL");
      expect(said.length).toBe(already);
      expect(driver.isUnsaid(String(writesThatFit + 2) as OpId)).toBe(true);
      await expect(push()).rejects.toMatchObject({code: "STORE_FULL"});
      faults.clear();
      await clock.complete(stuck, 10_000);
      expect(driver.failure).toBeUndefined();
      expect(said.length).toBe(already + 2);
    }
    expect(before).toBe(2);
    expect(degraded).toEqual(["STORE_FULL", undefined, "STORE_FULL", undefined]);
    await driver.stop();
  });

  it("stops with a full disk without having said anything", async () => {
    const {driver, push, said, faults, clock} = rig();
    driver.start();
    faults.isFull = true;
    const stuck = push();
    stuck.catch(() => undefined);
    await clock.settle();
    await driver.stop();
    await expect(stuck).rejects.toMatchObject({code: "STORE_FULL"});
    expect(said).toEqual([]);
    await expect(push()).rejects.toBeDefined();
    expect(clock.timersPending).toBe(0);
  });

  it("ticks when the replica wants it", async () => {
    const {driver, clock, setTick, disk} = rig();
    setTick(clock.now() + 100);
    driver.start();
    await clock.advance(99);
    expect(disk.get("tick")).toBeUndefined();
    await clock.advance(5);
    expect(disk.get("tick")).toBeDefined();
    await driver.stop();
    expect(clock.timersPending).toBe(0);
  });
});
