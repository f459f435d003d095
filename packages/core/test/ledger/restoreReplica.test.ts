import {Tally} from "@catalyze/core/ledger/certificates";
import {checkpointHash, type Head} from "@catalyze/core/ledger/checkpoint";
import type {Cut} from "@catalyze/core/ledger/cut";
import type {Entry} from "@catalyze/core/ledger/entry";
import {encodeFinalCheckpoint, type FinalCheckpoint} from "@catalyze/core/ledger/finality";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import {restoreReplica} from "@catalyze/core/ledger/restoreReplica";
import {encodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import {type Covered, placeWrites, storedPlaces} from "@catalyze/core/ledger/storedPlaces";
import {checkpointKey, checkpointWrites, decodeCarried, entryKey, KEY} from "@catalyze/core/ledger/storeKeys";
import type {Write} from "@catalyze/core/ports/store";
import {ByteWriter} from "@catalyze/core/primitives/binary";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {alice, bob, transfer} from "./kit.ts";
import {committeeOf, entryOf, FIRST, genesisOf, NOW, ownOp, replicaOf} from "./witnessKit.ts";

const genesis = genesisOf(4);
const root = entryOf(genesis, {witness: 0});
const ours = entryOf(genesis, {witness: 0, n: 2n, prev: root.hash});
const theirs = entryOf(genesis, {witness: 0, n: 2n, prev: root.hash, timeMs: NOW + 1});
const after = entryOf(genesis, {witness: 0, n: 3n, prev: theirs.hash, timeMs: NOW + 2});

const theirsWithOp = entryOf(genesis, {
  ...{witness: 0, n: 2n, prev: root.hash, timeMs: NOW + 1},
  carry: [ownOp(genesis, alice, FIRST, transfer(bob.account, 1n))],
});

function placeOf({header: {witness, n}, hash}: Entry): Head {
  return {witness, n, hash};
}

function finalAt(head: Entry, height: bigint): FinalCheckpoint {
  const checkpoint = {...genesisCheckpoint(genesis, genesisState(genesis)), height, heads: [placeOf(head)]};
  return {checkpoint, hash: checkpointHash(checkpoint), iteration: 1, signatures: []};
}

function finalWrite(head: Entry, height: bigint): Write {
  return {key: checkpointKey(height), value: encodeFinalCheckpoint(finalAt(head, height))};
}

/** A store whose last checkpoint ends witness 0's log at `head`; this node had seen `ours` first. */
function storeWith(head: Entry, height = 1n): MemoryStore {
  const disk = new MemoryDisk();
  const meta = new ByteWriter()
    .u64(height)
    .raw(fromHex(finalAt(head, height).hash))
    .finish();
  disk.write(
    [
      {key: KEY.meta, value: meta},
      finalWrite(head, height),
      ...[root, ours].map((entry) => ({key: entryKey(entry, false), value: entry.bytes})),
      ...[theirs, after].map((entry) => ({key: entryKey(entry, true), value: entry.bytes})),
    ],
    true,
  );
  return new MemoryStore(disk);
}

describe("restoreReplica", () => {
  it("takes for covered the branch of a forked log that the cut names, not the one that it saw first", async () => {
    const covered = async (head: Entry) => {
      const restored = await restoreReplica({genesis, store: storeWith(head), signed: []});
      return restored.covered.map(({hash}) => hash);
    };
    expect(await covered(ours)).toEqual([root.hash, ours.hash]);
    expect(await covered(theirs)).toEqual([root.hash, theirs.hash]);
    expect(await covered(after)).toEqual([root.hash, theirs.hash, after.hash]);
  });

  it("knows who voted for which copy of an op that the cut did not apply", () => {
    const op = ownOp(genesis, alice, FIRST, transfer(bob.account, 1n));
    const spoilt = decodeOp(op.bytes.with(-1, op.bytes.at(-1)! ^ 1));
    const next = ownOp(genesis, alice, {seq: 1n, head: op.id}, transfer(bob.account, 1n));
    const carried = new Tally(committeeOf(4));
    const votes = [
      {op, mask: 0b0001},
      {op: spoilt, mask: 0b1000},
      {op: next, mask: 0b0010},
    ];
    for (const {op: copy, mask} of votes) carried.restore([{op: copy, mask: mask}]);
    const writes = checkpointWrites(
      {state: genesisState(genesis), writes: [], carried},
      finalAt(root, 1n),
      [],
    );
    const stored = decodeCarried(writes.find(({key}) => key === KEY.carried)!.value!);
    expect(stored.ops.map(({op: {bytes}, mask}) => ({bytes, mask}))).toEqual(
      votes.map(({op: {bytes}, mask}) => ({bytes, mask})),
    );
  });

  it("finds what the cut carries by its hash, on whichever branch this node held it for when it wrote that", async () => {
    const store = storeWith(root);
    const writes = checkpointWrites(
      {state: genesisState(genesis), writes: [], carried: new Tally(committeeOf(4))},
      finalAt(root, 1n),
      [{entry: theirsWithOp, isMain: true, isCovered: true, isSettled: false}],
    );
    const record = writes.filter(({key}) => key === KEY.carried);
    await store.write([...record, {key: entryKey(theirsWithOp, true), value: theirsWithOp.bytes}], {
      sync: true,
    });
    const {covered} = await restoreReplica({genesis, store, signed: []});
    expect(covered.map(({hash}) => hash)).toEqual([root.hash, theirsWithOp.hash]);
  });

  it("has a branch that ends below the cut and is no part of it, where what stands beyond the cut rests on it", async () => {
    const store = storeWith(after);
    const link = entryOf(genesis, {witness: 1, refs: [ours], timeMs: NOW + 4});
    const covered = {
      places: [root, theirs, after].map((entry) => ({...placeOf(entry), carried: 0})),
      loads: new Map(),
    };
    const cut = {checkpoint: {height: 1n, isLastOfEpoch: false}};
    await store.write(placeWrites(cut as unknown as Cut, covered, genesis.params), {sync: true});
    const entriesIn = async (signed: readonly Uint8Array[]) => {
      const {entries} = await restoreReplica({genesis, store, signed});
      return entries.map(({hash}) => hash);
    };
    const above = [after.hash];
    expect(await entriesIn([])).toEqual(above);
    // One that this node itself signed, and has in its signing table only.
    const record = encodeSigningRecord({kind: "entry", entry: link, votes: []});
    expect(await entriesIn([record])).toEqual([...above, ours.hash]);
    await store.write([{key: entryKey(link, false), value: link.bytes}], {sync: true});
    expect(await entriesIn([])).toEqual([...above, link.hash, ours.hash]);
  });

  it("takes no entry of the epoch for known that is not in the graph: it could never get in", () => {
    const replica = replicaOf(genesis, 9, {
      checkpoint: finalAt(root, 1n),
      places: [{...placeOf(root), carried: 0}],
      covered: [root, ours],
    });
    expect([root, ours].map(({hash}) => replica.hasEntry(hash))).toEqual([true, false]);
  });

  it("writes a log that forks so that no branch takes the place of another", () => {
    const replica = replicaOf(genesis, 9);
    const keysOf = (entry: Entry) =>
      replica
        .step({kind: "entry", bytes: entry.bytes, from: undefined}, NOW)
        .flatMap((effect) => (effect.kind === "store" ? effect.writes.map(({key}) => key) : []));
    const more = entryOf(genesis, {witness: 0, n: 3n, prev: ours.hash, timeMs: NOW + 3});
    const link = entryOf(genesis, {witness: 1, refs: [after], timeMs: NOW + 4});
    expect([root, ours].flatMap(keysOf)).toEqual([entryKey(root, false), entryKey(ours, false)]);
    expect([theirs, after, link].flatMap(keysOf)).toEqual([
      ...[theirs, after].map((entry) => entryKey(entry, true)),
      entryKey(link, false),
    ]);
    const next = entryOf(genesis, {witness: 2, refs: [more], timeMs: NOW + 5});
    // The branch that this node saw first: after a restart it may hold the other one for that.
    expect([more, next].flatMap(keysOf)).toEqual([entryKey(more, true), entryKey(next, false)]);
  });

  it("knows where the graph of the epoch begins, and what its cuts cover, until it ends", async () => {
    const {checkpointsPerEpoch} = genesis.params;
    const closed = BigInt(checkpointsPerEpoch);
    const next = entryOf(genesis, {witness: 1});
    const store = storeWith(after, closed + 1n);
    const cutAt = (height: bigint) =>
      ({checkpoint: {height, isLastOfEpoch: height % closed === 0n}}) as unknown as Cut;
    const covering = (entries: readonly Entry[], carried: number): Covered => ({
      places: entries.map((entry) => ({...placeOf(entry), carried})),
      loads: new Map([
        [0, {carried, useful: 7}],
        [3, {carried: 0, useful: 0}],
      ]),
    });
    const [one, two] = [covering([theirs, after], 900), covering([next], 2 ** 40)];
    await store.write(
      [
        finalWrite(ours, closed),
        ...placeWrites(cutAt(closed + 1n), one, genesis.params),
        ...placeWrites(cutAt(closed + 2n), two, genesis.params),
      ],
      {sync: true},
    );
    const {floor, places, loads} = await restoreReplica({genesis, store, signed: []});
    expect(floor).toEqual([placeOf(ours)]);
    expect(places).toEqual([...one.places, ...two.places]);
    expect(loads).toEqual([
      [closed + 1n, one.loads],
      [closed + 2n, two.loads],
    ]);
    await store.write(placeWrites(cutAt(2n * closed), covering([], 0), genesis.params), {sync: true});
    expect(await storedPlaces(store)).toEqual({places: [], loads: []});
  });
});
