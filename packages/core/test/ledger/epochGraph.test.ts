import {voteEpochOf} from "@catalyze/core/ledger/checkpoint";
import {Dag} from "@catalyze/core/ledger/dag";
import type {Entry} from "@catalyze/core/ledger/entry";
import {describe, expect, it} from "vitest";
import {type EntryParts, entryOf, genesisOf, NOW} from "./witnessKit.ts";

const plain = genesisOf(4);
const genesis = {...plain, params: {...plain.params, checkpointsPerEpoch: 10}};
const epochOf = ({header}: Pick<Entry, "header">) => voteEpochOf(header, genesis.params);
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
/** The first of witness 1 in the second epoch. */
const next = (parts: Partial<EntryParts>) =>
  entryOf(genesis, {witness: 1, prev: b[2]!.hash, stampH: SECOND, ...parts});

/** Saw the whole first epoch. */
function withMemory(): Dag {
  const dag = new Dag(() => true, epochOf, anyRoom);
  for (const entry of [...a, ...b]) expect(dag.offer(entry).kind).toBe("ingested");
  for (const {hash} of [...a, ...b]) dag.node(hash)!.isCovered = true;
  dag.beginEpoch(2, floor, SECOND);
  return dag;
}

/** Began with a snapshot, or lost its memory. */
function withoutMemory(): Dag {
  const dag = new Dag(() => true, epochOf, anyRoom);
  dag.restore({
    ...{epoch: 2, floor, floorH: SECOND, heads: floor},
    ...{places: [], loads: [], covered: [], entries: []},
  });
  return dag;
}

const BOTH = [
  ["with memory", withMemory],
  ["without memory", withoutMemory],
] as const;

describe.each(BOTH)("the graph of an epoch, at a node %s", (_, dagOf) => {
  it("takes links to the floor and to what stands above it", () => {
    const dag = dagOf();
    const above = entryOf(genesis, {witness: 0, prev: a[2]!.hash, stampH: SECOND});
    expect(dag.offer(above).kind).toBe("ingested");
    expect(dag.offer(next({refs: [above]})).kind).toBe("ingested");
    const c = entryOf(genesis, {witness: 2, refs: [a[2]!], stampH: SECOND});
    expect(dag.offer(c).kind).toBe("ingested");
    expect(dag.heads().map(({hash}) => hash)).toEqual([above.hash, next({refs: [above]}).hash, c.hash]);
  });

  it("never takes in what links below the floor; its author goes on when the epoch is over", () => {
    const dag = dagOf();
    const deep = next({refs: [a[0]!]});
    expect(dag.offer(deep).kind).toBe("held");
    expect(dag.has(deep.hash)).toBe(false);
    expect(dag.wantedHeads()).toEqual(floor);
    expect(dag.beginEpoch(3, floor, 2n * SECOND)).toEqual([]);
    expect([dag.waiting, dag.head(1)?.hash]).toEqual([0, b[2]!.hash]);
    expect(dag.offer(deep).kind).toBe("outside");
    expect(dag.offer(next({stampH: THIRD})).kind).toBe("ingested");
  });

  it("does the same where an acknowledgement names what is below", () => {
    const dag = dagOf();
    const deep = next({acks: [{hash: a[0]!.hash, exceptions: []}]});
    expect(dag.offer(deep).kind).toBe("waiting");
    expect(dag.beginEpoch(3, floor, 2n * SECOND)).toEqual([]);
    expect(dag.waiting).toBe(0);
  });

  it("has nothing to do with what lies below the floor or beside it, nor with anything of an epoch that is over", () => {
    const dag = dagOf();
    const beside = entryOf(genesis, {witness: 0, n: 3n, prev: a[1]!.hash, timeMs: NOW + 1});
    const late = entryOf(genesis, {witness: 0, n: 4n, prev: a[2]!.hash});
    const onLate = entryOf(genesis, {witness: 0, prev: late.hash, stampH: SECOND});
    const onBeside = entryOf(genesis, {witness: 0, prev: beside.hash, stampH: SECOND});
    const all = [beside, late, onLate, onBeside];
    for (const entry of all) expect(dag.offer(entry).kind).toBe("outside");
    expect(dag.offer(entryOf(genesis, {witness: 2, refs: [onLate], stampH: SECOND})).kind).toBe("waiting");
    expect(all.some(({hash}) => dag.has(hash))).toBe(false);
  });

  it("takes no number that does not say in which epoch its entry votes", () => {
    const dag = dagOf();
    const signed = next({});
    const header = {...signed.header, stampH: THIRD};
    expect(dag.offer({...signed, header})).toEqual({kind: "invalid", reason: "number"});
  });

  it("keeps an entry of a later epoch waiting for that to begin", () => {
    const dag = dagOf();
    const above = next({});
    const early = entryOf(genesis, {witness: 2, refs: [above], stampH: THIRD});
    expect(dag.offer(early).kind).toBe("held");
    expect(dag.offer(above).kind).toBe("ingested");
    expect(dag.has(early.hash)).toBe(false);
    const freed = dag.beginEpoch(3, [floor[0]!, headOf(above)], 2n * SECOND);
    expect(freed.map(({entry}) => entry.hash)).toEqual([early.hash]);
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
    dag.beginEpoch(2, [headOf(theirs), headOf(witness)], SECOND);
    expect([dag.has(ours.hash), dag.has(theirs.hash)]).toEqual([false, true]);
    expect(dag.node(ours.hash)).toBeUndefined();
    expect(dag.head(0)).toEqual(headOf(theirs));
    const link = entryOf(genesis, {witness: 3, refs: [ours], stampH: SECOND});
    expect(dag.offer(link).kind).toBe("held");
    expect(dag.isForked(0)).toBe(false);
  });

  it("takes no witness for a forker that forgot, and began its log at the floor again", () => {
    const dag = new Dag(() => true, epochOf, anyRoom);
    const [first, second] = a as [Entry, Entry];
    // Nobody's cut covers the second one: void, and perhaps known to nobody but a bad member.
    for (const entry of [first, second]) expect(dag.offer(entry).kind).toBe("ingested");
    dag.node(first.hash)!.isCovered = true;
    dag.beginEpoch(2, [headOf(first)], SECOND);
    expect(dag.head(0)).toEqual(headOf(first));
    const again = entryOf(genesis, {witness: 0, prev: first.hash, stampH: SECOND});
    expect(dag.offer(again).kind).toBe("ingested");
    expect(dag.offer(second).kind).toBe("outside");
    expect([dag.isForked(0), dag.rivalOf(second), dag.rivalOf(again)]).toEqual([false, undefined, undefined]);
  });

  it("knows after a restart what the cuts of the epoch cover, with its place", () => {
    const [first, second, third] = a as [Entry, Entry, Entry];
    const dag = new Dag(() => true, epochOf, anyRoom);
    dag.restore({
      ...{epoch: 1, floor: [], floorH: 0n, loads: []},
      heads: [headOf(third)],
      places: [first, second].map((entry) => ({...headOf(entry), carried: 0})),
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
      ...{epoch: 1, floor: [], floorH: 0n, heads: [headOf(named)], loads: [], covered: [second]},
      places: [named, second, third].map((entry) => ({...headOf(entry), carried: 0})),
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
  /** Two entries an epoch. */
  const narrow = () => 2n;
  const log = logOf(2, 5);

  it("takes in what fits and nothing beyond that, and has room again in the next epoch", () => {
    const dag = new Dag(() => true, epochOf, narrow);
    const kinds = log.map((entry) => dag.offer(entry).kind);
    expect(kinds).toEqual(["ingested", "ingested", "beyond", "beyond", "beyond"]);
    expect(dag.isKnown(log[2]!.hash)).toBe(false);
    expect(dag.waiting).toBe(0);
    dag.node(log[1]!.hash)!.isCovered = true;
    dag.beginEpoch(2, [headOf(log[1]!)], SECOND);
    const first = entryOf(genesis, {witness: 2, prev: log[1]!.hash, stampH: SECOND});
    expect(dag.offer(first).kind).toBe("ingested");
  });

  it("says nothing about entries of an epoch that has not begun", () => {
    const dag = new Dag(() => true, epochOf, narrow);
    for (const entry of logOf(2, 5, SECOND)) expect(dag.offer(entry).kind).toBe("held");
  });
});
