import {Tally} from "@catalyze/core/ledger/certificates";
import {Committee} from "@catalyze/core/ledger/committee";
import type {Op} from "@catalyze/core/ledger/op";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {alice, bob, transfer} from "./kit.ts";
import {committeeOf, FIRST, genesisOf, ownOp} from "./witnessKit.ts";

const genesis = genesisOf(4);
const committee = committeeOf(4);
const first = ownOp(genesis, alice, FIRST, transfer(bob.account, 5n));
const second = ownOp(genesis, alice, {seq: 1n, head: first.id}, transfer(bob.account, 6n));
const third = ownOp(genesis, alice, {seq: 2n, head: second.id}, transfer(bob.account, 7n));
const rival = ownOp(genesis, alice, FIRST, transfer(bob.account, 8n));

describe("tally", () => {
  it("certifies at more than two thirds of the weight, once", () => {
    const tally = new Tally(committee);
    tally.add(first);
    expect(tally.vote(first.id, 0)).toEqual([]);
    expect(tally.vote(first.id, 0)).toEqual([]);
    expect(tally.vote(first.id, 1)).toEqual([]);
    expect(tally.vote(first.id, 2)).toEqual([first]);
    expect(tally.vote(first.id, 3)).toEqual([]);
  });

  it("counts no vote of who is no member, however often it votes", () => {
    const members = [3, 7, 12].map((seat) => ({seat, weight: 1, voteKey: new Uint8Array(32)}));
    const tally = new Tally(new Committee(members));
    tally.add(first);
    for (const stranger of [0, 1, 2, 4, 33, 35, 39, 44]) expect(tally.vote(first.id, stranger)).toEqual([]);
    expect(tally.vote(first.id, 12)).toEqual([]);
    expect(tally.vote(first.id, 7)).toEqual([]);
    expect(tally.vote(first.id, 3)).toEqual([first]);
  });

  it("certifies an op only after what it follows, in any order of arrival", () => {
    const ops = [first, second, third];
    const votes = ops.flatMap((op) => [0, 1, 2].map((witness) => ({op, witness})));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(ops, {minLength: 3}),
        fc.shuffledSubarray(votes, {minLength: 9}),
        (order, given) => {
          const [tally, voted] = [new Tally(committee), new Map<string, number>()];
          for (const op of order) tally.add(op);
          const certified: Op[] = [];
          for (const {op, witness} of given) {
            certified.push(...tally.vote(op.id, witness));
            voted.set(op.id, (voted.get(op.id) ?? 0) + 1);
            const line = ops.filter((_, at) => ops.slice(0, at + 1).every(({id}) => voted.get(id) === 3));
            expect(certified).toEqual(line);
          }
        },
      ),
    );
  });

  // Else a bad member's vote far down the line made a certificate that nobody could show to a checkpoint.
  it("counts a vote for no other op, whatever follows what", () => {
    const tally = new Tally(committee);
    for (const op of [rival, first, second]) tally.add(op);
    for (const witness of [0, 1]) tally.vote(first.id, witness);
    for (const witness of [0, 1, 2]) expect(tally.vote(second.id, witness)).toEqual([]);
    expect([first, second, rival].map(({id}) => tally.get(id)?.isCertified)).toEqual([false, false, false]);
    expect([...tally.contestedSeqs(alice.account)]).toEqual([1n]);
    expect(tally.vote(first.id, 3)).toEqual([first, second]);
    tally.drop(({body}) => body.seq <= 1n);
    expect([...tally.contestedSeqs(alice.account)]).toEqual([]);
  });

  it("is restored from votes in any order", () => {
    const copies = [second, first, third].map((op) => ({op, mask: op === first ? 0b011 : 0b111}));
    const tally = new Tally(committee);
    expect(tally.restore(copies)).toEqual([]);
    expect(tally.vote(first.id, 2)).toEqual([first, second, third]);
  });

  it("counts votes for what an entry carries as it counts each of them", () => {
    const carries = [[first, rival], [second], [third, first]];
    const vote = fc.record({
      carry: fc.constantFrom(...carries),
      witness: fc.integer({min: 0, max: 4}),
      without: fc.subarray([0, 1]),
    });
    const step = fc.oneof({weight: 5, arbitrary: vote}, fc.integer({min: 1, max: 3}));
    fc.assert(
      fc.property(fc.array(step, {maxLength: 20}), (steps) => {
        const [tally, plain] = [new Tally(committee), new Tally(committee)];
        let done = 0n;
        const isDone = ({body}: Op) => body.seq <= done;
        for (const each of steps) {
          if (typeof each === "number") {
            done = BigInt(each) > done ? BigInt(each) : done;
            for (const either of [tally, plain]) either.drop(isDone);
            continue;
          }
          const {carry, witness} = each;
          const without = new Set(each.without);
          const voted = carry.filter((op, index) => !without.has(index) && !isDone(op));
          const one = voted.flatMap((op) => {
            plain.add(op);
            return plain.vote(op.id, witness);
          });
          expect(tally.voteCarried(carry, {witness, without, isDone})).toEqual(one);
        }
        const shown = (either: Tally) => [...either.candidates()].map(({op, mask}) => [op.id, mask]);
        expect(shown(tally)).toEqual(shown(plain));
        for (const either of [tally, plain]) expect(shown(either.copy())).toEqual(shown(either));
      }),
    );
  });

  it("knows who voted for which copy of an op", () => {
    const spoilt = decodeOp(first.bytes.with(-1, first.bytes.at(-1)! ^ 1));
    expect(spoilt.id).toBe(first.id);
    const tally = new Tally(committee);
    const isDone = () => false;
    tally.voteCarried([first], {witness: 0, isDone});
    tally.voteCarried([spoilt], {witness: 1, isDone});
    tally.voteCarried([decodeOp(first.bytes)], {witness: 2, isDone});
    const shown = (either: Tally) =>
      either.get(first.id)!.copies.map(({op, mask}) => ({bytes: op.bytes, mask}));
    expect(shown(tally)).toEqual([
      {bytes: first.bytes, mask: 0b101},
      {bytes: spoilt.bytes, mask: 0b010},
    ]);
    const copy = tally.copy();
    tally.voteCarried([second], {witness: 3, isDone});
    copy.voteCarried([spoilt], {witness: 0, isDone});
    expect(shown(tally).map(({mask}) => mask)).toEqual([0b101, 0b010]);
    expect(shown(copy).map(({mask}) => mask)).toEqual([0b101, 0b011]);
    // What is stored of a copy is its own votes: together they are the op's again.
    const restored = new Tally(committee);
    for (const candidate of tally.candidates())
      for (const {op, mask} of candidate.copies) restored.restore([{op, mask}]);
    expect(shown(restored)).toEqual(shown(tally));
    expect(restored.get(first.id)?.mask).toBe(tally.get(first.id)?.mask);
  });

  it("keeps apart however many copies of an op there are", () => {
    const spoilt = Array.from({length: 40}, (_, at) => {
      const bytes = Uint8Array.from(first.bytes);
      bytes[bytes.length - 1 - (at >> 3)]! ^= 1 << (at & 7);
      return decodeOp(bytes);
    });
    const tally = new Tally(committee);
    for (const op of [...spoilt, first]) tally.voteCarried([op], {witness: 3, isDone: () => false});
    const again = [...spoilt, first].map(({bytes}) => decodeOp(bytes));
    for (const op of again.slice(20)) tally.voteCarried([op], {witness: 1, isDone: () => false});
    const masks = tally.get(first.id)!.copies.map(({mask}) => mask);
    expect(masks).toEqual([...Array<number>(20).fill(0b1000), ...Array<number>(21).fill(0b1010)]);
  });

  it("passes no vote through what was dropped, and keeps nothing of it", () => {
    const tally = new Tally(committee);
    const carry = [first, second];
    const isDone = ({body}: Op) => body.seq <= 1n;
    tally.voteCarried(carry, {witness: 0, isDone: () => false});
    tally.drop(isDone);
    expect(tally.voteCarried(carry, {witness: 1, isDone})).toEqual([]);
    expect(tally.voteCarried(carry, {witness: 2, isDone})).toEqual([second]);
    expect([...tally.candidates()].map(({op}) => op)).toEqual([second]);
    expect([...tally.cells()]).toEqual([alice.account]);
    tally.drop(() => true);
    expect([...tally.cells()]).toEqual([]);
  });

  it("keeps copies apart from what it was copied from", () => {
    const tally = new Tally(committee);
    tally.add(first);
    const copy = tally.copy();
    for (const witness of [0, 1, 2]) copy.vote(first.id, witness);
    expect(copy.certified()).toEqual([first]);
    expect(tally.certified()).toEqual([]);
  });
});
