import type {SplitLeg} from "@catalyze/core/ledger/op";
import {paidAt, shareDeltas, shareOf} from "@catalyze/core/ledger/split";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

const splitArb: fc.Arbitrary<SplitLeg[]> = fc
  .array(fc.integer({min: 1, max: 9_999}), {maxLength: 7})
  .map((cuts) => [...new Set([...cuts, 0, 10_000])].sort((left, right) => left - right))
  .map((cuts) => cuts.slice(1).map((cut, index) => ({target: {kind: "burn"}, bps: cut - cuts[index]!})));
const amountArb = fc.oneof(fc.bigInt({min: 0n, max: 60n}), fc.bigInt({min: 0n, max: (1n << 64n) - 1n}));

describe("split", () => {
  it("never lets a share fall when the claim rises", () => {
    fc.assert(
      fc.property(splitArb, amountArb, amountArb, (split, before, more) => {
        for (const delta of shareDeltas(split, before, before + more)) expect(delta >= 0n).toBe(true);
      }),
    );
  });

  it("pays the same for one claim as for any claims on the way", () => {
    fc.assert(
      fc.property(splitArb, fc.array(amountArb, {minLength: 1, maxLength: 10}), (split, claims) => {
        const rising = [...claims].sort((left, right) => (left < right ? -1 : 1));
        const paid = split.map(() => 0n);
        let drawn = 0n;
        for (const cumulative of rising) {
          for (const [index, delta] of shareDeltas(split, drawn, cumulative).entries()) paid[index]! += delta;
          drawn = cumulative;
        }
        expect(paid).toEqual(split.map((leg) => shareOf(leg, drawn)));
      }),
    );
  });

  it("leaves less than one unit a leg", () => {
    fc.assert(
      fc.property(splitArb, amountArb, (split, cumulative) => {
        const left = cumulative - paidAt(split, cumulative);
        expect(left >= 0n && left < BigInt(split.length)).toBe(true);
      }),
    );
  });

  it("splits 85/5/5/5", () => {
    const split: SplitLeg[] = [8_500, 500, 500, 500].map((bps) => ({target: {kind: "burn"}, bps}));
    expect(shareDeltas(split, 0n, 19n)).toEqual([16n, 0n, 0n, 0n]);
    expect(shareDeltas(split, 19n, 20n)).toEqual([1n, 1n, 1n, 1n]);
  });
});
