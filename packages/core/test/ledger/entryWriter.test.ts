/** What a witness writes rests on everything that it holds, the branches of forked logs too, and follows its log. */
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Entry} from "@catalyze/core/ledger/entry";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import {entryNumber} from "@catalyze/core/ledger/entryNumber";
import type {Op} from "@catalyze/core/ledger/op";
import type {Replica} from "@catalyze/core/ledger/replica";
import {encodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import type {PeerId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {alice, bob, carol, transfer} from "./kit.ts";
import {entryOf, FIRST, genesisOf, NOW, ownOp, replicaOf, testify} from "./witnessKit.ts";

const genesis = genesisOf(4);
const from = "somebody" as PeerId;
const FORKER = 3;

const take = (replica: Replica, entries: readonly Entry[]): Effect[] =>
  entries.flatMap(({bytes}) => replica.step({kind: "entry", bytes, from}, NOW));

const writtenBy = (replica: Replica, nowMs: number): Entry[] =>
  replica
    .step({kind: "tick"}, nowMs)
    .flatMap((effect) =>
      effect.kind === "broadcast" && effect.what === "entry" ? [decodeEntry(effect.bytes)] : [],
    );

const others = [1, 2, 3].map((index) => replicaOf(genesis, index));

describe("a witness whose signing table is ahead of its store", () => {
  it("writes nothing before every entry that it signed is here, and goes on after the last", () => {
    const first = entryOf(genesis, {witness: 0});
    const last = entryOf(genesis, {witness: 0, n: 2n, prev: first.hash});
    const signed = [encodeSigningRecord({kind: "entry", entry: last, votes: []})];
    const witness = replicaOf(genesis, 0, {signed});
    testify(witness, others, NOW);
    expect(witness.isSilent).toBe(false);
    const op = ownOp(genesis, alice, FIRST, transfer(bob.account, 1_000n));
    witness.step({kind: "op", bytes: op.bytes, from}, NOW);
    expect(writtenBy(witness, NOW)).toEqual([]);
    take(witness, [first]);
    expect(writtenBy(witness, NOW).map(({header: {n, prev}}) => [n, prev])).toEqual([
      [entryNumber(1, 3n), last.hash],
    ]);
  });
});

describe("the pace of a writer", () => {
  const {entryIntervalMs} = genesis.params;

  /** Intervals until the entry after one that answered another member's, which carried so many ops. */
  function intervalsAfter(votes: number, isAnswer: boolean): number {
    const witness = replicaOf(genesis, 0);
    testify(witness, others, NOW);
    const ops: Op[] = [];
    for (let at = 0; at < votes; at += 1) {
      const last = ops.at(-1);
      const head = last === undefined ? FIRST : {seq: last.body.seq, head: last.id};
      ops.push(ownOp(genesis, alice, head, transfer(bob.account, 1n)));
    }
    if (isAnswer) take(witness, [entryOf(genesis, {witness: 1, carry: ops})]);
    else for (const {bytes} of ops) witness.step({kind: "op", bytes, from}, NOW);
    expect(writtenBy(witness, NOW)).toHaveLength(1);
    const next = ownOp(genesis, carol, FIRST, transfer(bob.account, 1n));
    witness.step({kind: "op", bytes: next.bytes, from}, NOW);
    return ((witness.wantsTick(NOW) ?? Number.NaN) - NOW) / entryIntervalMs;
  }

  it("slows down with what members have to answer, in two steps", () => {
    expect([1, 15, 16, 127, 128].map((votes) => intervalsAfter(votes, true))).toEqual([1, 1, 2, 2, 3]);
  });

  it("stays where nobody is answered", () => {
    expect([1, 128].map((votes) => intervalsAfter(votes, false))).toEqual([1, 1]);
  });
});

describe("an entry's past", () => {
  it("has what certified an op, even by a vote on the other branch of a forked log", () => {
    const witness = replicaOf(genesis, 0);
    testify(witness, others, NOW);
    const [voted, certified] = [bob, carol].map((payee) =>
      ownOp(genesis, alice, FIRST, transfer(payee.account, 1_000n)),
    );
    witness.step({kind: "op", bytes: voted!.bytes, from}, NOW);
    const own = writtenBy(witness, NOW);
    expect(own.flatMap(({carry}) => carry.map(({id}) => id))).toEqual([voted!.id]);

    const carrying = entryOf(genesis, {witness: 1, carry: [certified!]});
    const ack = {hash: carrying.hash, exceptions: []};
    const voting = entryOf(genesis, {witness: 2, acks: [ack]});
    const main = entryOf(genesis, {witness: FORKER});
    const side = entryOf(genesis, {witness: FORKER, acks: [ack]});
    const missing = entryOf(genesis, {witness: 2, n: 2n, prev: voting.hash});
    // It brings the other branch in, and waits itself for an entry that never comes.
    const wanting = entryOf(genesis, {
      ...{witness: 1, n: 2n, prev: carrying.hash, refs: [missing]},
      acks: [{hash: side.hash, exceptions: []}],
    });
    take(witness, [carrying, voting, main, side]);
    expect(witness.isCertified(certified!.id)).toBe(false);
    expect(take(witness, [wanting])).toContainEqual({kind: "certified", ops: [certified!.id]});

    const another = ownOp(genesis, bob, FIRST, transfer(carol.account, 1_000n));
    witness.step({kind: "op", bytes: another.bytes, from}, NOW);
    const later = writtenBy(witness, NOW + genesis.params.checkpointIntervalMs);
    expect(later).toHaveLength(1);
    const follower = replicaOf(genesis, 4);
    take(follower, [carrying, voting, main, ...own, ...later, side]);
    expect(follower.isCertified(certified!.id)).toBe(true);
  });
});
