/** How much a member's log may carry, and what comes of one that carries without end. */
import {type CarryLimits, CarryRoom} from "@catalyze/core/ledger/carryRoom";
import type {ReplicaInput} from "@catalyze/core/ledger/effects";
import type {Entry} from "@catalyze/core/ledger/entry";
import {ENTRY_ROOM} from "@catalyze/core/ledger/entryRoom";
import type {Op} from "@catalyze/core/ledger/op";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import {Replica} from "@catalyze/core/ledger/replica";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import type {Hash} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {alice, bob, transfer} from "./kit.ts";
import {
  entryOf,
  FIRST,
  genesisOf,
  NOW,
  ownOp,
  settle,
  testifyFor,
  verifier,
  witnesses,
} from "./witnessKit.ts";

const LIMITS: CarryLimits = {wasteBytesMax: 1_000, aheadBytesMax: 5_000, ownAheadBytesMax: 3_000};
const WITNESS = 2;

function entry(stampH: bigint, bytes: number): Entry {
  const carry = bytes === 0 ? [] : [{bytes: new Uint8Array(bytes)}];
  return {header: {stampH, witness: WITNESS}, carry} as unknown as Entry;
}

function roomWith(loads: Readonly<Record<string, {carried: number; useful: number}>>): CarryRoom {
  const room = new CarryRoom(LIMITS);
  room.begin(10n);
  for (const [height, load] of Object.entries(loads)) room.note(BigInt(height), new Map([[WITNESS, load]]));
  return room;
}

describe("the room for what a log carries", () => {
  it("is whole in the first heights of an epoch, and bounded by what the log carries beyond the cut below", () => {
    const room = roomWith({11: {carried: 4_000, useful: 4_000}});
    expect(room.hasRoom(entry(10n, 5_000), 0)).toBe(true);
    expect(room.hasRoom(entry(11n, 5_000), 0)).toBe(true);
    expect(room.hasRoom(entry(11n, 5_001), 0)).toBe(false);
    expect(room.hasRoom(entry(11n, 1_001), 4_000)).toBe(false);
    expect(room.hasRoom(entry(12n, 5_000), 4_000)).toBe(true);
    expect(room.hasRoom(entry(12n, 5_001), 4_000)).toBe(false);
  });

  it("is none for who carried too much that came to nothing, but for stamps", () => {
    const room = roomWith({11: {carried: 4_001, useful: 2_000}, 12: {carried: 4_000, useful: 2_000}});
    expect(room.hasRoom(entry(12n, 1), 4_001)).toBe(false);
    expect(room.hasRoom(entry(12n, 0), 4_001)).toBe(true);
    expect(room.hasRoom(entry(13n, 1), 4_000)).toBe(true);
  });

  it("waits for the cut that judges, if there is something to judge", () => {
    const room = roomWith({11: {carried: 0, useful: 0}});
    expect([10n, 11n, 12n, 13n].map((stampH) => room.isAhead(entry(stampH, 1)))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(room.isAhead(entry(13n, 0))).toBe(false);
  });

  it("leaves an honest writer some to spare, and begins anew with each epoch", () => {
    const room = roomWith({11: {carried: 4_001, useful: 0}});
    expect(room.ownRoom(11n, WITNESS, 3_000)).toBe(2_000);
    expect(room.ownRoom(11n, WITNESS, 3_001)).toBe(0);
    expect(room.ownRoom(12n, WITNESS, 4_001)).toBe(0);
    room.begin(15n);
    expect(room.ownRoom(16n, WITNESS, 0)).toBe(5_000);
    expect(room.isAhead(entry(16n, 1))).toBe(false);
    expect(room.isAhead(entry(17n, 1))).toBe(true);
  });
});

describe("a member that carries without end", () => {
  const plain = genesisOf(4);
  const genesis = {...plain, params: {...plain.params, checkpointsPerEpoch: 5}};
  const BAD = 3;
  const entryRoom = {...ENTRY_ROOM, wasteBytesMax: 2_000, aheadBytesMax: 9_000, ownAheadBytesMax: 6_000};

  /** Signed by nobody, each for another amount. */
  let made = 0;
  const forgeries = (count: number): Op[] =>
    Array.from({length: count}, () => {
      made += 1;
      const bytes = Uint8Array.from(ownOp(genesis, alice, FIRST, transfer(bob.account, BigInt(made))).bytes);
      bytes[bytes.length - 1]! ^= 1;
      return decodeOp(bytes);
    });

  it("stops nobody whose ops are applied, however many there are in an epoch", () => {
    const long = {...plain, params: {...plain.params, checkpointsPerEpoch: 100}};
    const replicas = [0, 1, 2, 3].map(
      (index) =>
        new Replica({genesis: long, verifier, voteSigner: witnesses[index]!, entryRoom}, freshReplica(long)),
    );
    settle(replicas, NOW);
    let slot = FIRST;
    const certified = new Set<string>();
    for (let round = 1; round <= 101; round += 1) {
      const op = ownOp(long, alice, slot, transfer(bob.account, 1n));
      const nowMs = NOW + round * 250;
      // Always by the same one: it carries them all.
      if (round <= 100) replicas[0]!.step({kind: "op", bytes: op.bytes, from: undefined}, nowMs);
      slot = {seq: slot.seq + 1n, head: op.id};
      for (const effect of settle(replicas, nowMs))
        if (effect.kind === "certified") for (const id of effect.ops) certified.add(id);
    }
    expect(certified.size).toBe(100);
    expect(replicas[0]!.epoch).toBe(1);
  });

  it("is heard as far as its room goes; its stamps count, others go on, and the next epoch begins anew", () => {
    const replicas = [0, 1, 2].map(
      (index) =>
        new Replica({genesis, verifier, voteSigner: witnesses[index]!, entryRoom}, freshReplica(genesis)),
    );
    settle(replicas, NOW);
    testifyFor(BAD, replicas, NOW);
    const hear = (to: Replica, input: ReplicaInput, nowMs: number): void => {
      for (const effect of to.step(input, nowMs)) {
        if (effect.kind !== "broadcast") continue;
        const next = {kind: effect.what, bytes: effect.bytes, from: undefined};
        for (const other of replicas) if (other !== to) hear(other, next, nowMs);
      }
    };
    let log: {n: bigint; prev?: Hash; bytes: number; epoch: number} = {n: 1n, bytes: 0, epoch: 1};
    const taken = new Map<number, number>();
    const write = (carry: readonly Op[], nowMs: number) => {
      const {epoch, finalCheckpoint: final} = replicas[0]!;
      if (epoch !== log.epoch) {
        const end = replicas[0]!.heads().find(({witness}) => witness === BAD);
        log = {n: 1n, bytes: 0, epoch, ...(end === undefined ? {} : {prev: end.hash})};
      }
      const stamp =
        final.checkpoint.height === 0n ? {} : {stampH: final.checkpoint.height, stampHash: final.hash};
      const {n, prev} = log;
      const said = entryOf(genesis, {
        ...{witness: BAD, n, carry, timeMs: nowMs},
        ...(prev === undefined ? {} : {prev}),
        ...stamp,
      });
      for (const replica of replicas)
        hear(replica, {kind: "entry", bytes: said.bytes, from: undefined}, nowMs);
      const isIn = replicas.map((replica) => replica.heads().some(({hash}) => hash === said.hash));
      expect(new Set(isIn).size).toBe(1);
      if (isIn[0] === true) {
        const bytes = carry.reduce((sum, op) => sum + op.bytes.length, 0);
        taken.set(epoch, (taken.get(epoch) ?? 0) + bytes);
        log = {...log, n: n + 1n, prev: said.hash, bytes: log.bytes + bytes};
      }
      return isIn[0] === true;
    };
    const heights = new Set<bigint>();
    for (let round = 1; round <= 60; round += 1) {
      const nowMs = NOW + round * 250;
      for (let each = 0; each < 4; each += 1) write(forgeries(10), nowMs);
      expect(write([], nowMs)).toBe(true);
      settle(replicas, nowMs);
      heights.add(replicas[0]!.checkpoint.height);
    }
    expect(heights.size).toBeGreaterThan(10);
    expect([...taken.keys()].length).toBeGreaterThan(2);
    for (const bytes of taken.values()) {
      expect(bytes).toBeLessThanOrEqual(entryRoom.wasteBytesMax + entryRoom.aheadBytesMax);
      expect(bytes).toBeGreaterThan(entryRoom.wasteBytesMax);
    }
  });
});
