import {Dag} from "@catalyze/core/ledger/dag";
import type {Entry} from "@catalyze/core/ledger/entry";
import {describe, expect, it} from "vitest";
import {entryOf, genesisOf, NOW} from "./witnessKit.ts";

const genesis = genesisOf(4);
/** Epochs of ten heights, as `voteEpochOf` counts them. */
const epochOf = ({header}: Pick<Entry, "header">) => Math.floor(Number(header.stampH) / 10) + 1;
const anyRoom = () => 1_000n;
const SECOND = 10n;
const THIRD = 20n;

const headOf = ({header: {witness, n}, hash}: Entry) => ({witness, n, hash});

function logOf(witness: number, count: number, stampH = 0n): Entry[] {
  const log: Entry[] = [];
  for (let n = 1; n <= count; n += 1)
    log.push(
      entryOf(genesis, {witness, n: BigInt(n), ...(log.length > 0 && {prev: log.at(-1)!.hash}), stampH}),
    );
  return log;
}

const a = logOf(0, 3);
const b = logOf(1, 3);
const floor = [a[2]!, b[2]!].map(headOf);
/** The next of witness 1, in the second epoch. */
const next = (parts: {readonly refs?: readonly Entry[]; readonly stampH?: bigint}) =>
  entryOf(genesis, {witness: 1, n: 4n, prev: b[2]!.hash, stampH: SECOND, ...parts});

/** Saw the whole first epoch. */
function withMemory(): Dag {
  const dag = new Dag(() => true, epochOf, anyRoom);
  for (const entry of [...a, ...b]) expect(dag.offer(entry).kind).toBe("ingested");
  for (const {hash} of [...a, ...b]) dag.node(hash)!.isCovered = true;
  dag.beginEpoch(2, floor);
  return dag;
}

/** Began with a snapshot, or lost its memory. */
function withoutMemory(): Dag {
  const dag = new Dag(() => true, epochOf, anyRoom);
  dag.restore({epoch: 2, floor, heads: floor, places: [], covered: [], entries: []});
  return dag;
}

const BOTH = [
  ["with memory", withMemory],
  ["without memory", withoutMemory],
] as const;

describe.each(BOTH)("the graph of an epoch, at a node %s", (_, dagOf) => {
  it("takes links to the floor and to what stands above it", () => {
    const dag = dagOf();
    const above = entryOf(genesis, {witness: 0, n: 4n, prev: a[2]!.hash, stampH: SECOND});
    expect(dag.offer(above).kind).toBe("ingested");
    expect(dag.offer(next({refs: [above]})).kind).toBe("ingested");
    const c = entryOf(genesis, {witness: 2, refs: [a[2]!], stampH: SECOND});
    expect(dag.offer(c).kind).toBe("ingested");
  });

  it("keeps an entry that links below the floor waiting until its epoch is over, and asks nobody for that", () => {
    const dag = dagOf();
    const deep = next({refs: [a[0]!]});
    expect(dag.offer(deep).kind).toBe("held");
    expect(dag.has(deep.hash)).toBe(false);
    expect(dag.wantedHeads()).toEqual(floor);
    const freed = dag.beginEpoch(3, floor);
    expect(freed.map(({entry}) => entry.hash)).toEqual([deep.hash]);
    expect(dag.head(1)?.hash).toBe(deep.hash);
  });

  it("does the same where an acknowledgement names what is below", () => {
    const dag = dagOf();
    const deep = entryOf(genesis, {
      ...{witness: 1, n: 4n, prev: b[2]!.hash, stampH: SECOND},
      acks: [{hash: a[0]!.hash, exceptions: []}],
    });
    expect(dag.offer(deep).kind).toBe("waiting");
    expect(dag.beginEpoch(3, floor).map(({entry}) => entry.hash)).toEqual([deep.hash]);
  });

  it("looks at no link of an entry of an epoch that is over, but at its place in its log", () => {
    const dag = dagOf();
    const late = next({refs: [a[0]!], stampH: 0n});
    const lost = entryOf(genesis, {witness: 1, n: 6n, prev: "ab".repeat(32) as Entry["hash"], stampH: 0n});
    expect(dag.offer(late).kind).toBe("ingested");
    expect(dag.offer(lost).kind).toBe("waiting");
    expect(dag.uncoveredPast([headOf(late)])?.map(({entry}) => entry.hash)).toEqual([late.hash]);
  });

  it("has nothing to do with what lies below the floor or beside it", () => {
    const dag = dagOf();
    const beside = entryOf(genesis, {witness: 0, n: 3n, prev: a[1]!.hash, stampH: SECOND, timeMs: NOW + 1});
    const besideNext = entryOf(genesis, {witness: 0, n: 4n, prev: beside.hash, stampH: SECOND});
    expect(dag.offer(beside).kind).toBe("outside");
    expect(dag.offer(besideNext).kind).toBe("outside");
    expect(dag.offer(entryOf(genesis, {witness: 2, refs: [besideNext], stampH: SECOND})).kind).toBe(
      "waiting",
    );
    expect([beside.hash, besideNext.hash].some((hash) => dag.has(hash))).toBe(false);
  });

  it("keeps an entry of a later epoch waiting for that to begin", () => {
    const dag = dagOf();
    const above = next({});
    const early = entryOf(genesis, {witness: 2, refs: [above], stampH: THIRD});
    expect(dag.offer(early).kind).toBe("held");
    expect(dag.offer(above).kind).toBe("ingested");
    expect(dag.has(early.hash)).toBe(false);
    expect(dag.beginEpoch(3, floor).map(({entry}) => entry.hash)).toEqual([early.hash]);
  });
});

describe("the graph of an epoch", () => {
  it("leaves a branch behind that the cut does not end on, and goes on with the other", () => {
    const dag = new Dag(() => true, epochOf, anyRoom);
    const [root, ours] = a as [Entry, Entry];
    const theirs = entryOf(genesis, {witness: 0, n: 2n, prev: root.hash, timeMs: NOW + 1});
    const witness = entryOf(genesis, {witness: 2, refs: [theirs]});
    for (const entry of [root, ours, theirs, witness]) dag.offer(entry);
    expect(dag.has(theirs.hash)).toBe(true);
    for (const {hash} of [root, theirs, witness]) dag.node(hash)!.isCovered = true;
    dag.beginEpoch(2, [headOf(theirs), headOf(witness)]);
    expect([dag.has(ours.hash), dag.has(theirs.hash)]).toEqual([false, true]);
    expect(dag.node(ours.hash)).toBeUndefined();
    expect(dag.head(0)).toEqual(headOf(theirs));
    const link = entryOf(genesis, {witness: 3, refs: [ours], stampH: SECOND});
    expect(dag.offer(link).kind).toBe("held");
  });

  it("knows after a restart what the cuts of the epoch cover, with its place", () => {
    const [first, second, third] = a as [Entry, Entry, Entry];
    const dag = new Dag(() => true, epochOf, anyRoom);
    dag.restore({
      epoch: 1,
      floor: [],
      heads: [headOf(third)],
      places: [first, second].map(headOf),
      ...{covered: [], entries: []},
    });
    expect(dag.offer(entryOf(genesis, {witness: 1, refs: [first]})).kind).toBe("ingested");
    const moved = {...second, header: {...second.header, n: 1n}};
    expect(dag.offer(entryOf(genesis, {witness: 2, refs: [moved]})).kind).toBe("invalid");
  });

  it("goes on after a restart behind all that the cuts cover of a log, where their leader named less of it", () => {
    const [named, second, third, fourth] = logOf(2, 4) as [Entry, Entry, Entry, Entry];
    const dag = new Dag(() => true, epochOf, anyRoom);
    dag.restore({
      ...{epoch: 1, floor: [], heads: [headOf(named)], covered: [second]},
      places: [named, second, third].map(headOf),
      entries: [fourth, third, second],
    });
    expect(dag.head(2)).toEqual(headOf(third));
    expect([second, third].map(({hash}) => dag.node(hash))).toMatchObject([
      {isMain: true, isCovered: true},
      {isMain: true, isCovered: true},
    ]);
    expect(dag.offer(fourth).kind).toBe("ingested");
    expect(dag.head(2)).toEqual(headOf(fourth));
    expect(dag.isForked(2)).toBe(false);
  });

  it("takes in again what a cut covers of a branch without naming it, also where a restart left a part of it", () => {
    const [named, lost, kept] = logOf(2, 3) as [Entry, Entry, Entry];
    const dag = new Dag(() => true, epochOf, anyRoom);
    dag.restore({
      ...{epoch: 1, floor: [], heads: [headOf(named), headOf(b[2]!)], covered: [kept], entries: []},
      places: [...b.slice(0, 2), lost, kept].map(headOf),
    });
    expect(dag.isKnown(kept.hash)).toBe(true);
    dag.beginEpoch(2, [headOf(named), headOf(b[2]!)]);
    // Who has the whole branch may link to its end.
    const link = next({refs: [kept]});
    expect(dag.offer(link).kind).toBe("waiting");
    expect(dag.offer(kept).kind).toBe("waiting");
    const offered = dag.offer(lost);
    const taken = offered.kind === "ingested" ? offered.nodes.map(({entry}) => entry.hash) : [];
    expect(taken).toEqual([lost.hash, kept.hash, link.hash]);
  });

  it("still sees a fork that comes out after its epoch", () => {
    const dag = withMemory();
    const rival = entryOf(genesis, {witness: 0, n: 2n, prev: a[0]!.hash, timeMs: NOW + 1});
    expect(dag.isForked(0)).toBe(false);
    dag.offer(rival);
    expect(dag.isForked(0)).toBe(true);
    expect(dag.rivalOf(rival)?.hash).toBe(a[1]!.hash);
  });
});

describe("how far a log may go", () => {
  /** Two numbers above the floor, for entries of the present epoch and of one before. */
  const narrow = () => 2n;
  const log = logOf(2, 5);
  const dead = logOf(2, 5, SECOND);

  it("takes in what fits, and nothing beyond that before another epoch begins", () => {
    const dag = new Dag(() => true, epochOf, narrow);
    const kinds = log.map((entry) => dag.offer(entry).kind);
    expect(kinds).toEqual(["ingested", "ingested", "beyond", "beyond", "beyond"]);
    expect(dag.isKnown(log[2]!.hash)).toBe(false);
    expect(dag.waiting).toBe(0);
    dag.node(log[1]!.hash)!.isCovered = true;
    dag.beginEpoch(2, [headOf(log[1]!)]);
    expect(log.slice(2).map((entry) => dag.offer(entry).kind)).toEqual(["ingested", "ingested", "beyond"]);
  });

  it("is the same for a node that was there as for one that restarts", () => {
    let room = 5n;
    const there = new Dag(
      () => true,
      epochOf,
      () => room,
    );
    for (const entry of dead) expect(there.offer(entry).kind).toBe("held");
    there.beginEpoch(2, []);
    expect(there.head(2)).toEqual(headOf(dead[4]!));
    room = 2n;
    there.beginEpoch(3, []);
    const restarted = new Dag(
      () => true,
      epochOf,
      () => room,
    );
    restarted.restore({epoch: 3, floor: [], heads: [], places: [], covered: [], entries: []});
    for (const entry of dead) restarted.offer(entry);
    for (const dag of [there, restarted]) {
      expect(dead.map(({hash}) => dag.has(hash))).toEqual([true, true, false, false, false]);
      expect(dag.head(2)).toEqual(headOf(dead[1]!));
      expect(dag.isForked(2)).toBe(false);
    }
    room = 3n;
    for (const dag of [there, restarted]) {
      expect(dag.offer(dead[2]!).kind).toBe("ingested");
      expect(dag.isForked(2)).toBe(false);
    }
  });

  it("says nothing about entries of an epoch that has not begun", () => {
    const dag = new Dag(() => true, epochOf, narrow);
    expect(dag.offer(dead[4]!).kind).toBe("held");
  });
});
