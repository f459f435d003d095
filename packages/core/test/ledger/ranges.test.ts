import {sha256} from "@catalyze/core/crypto/sha256";
import {toCodedError} from "@catalyze/core/errors/codedError";
import {type Keyed, KeyedSet, SALT_BYTES} from "@catalyze/core/ledger/keyedSet";
import {
  answerTo,
  Comparison,
  DIFFERENCES_MAX,
  MESSAGE_BYTES_MAX,
  ROUNDS_MAX,
} from "@catalyze/core/ledger/ranges";
import {toHex, utf8} from "@catalyze/core/primitives/bytes";
import type {OpId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

const SALT = new Uint8Array(SALT_BYTES).fill(7);

function op(index: number, epoch = 1): Keyed {
  return {id: toHex(sha256(utf8(`op ${index}`))) as OpId, epoch};
}

function many(from: number, to: number): Keyed[] {
  return Array.from({length: to - from}, (_, at) => op(from + at, 1 + ((from + at) % 3)));
}

/** Both sides' work, to the end. */
function compare(left: readonly Keyed[], right: readonly Keyed[], salt = SALT) {
  const [own, theirs] = [new KeyedSet(left, salt), new KeyedSet(right, salt)];
  const comparison = new Comparison(own);
  let [rounds, bytes] = [0, 0];
  for (let question: Uint8Array | undefined = comparison.first(); question !== undefined; ) {
    const answer = answerTo(theirs, question);
    for (const message of [question, answer]) {
      expect(message.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
      bytes += message.length;
    }
    rounds += 1;
    question = comparison.next(answer);
  }
  const [ownIds, theirIds] = [own.ids(), theirs.ids()];
  return {
    offered: [...comparison.offered].map((key) => ownIds.get(key)).sort(),
    wanted: [...comparison.wanted].map((key) => theirIds.get(key)).sort(),
    ...{rounds, bytes},
  };
}

function without(left: readonly Keyed[], right: readonly Keyed[]): OpId[] {
  const ids = new Set(right.map(({id}) => id));
  return left.flatMap(({id}) => (ids.has(id) ? [] : id)).sort();
}

const setArb = fc.uniqueArray(
  fc.record({index: fc.nat(3_000), epoch: fc.constantFrom(0, 1, 2, 0xffff_ffff)}),
  {selector: ({index}) => index, maxLength: 300},
);
const keyed = (items: readonly {index: number; epoch: number}[]) =>
  items.map(({index, epoch}) => op(index, epoch));

describe("range-based reconciliation", () => {
  it("finds exactly what any two sets differ in", () => {
    fc.assert(
      fc.property(setArb, setArb, fc.nat(2_000), (some, others, shared) => {
        const common = many(10_000, 10_000 + shared);
        const [left, right] = [
          [...keyed(some), ...common],
          [...keyed(others), ...common],
        ];
        // One op has one epoch.
        const epochs = new Map(left.map(({id, epoch}) => [id, epoch]));
        const same = right.map(({id, epoch}) => ({id, epoch: epochs.get(id) ?? epoch}));
        const {offered, wanted} = compare(left, same);
        expect(offered).toEqual(without(left, same));
        expect(wanted).toEqual(without(same, left));
      }),
      {numRuns: 60},
    );
  });

  it.each([
    ["nothing on either side", 0, 0],
    ["one side is empty", 0, 900],
    ["the other is", 900, 0],
    ["very uneven", 3, 4_000],
  ])("ends where sets are like this: %s", (_, left, right) => {
    const {offered, wanted} = compare(many(0, left), many(5_000, 5_000 + right));
    expect([offered.length, wanted.length]).toEqual([left, right]);
  });

  it("costs by the differences, in few rounds", () => {
    const common = many(0, 10_000);
    const {offered, wanted, rounds, bytes} = compare(
      [...common, ...many(20_000, 20_005)],
      [...common, ...many(30_000, 30_005)],
    );
    process.stdout.write(`10,000 ops, 10 differences: ${rounds} rounds, ${bytes} bytes\n`);
    expect([offered.length, wanted.length]).toEqual([5, 5]);
    expect(rounds).toBeLessThanOrEqual(4);
    expect(bytes).toBeLessThan(30_000);
    const equal = compare(common, common);
    expect([equal.rounds, equal.bytes < 600]).toEqual([1, true]);
  });

  it("is bounded for sets that share nothing: the next comparison goes on", () => {
    const {offered, wanted, rounds, bytes} = compare(many(0, 20_000), many(50_000, 70_000));
    expect(offered.length).toBeLessThanOrEqual(DIFFERENCES_MAX);
    expect(Math.max(offered.length, wanted.length)).toBe(DIFFERENCES_MAX);
    expect(rounds).toBeLessThan(ROUNDS_MAX);
    expect(bytes).toBeLessThan(1024 * 1024);
  });

  it("has other keys under another salt, so that nobody makes ops that collide", () => {
    const other = new Uint8Array(SALT_BYTES).fill(8);
    const keys = (salt: Uint8Array) => new KeyedSet(many(0, 50), salt).keys(0, 50);
    expect(keys(SALT).filter((key) => keys(other).includes(key))).toEqual([]);
    expect(compare(many(0, 70), many(1, 71), other).offered).toEqual([op(0).id]);
  });

  it("survives and bounds whatever a hostile peer says", () => {
    const set = new KeyedSet(many(0, 500), SALT);
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 300}), (noise) => {
        for (const take of [() => answerTo(set, noise), () => new Comparison(set).next(noise)]) {
          try {
            expect(take()?.length ?? 0).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
          } catch (error) {
            expect(toCodedError(error).code).toBe("DECODE_INVALID");
          }
        }
      }),
      {numRuns: 300},
    );
    const honest = new Comparison(set).first();
    fc.assert(
      fc.property(fc.nat(honest.length - 1), fc.nat({max: 255}), (at, byte) => {
        try {
          expect(answerTo(set, honest.with(at, byte)).length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
        } catch (error) {
          expect(toCodedError(error).code).toBe("DECODE_INVALID");
        }
      }),
    );
  });

  it.each([
    ["ranges out of order", [0, 2, 1, 5, 0, 1, 4, 0]],
    ["ranges after the last", [0, 2, 0, 0, 1, 4, 0]],
    ["a list that is too long", [0, 1, 0, 2, 65]],
    ["an end that is too long", [0, 1, 21]],
    ["an unknown kind", [0, 1, 0, 3]],
    ["bytes after its end", [0, 0, 1]],
  ])("refuses a message with %s", (_, bytes) => {
    const set = new KeyedSet(many(0, 5), SALT);
    expect(() => answerTo(set, Uint8Array.from(bytes))).toThrow();
  });

  it("ends against a peer that always says that something differs", () => {
    const set = new KeyedSet(many(0, 300), SALT);
    const comparison = new Comparison(set);
    comparison.first();
    const lie = Uint8Array.from([0, 1, 0, 1, ...new Uint8Array(16)]);
    let rounds = 0;
    while (comparison.next(lie) !== undefined) rounds += 1;
    expect(rounds).toBe(ROUNDS_MAX - 1);
  });
});
