import {ZERO_HASH} from "@catalyze/core/ledger/cell";
import {Dag} from "@catalyze/core/ledger/dag";
import {entriesAfter} from "@catalyze/core/ledger/entriesAfter";
import type {Entry} from "@catalyze/core/ledger/entry";
import type {PageRoom} from "@catalyze/core/ledger/entryPage";
import {storedAfter} from "@catalyze/core/ledger/storedAfter";
import {entryKey} from "@catalyze/core/ledger/storeKeys";
import {describe, expect, it} from "vitest";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {entryOf, genesisOf, NOW, ROOM} from "./witnessKit.ts";

const genesis = genesisOf(4);
const a1 = entryOf(genesis, {witness: 0});

/** A bad member's, from its second entry on. */
function branch(seed: number, length: number): Entry[] {
  const entries: Entry[] = [];
  for (let prev = a1.hash, n = 2n; entries.length < length; n += 1n) {
    const entry = entryOf(genesis, {witness: 0, n, prev, timeMs: NOW + seed});
    entries.push(entry);
    prev = entry.hash;
  }
  return entries;
}

function linkTo(witness: number, end: Entry): Entry {
  return entryOf(genesis, {witness, refs: [end]});
}

function graph(entries: readonly Entry[]): Dag {
  const dag = new Dag(
    () => true,
    () => 1,
    () => 1_000n,
  );
  for (const entry of entries) dag.offer(entry);
  return dag;
}

/** Room for so many entries of the size of these. */
function roomFor(count: number, entries: readonly Entry[], turn: number): PageRoom {
  const largest = Math.max(...entries.map(({bytes}) => bytes.length));
  return {itemsMax: 1_000, bytesMax: count * (largest + 8), turn};
}

async function storeOf(entries: readonly Entry[], isBranch: (entry: Entry) => boolean): Promise<MemoryStore> {
  const store = new MemoryStore(new MemoryDisk());
  const writes = entries.map((entry) => ({key: entryKey(entry, isBranch(entry)), value: entry.bytes}));
  await store.write(writes, {sync: true});
  return store;
}

describe("a page from memory", () => {
  const [main, second, third] = [branch(1, 100), branch(2, 100), branch(3, 100)] as const;
  const links = [linkTo(1, second.at(-1)!), linkTo(2, third.at(-1)!)];
  // From the links on down: so each is wanted by the one before.
  const [seen, unseen] = [second.toReversed(), third.toReversed()];
  const all = [...links, a1, ...main, ...seen, ...unseen];

  it("brings a peer the one branch that it lacks, however many and long the others are", () => {
    const [holder, peer] = [graph(all), graph([...links, a1, ...main, ...seen])];
    expect([holder, peer].map((dag) => dag.has(links[1]!.hash))).toEqual([true, false]);
    for (let turn = 0; turn < 220 && !peer.has(links[1]!.hash); turn += 1) {
      const room = {...ROOM, itemsMax: 128, turn};
      for (const entry of entriesAfter({dag: holder, unplaced: []}, peer.wantedHeads(), room).entries)
        peer.offer(entry);
    }
    expect(peer.has(links[1]!.hash)).toBe(true);
  });

  it("has something of each log, however much another has", () => {
    const honest = entryOf(genesis, {witness: 3});
    const holder = {dag: graph([...all, honest]), unplaced: []};
    for (let turn = 0; turn < 8; turn += 1) {
      const page = entriesAfter(holder, [], roomFor(4, [...all, honest], turn));
      expect(page.entries).toContainEqual(honest);
      expect(page.hasMore).toBe(true);
    }
    const alone = [0, 1, 2, 3].map((turn) => entriesAfter(holder, [], roomFor(1, links, turn)).entries);
    expect(alone).toContainEqual([honest]);
  });

  it("brings in the end each of the branches whose large entries have the same number", () => {
    const ends = [main[0]!, second[0]!, third[0]!];
    const holder = {dag: graph([a1, ...ends.map((end, at) => linkTo(at + 1, end)), ...ends]), unplaced: []};
    const known = [{witness: 0, n: a1.header.n, hash: a1.hash}];
    const brought = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((turn) =>
      entriesAfter(holder, known, roomFor(4, ends, turn)).entries.filter(({header}) => header.witness === 0),
    );
    for (const end of ends) expect(brought).toContainEqual(end);
  });

  it("begins every other time where the peer stands, and has last what it may know", () => {
    const holder = {dag: graph(all), unplaced: []};
    const at = main[49]!.header;
    const known = [1, 2, 3].map((witness) => ({witness, n: 1n << 40n, hash: ZERO_HASH}));
    for (const turn of [0, 2, 4]) {
      const heads = [{witness: 0, n: at.n, hash: main[49]!.hash}, ...known];
      const page = entriesAfter(holder, heads, {...ROOM, itemsMax: 3, turn});
      expect(page.entries.map(({header}) => header.n)).toEqual([at.n + 1n, at.n + 1n, at.n + 1n]);
      const whole = entriesAfter(holder, heads, {...ROOM, turn});
      expect(whole.entries.filter(({header}) => header.n > at.n)).toHaveLength(150);
      expect(whole.entries.filter(({header}) => header.n <= at.n)).toHaveLength(64);
    }
  });

  it("has all that the peer lacks and nothing else, causes first, where there is room", () => {
    const [b1, b2] = [entryOf(genesis, {witness: 1, refs: [a1]}), entryOf(genesis, {witness: 2})];
    const a2 = entryOf(genesis, {witness: 0, n: 2n, prev: a1.hash, refs: [b1, b2]});
    const own = entryOf(genesis, {witness: 3, refs: [third[0]!]});
    const held = {dag: graph([a1, b1, b2, a2]), unplaced: [own]};
    const {entries, hasMore} = entriesAfter(held, [{witness: 2, n: b2.header.n, hash: b2.hash}], ROOM);
    expect([entries, hasMore]).toEqual([[a1, b1, a2, own], false]);
  });
});

describe("a page from the store", () => {
  const peer = {heads: [], height: 0n};
  const room = {...ROOM, seats: 2, checkpointsMax: 16};

  it("brings something of each log, whatever times a bad member gives its entries", async () => {
    const honest = entryOf(genesis, {witness: 1, timeMs: NOW});
    let [prev, bad] = [ZERO_HASH, [] as Entry[]];
    for (let n = 1n; n <= 40n; n += 1n) {
      bad = [...bad, entryOf(genesis, {witness: 0, n, prev, refs: [honest], timeMs: 1})];
      prev = bad.at(-1)!.hash;
    }
    const store = await storeOf([...bad, honest], () => false);
    const page = await storedAfter(store, peer, {...room, itemsMax: 16, turn: 4});
    expect(page?.entries).toHaveLength(16);
    expect(page?.hasMore).toBe(true);
    expect(page?.entries).toContainEqual(honest);
    expect(page?.entries).toContainEqual(bad[0]!);
    const first = [0, 1].map(async (turn) => {
      const answer = await storedAfter(store, peer, {...room, ...roomFor(1, bad, turn)});
      return answer?.entries;
    });
    // An answer has room for a few only, if they are large.
    expect(await Promise.all(first)).toEqual([[bad[0]], [honest]]);
    expect((await storedAfter(store, peer, room))?.hasMore).toBe(false);
  });

  it("brings in the end each of the branches whose large entries have the same number", async () => {
    const ends = [1, 2, 3].flatMap((seed) => branch(seed, 1));
    const store = await storeOf([a1, ...ends], (entry) => entry !== a1 && entry !== ends[0]);
    const behind = {heads: [{witness: 0, n: a1.header.n, hash: a1.hash}], height: 0n};
    const brought: Entry[] = [];
    for (let turn = 0; turn < 6; turn += 1)
      brought.push(
        ...((await storedAfter(store, behind, {...room, ...roomFor(2, ends, turn)}))?.entries ?? []),
      );
    for (const end of ends) expect(brought).toContainEqual(end);
  });
});
