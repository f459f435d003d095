import {SlotMap} from "@catalyze/core/ledger/slotMap";
import fc from "fast-check";
import {expect, it} from "vitest";
import {alice, bob} from "./kit.ts";

/** Around the last integer that a number tells from its neighbours, and the last that an op can name. */
const EDGE = BigInt(Number.MAX_SAFE_INTEGER);
const SEQS = [0n, 1n, 2n, EDGE - 1n, EDGE, EDGE + 1n, EDGE + 2n, EDGE + 3n, 2n ** 64n - 2n, 2n ** 64n - 1n];

it("a slot map does what a map of cell and place written out does", () => {
  const slot = fc.record({cell: fc.constantFrom(alice.account, bob.account), seq: fc.constantFrom(...SEQS)});
  const move = fc.record({slot, value: fc.option(fc.nat({max: 9}))});
  fc.assert(
    fc.property(fc.array(move, {maxLength: 40}), (moves) => {
      const map = new SlotMap<number>();
      const plain = new Map<string, number>();
      for (const {slot: at, value} of moves) {
        const key = `${at.cell} ${at.seq}`;
        if (value === null) map.delete(at);
        else map.set(at, value);
        if (value === null) plain.delete(key);
        else plain.set(key, value);
        expect(map.get(at)).toBe(plain.get(key));
      }
      const all = [...map.cells()].flatMap((cell) =>
        [...map.of(cell)].map(([seq, value]) => [`${cell} ${seq}`, value] as const),
      );
      expect(new Map(all)).toEqual(plain);
      for (const {account} of [alice, bob])
        expect(map.has(account)).toBe([...plain.keys()].some((key) => key.startsWith(account)));
    }),
  );
});
