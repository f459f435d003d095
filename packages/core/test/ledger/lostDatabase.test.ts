/** Witnesses whose databases are lost, and not their signing tables, whole or shortened. */
import {type ConsensusVote, decodeConsensus} from "@catalyze/core/ledger/consensusCodec";
import type {Effect, ReplicaInput} from "@catalyze/core/ledger/effects";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import {entryNumber} from "@catalyze/core/ledger/entryNumber";
import {Replica} from "@catalyze/core/ledger/replica";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import {decodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import {toHex} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {alice, bob, carol, transfer} from "./kit.ts";
import {
  FIRST,
  genesisOf,
  NOW,
  ownOp,
  ROOM,
  replicaOf,
  settle,
  testify,
  verifier,
  witnesses,
} from "./witnessKit.ts";

const INTERVAL = 1_000;
const base = genesisOf(2);
const genesis = {...base, params: {...base.params, checkpointIntervalMs: INTERVAL}};
const first = ownOp(genesis, alice, FIRST, transfer(bob.account, 1n));
const later = ownOp(genesis, carol, FIRST, transfer(bob.account, 1n));

function votesIn(effects: readonly Effect[], seat: number): ConsensusVote[] {
  const said = effects.flatMap((effect) =>
    effect.kind === "broadcast" && effect.what === "consensus" ? decodeConsensus(effect.bytes).votes : [],
  );
  return said.filter(({witness}) => witness === seat);
}

function isEntry(effect: Effect): effect is Extract<Effect, {kind: "broadcast"}> {
  return effect.kind === "broadcast" && effect.what === "entry";
}

function carriedBy(effects: readonly Effect[], seat: number): string[] {
  const entries = effects.filter(isEntry).map(({bytes}) => decodeEntry(bytes));
  const own = entries.filter(({header}) => header.witness === seat);
  return own.flatMap(({carry}) => carry.map(({id}) => id));
}

function give(to: Replica, from: Replica, nowMs: number, what: "entries" | "checkpoints"): Effect[] {
  const inputs =
    what === "entries"
      ? from.entriesAfter(to.wantedHeads(), ROOM).entries.map(({bytes}) => ({kind: "entry", bytes}) as const)
      : from
          .checkpointsAfter(to.checkpoint.height, 1_000)
          .map((bytes) => ({kind: "checkpoint", bytes}) as const);
  return inputs.flatMap((input) => to.step({...input, from: undefined}, nowMs));
}

/** Two with a checkpoint, and what both said until then. */
function world() {
  const both = [replicaOf(genesis, 0), replicaOf(genesis, 1)] as const;
  const said: Effect[] = [];
  both[0].step({kind: "op", bytes: first.bytes, from: undefined}, NOW);
  for (let at = 0; both.some(({checkpoint}) => checkpoint.height < 1n); at += 20)
    said.push(...settle(both, NOW + at));
  return {both, said, nowMs: NOW + 5 * INTERVAL};
}

it("lets a witness sign nothing before its database has caught up with what the table was shortened on", () => {
  const {both, nowMs} = world();
  const lost = replicaOf(genesis, 0, {signed: both[0].signingRecords()});
  give(lost, both[1], nowMs, "entries");
  testify(lost, [both[1]], nowMs);
  expect([lost.isSilent, lost.checkpoint.height]).toEqual([false, 0n]);
  lost.step({kind: "op", bytes: later.bytes, from: undefined}, nowMs);
  const before = [0, 1, 2, 3].flatMap((at) => lost.step({kind: "tick"}, nowMs + at * INTERVAL));
  expect(carriedBy(before, 0)).toEqual([]);
  expect(lost.isCatchingUp).toBe(true);
  give(lost, both[1], nowMs + 4 * INTERVAL, "checkpoints");
  const after = [5, 6].flatMap((at) => settle([lost, both[1]], nowMs + at * INTERVAL));
  expect(carriedBy(after, 0)).toEqual([later.id]);
  expect(both[1].isCertified(later.id)).toBe(true);
  expect(lost.isCatchingUp).toBe(false);
});

it("keeps what was said on the checkpoint that it was shortened on, and no way to say otherwise", () => {
  const {both, said, nowMs} = world();
  const signed = both[0].signingRecords();
  expect(signed.map(decodeSigningRecord)).toContainEqual({kind: "shortened", height: 1n});
  const lost = replicaOf(genesis, 0, {signed});
  give(lost, both[1], nowMs, "entries");
  // The other one has written more since: what would be proposed now is another checkpoint.
  both[1].step({kind: "op", bytes: later.bytes, from: undefined}, nowMs);
  give(lost, both[1], nowMs, "entries");
  const again = settle([lost], nowMs + 10 * INTERVAL);
  testify(lost, [both[1]], nowMs);
  for (let at = 11; at < 30; at += 1) again.push(...settle([lost], nowMs + at * INTERVAL));
  const before = votesIn(said, 0).filter(({height, iteration}) => height === 1n && iteration === 1);
  const after = votesIn(again, 0).filter(({height, iteration}) => height === 1n && iteration === 1);
  expect(before.map(({kind}) => kind)).toContain("finalize");
  expect(after.map(({kind}) => kind)).toContain("finalize");
  for (const {kind, iteration, hash} of after)
    expect(before).toContainEqual(expect.objectContaining({kind, iteration, hash}));
});

it("says nothing on checkpoints below that, though it has forgotten that it did", () => {
  const {both, nowMs} = world();
  for (let at = 0; both.some(({checkpoint}) => checkpoint.height < 3n); at += 100) settle(both, nowMs + at);
  const lost = replicaOf(genesis, 0, {signed: both[0].signingRecords()});
  give(lost, both[1], nowMs, "entries");
  testify(lost, [both[1]], nowMs + 10 * INTERVAL);
  expect([lost.isSilent, lost.checkpoint.height]).toEqual([false, 0n]);
  const said = Array.from({length: 40}, (_, at) => lost.step({kind: "tick"}, nowMs + (10 + at) * INTERVAL));
  expect(votesIn(said.flat(), 0)).toEqual([]);
});

it("is shortened again without a loss while the witness is silent, or has no seat where its database stands", () => {
  const {both} = world();
  const signed = both[0].signingRecords();
  const kept = (records: readonly Uint8Array[]) => new Set(records.map((record) => toHex(record)));
  const silent = replicaOf(genesis, 0, {signed});
  expect(silent.isSilent).toBe(true);
  const unseated = new Replica(
    {genesis: genesisOf(1), verifier, voteSigner: witnesses[1]},
    {
      ...freshReplica(genesisOf(1)),
      signed: replicaOf(genesis, 1, {signed: both[1].signingRecords()}).signingRecords(),
    },
  );
  expect(unseated.seat).toBeUndefined();
  for (const [table, again] of [
    [signed, silent.signingRecords()],
    [both[1].signingRecords(), unseated.signingRecords()],
  ] as const)
    for (const record of kept(table)) expect(kept(again)).toContain(record);
});

describe("members that lost their databases, and not their signing tables", () => {
  const LINKS = 12;

  /** Two that wrote in turn, each entry linking to the other's last one, and what they signed. */
  function twoThatWroteInTurn(records: (replica: Replica) => readonly Uint8Array[] | undefined) {
    const both = [replicaOf(genesis, 0), replicaOf(genesis, 1)];
    const signed: Uint8Array[][] = [[], []];
    const step = (at: number, input: ReplicaInput, nowMs: number) => {
      const effects = both[at]!.step(input, nowMs);
      for (const effect of effects) if (effect.kind === "sign") signed[at]!.push(effect.record);
      return effects;
    };
    for (const replica of both) testify(replica, both, NOW);
    for (let turn = 0, slot = FIRST; turn < LINKS; turn += 1) {
      const [writer, reader] = [turn % 2, (turn + 1) % 2];
      const op = ownOp(genesis, alice, slot, transfer(bob.account, 1n));
      slot = {seq: slot.seq + 1n, head: op.id};
      step(writer, {kind: "op", bytes: op.bytes, from: undefined}, NOW + 20 * turn);
      const said = step(writer, {kind: "tick"}, NOW + 20 * turn);
      for (const {bytes} of said.filter(isEntry))
        step(reader, {kind: "entry", bytes, from: undefined}, NOW + 20 * turn);
    }
    const tables = both.map((replica, at) => records(replica) ?? signed[at]!);
    return {before: both, after: tables.map((table, at) => replicaOf(genesis, at, {signed: table}))};
  }

  const again = (replica: Replica) =>
    replicaOf(genesis, replica.seat ?? 0, {signed: replica.signingRecords()});

  it.each([
    ["whole", () => undefined],
    ["shortened", (replica: Replica) => replica.signingRecords()],
    ["shortened again", (replica: Replica) => again(replica).signingRecords()],
  ] as const)("show each other what theirs wait for, all of it at once: tables %s", (_, records) => {
    const {before, after} = twoThatWroteInTurn(records);
    const placeOf = (replica: Replica | undefined) => replica?.heads().map(({n}) => n);
    expect(placeOf(before[0])?.[0]).toBeGreaterThanOrEqual(entryNumber(1, BigInt(LINKS / 2)));
    for (const replica of after) replica.step({kind: "tick"}, NOW + INTERVAL);
    expect(placeOf(after[1])).not.toEqual(placeOf(before[1]));
    for (const [to, from] of [
      [after[0]!, after[1]!],
      [after[1]!, after[0]!],
      [after[0]!, after[1]!],
    ] as const) {
      give(to, from, NOW + INTERVAL, "entries");
      testify(to, [from], NOW + INTERVAL);
    }
    expect(after.map(placeOf)).toEqual(before.map(placeOf));
    expect(after.map(({isSilent}) => isSilent)).toEqual([false, false]);
  });
});
