import {Dag} from "@catalyze/core/ledger/dag";
import {entryNumber, placeOfEntry} from "@catalyze/core/ledger/entryNumber";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {entryOf, genesisOf, NOW} from "./witnessKit.ts";

const genesis = genesisOf(4);
const a1 = entryOf(genesis, {witness: 0});
const b1 = entryOf(genesis, {witness: 1, refs: [a1]});
const a2 = entryOf(genesis, {witness: 0, n: 2n, prev: a1.hash, refs: [b1]});
const c1 = entryOf(genesis, {witness: 2, refs: [a2, b1]});
const fork = entryOf(genesis, {witness: 0, n: 2n, prev: a1.hash, timeMs: NOW + 1});
const d1 = entryOf(genesis, {witness: 3, refs: [fork]});

function taken(dag: Dag, entries: readonly (typeof a1)[]): string[] {
  return entries.flatMap((entry) => {
    const offered = dag.offer(entry);
    return offered.kind === "ingested" ? offered.nodes.map((node) => node.entry.hash) : [];
  });
}

describe("dag", () => {
  it("takes in causes before effects, whatever comes first, each once", () => {
    const all = [a1, b1, a2, c1];
    fc.assert(
      fc.property(fc.shuffledSubarray([...all, ...all], {minLength: 8}), (entries) => {
        const dag = new Dag(
          () => true,
          () => 1,
          () => 1_000n,
        );
        const order = taken(dag, entries);
        expect([...order].sort()).toEqual(all.map(({hash}) => hash).sort());
        expect(order.indexOf(a1.hash)).toBeLessThan(order.indexOf(b1.hash));
        expect(order.indexOf(b1.hash)).toBeLessThan(order.indexOf(a2.hash));
        expect(order.indexOf(a2.hash)).toBeLessThan(order.indexOf(c1.hash));
        expect(dag.waiting).toBe(0);
        expect(dag.heads().map(({n}) => placeOfEntry(n))).toEqual([2n, 1n, 1n]);
      }),
    );
  });

  it("holds a fork back until somebody links to it, then takes both branches", () => {
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    taken(dag, [a1, b1, a2]);
    expect(dag.offer(fork).kind).toBe("held");
    expect(dag.isForked(0)).toBe(true);
    expect(taken(dag, [d1]).sort()).toEqual([fork.hash, d1.hash].sort());
    expect(dag.head(0)?.hash).toBe(a2.hash);
  });

  it("takes a fork that comes after the link to it", () => {
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    taken(dag, [a1, b1, a2]);
    expect(dag.offer(d1).kind).toBe("waiting");
    expect(taken(dag, [fork]).sort()).toEqual([fork.hash, d1.hash].sort());
  });

  it("takes in what was held back once a final checkpoint names its end, whatever comes when", () => {
    const a2alone = entryOf(genesis, {witness: 0, n: 2n, prev: a1.hash});
    const named = [{witness: 0, n: 2n, hash: a2alone.hash}];
    // Witness 0 has no vote any more, and nobody links to what it wrote last.
    const gone = () =>
      new Dag(
        (seat) => seat !== 0,
        () => 1,
        () => 1_000n,
      );
    const both = gone();
    expect([both.offer(a1).kind, both.offer(a2alone).kind]).toEqual(["held", "held"]);
    expect(both.admitNamed(named).map(({entry}) => entry.hash)).toEqual([a1.hash, a2alone.hash]);
    const first = gone();
    expect(first.offer(a2alone).kind).toBe("held");
    expect(first.admitNamed(named)).toEqual([]);
    expect(taken(first, [a1])).toEqual([a1.hash, a2alone.hash]);
    const late = gone();
    expect(late.admitNamed(named)).toEqual([]);
    expect(taken(late, [a2alone, a1])).toEqual([a1.hash, a2alone.hash]);
  });

  it("takes nothing more of a forked log that nobody links to", () => {
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    taken(dag, [a1, b1, a2, fork]);
    const a3 = entryOf(genesis, {witness: 0, n: 3n, prev: a2.hash});
    expect(dag.offer(a3).kind).toBe("held");
  });

  it("holds back what waited since before its log was seen to fork, and what only its own log waits for", () => {
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    taken(dag, [a1, b1]);
    const fork3 = entryOf(genesis, {witness: 0, n: 3n, prev: fork.hash, timeMs: NOW + 2});
    expect(dag.offer(fork3).kind).toBe("waiting");
    taken(dag, [a2]);
    expect(dag.offer(fork).kind).toBe("held");
    expect(taken(dag, [d1]).sort()).toEqual([fork.hash, d1.hash].sort());
    expect(dag.has(fork3.hash)).toBe(false);
  });

  it("gets a forked log as far as somebody links to it, however far above its head that is", () => {
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    const log = [a1, a2];
    while (log.length < 300) {
      const prev = log.at(-1)!;
      log.push(entryOf(genesis, {witness: 0, n: prev.header.n + 1n, prev: prev.hash}));
    }
    // Some of it came before the link, more than is kept.
    taken(dag, [a1, b1, a2, fork, ...log.slice(2, 150)]);
    const link = entryOf(genesis, {witness: 3, refs: [log.at(-1)!]});
    expect(dag.offer(link).kind).toBe("waiting");
    // What a peer answers: so many entries above what was asked for, the lowest first.
    let rounds = 0;
    for (; !dag.has(link.hash) && rounds < 10; rounds += 1) {
      const {n: asked} = dag.wantedHeads().find(({witness}) => witness === 0)!;
      taken(dag, log.filter(({header: {n}}) => n > asked).slice(0, 128));
    }
    expect([rounds, dag.head(0)?.n]).toEqual([5, entryNumber(1, 300n)]);
  });

  it("takes a side branch that an entry of another log links to through it", () => {
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    taken(dag, [a1, b1, a2]);
    const fork3 = entryOf(genesis, {witness: 0, n: 3n, prev: fork.hash, timeMs: NOW + 2});
    const e1 = entryOf(genesis, {witness: 3, refs: [fork3]});
    expect(dag.offer(e1).kind).toBe("waiting");
    expect(dag.offer(fork3).kind).toBe("waiting");
    expect(taken(dag, [fork]).sort()).toEqual([fork.hash, fork3.hash, e1.hash].sort());
  });

  it("asks from below what is missing, so that another branch of a log comes too", () => {
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    taken(dag, [a1, b1, a2]);
    dag.offer(d1);
    expect(dag.heads().map(({n}) => placeOfEntry(n))).toEqual([2n, 1n]);
    expect(dag.wantedHeads().map(({n}) => placeOfEntry(n))).toEqual([1n, 1n]);
  });

  it("refuses links that lie about whose entry they name", () => {
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    taken(dag, [a1]);
    const liar = entryOf(genesis, {
      witness: 1,
      refs: [{...a1, header: {...a1.header, n: 7n}}],
    });
    expect(dag.offer(liar).kind).toBe("invalid");
    const usurper = entryOf(genesis, {witness: 1, n: 2n, prev: a1.hash});
    expect(dag.offer(usurper)).toEqual({kind: "invalid", reason: "prev"});
    const leaper = entryOf(genesis, {witness: 0, n: 3n, prev: a1.hash});
    expect(dag.offer(leaper)).toEqual({kind: "invalid", reason: "prev"});
  });

  it("finds the past that no checkpoint covers, causes first", () => {
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    taken(dag, [a1, b1, a2, c1]);
    dag.node(a1.hash)!.isCovered = true;
    const past = dag.uncoveredPast([{witness: 2, n: 1n, hash: c1.hash}]);
    expect(past?.map(({entry}) => entry.hash)).toEqual([b1.hash, a2.hash, c1.hash]);
    expect(dag.uncoveredPast([{witness: 3, n: 1n, hash: d1.hash}])).toBeUndefined();
  });
});
