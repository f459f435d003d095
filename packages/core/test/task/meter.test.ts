import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {chargeOf} from "../../src/task/charge.ts";
import {type MeterTerm, macOf} from "../../src/task/meter.ts";
import {fitGrid, fitTerms} from "../../src/task/meterFit.ts";

const meter = {
  models: {
    "detect.onnx": [
      {coefficient: "111744", powers: {}},
      {coefficient: "5590208", powers: {rows: 1, columns: 1}},
    ],
  },
};

describe("macOf", () => {
  it("evaluates the polynomial", () => {
    expect(macOf(meter, "detect.onnx", {rows: 16, columns: 26})).toBe(111_744n + 5_590_208n * 416n);
  });

  it("has no number for models and sizes it does not know", () => {
    for (const [name, sizes] of [
      ["other", {}],
      ["detect.onnx", {rows: 1}],
      ["constructor", {}],
    ] as const) {
      expect(() => macOf(meter, name, sizes)).toThrowError(
        expect.objectContaining({code: "MODEL_METER_UNKNOWN"}),
      );
    }
    expect(() => macOf(meter, "detect.onnx", {rows: 1.5, columns: 1})).toThrow();
  });

  it("is never negative", () => {
    expect(macOf({models: {m: [{coefficient: "-5", powers: {}}]}}, "m", {})).toBe(0n);
  });
});

describe("fitTerms", () => {
  const termArb = (names: readonly string[]): fc.Arbitrary<MeterTerm> =>
    fc.record({
      coefficient: fc
        .bigInt({min: -1000n, max: 10n ** 12n})
        .filter((value) => value !== 0n)
        .map(String),
      powers: fc
        .tuple(...names.map(() => fc.nat(2)))
        .map((powers) =>
          Object.fromEntries(
            names.map((name, i) => [name, powers[i] ?? 0]).filter(([, power]) => power !== 0),
          ),
        ),
    });
  const caseArb = fc
    .constantFrom<readonly string[]>([], ["n"], ["rows", "columns"], ["a", "b", "c"])
    .chain((names) =>
      fc.record({
        names: fc.constant(names),
        step: fc.constantFrom(1, 8, 32),
        terms: fc.uniqueArray(termArb(names), {
          maxLength: 5,
          selector: (term) => JSON.stringify(term.powers),
        }),
      }),
    );
  const evaluate = (terms: readonly MeterTerm[], sizes: Readonly<Record<string, number>>) =>
    terms.reduce(
      (sum, {coefficient, powers}) =>
        sum +
        Object.entries(powers).reduce(
          (out, [name, power]) => out * BigInt(sizes[name] ?? 0) ** BigInt(power),
          BigInt(coefficient),
        ),
      0n,
    );

  it("finds every polynomial of powers up to 2 again", () => {
    fc.assert(
      fc.property(caseArb, ({names, step, terms}) => {
        const grid = fitGrid(names, step);
        const found = fitTerms(
          grid,
          grid.points.map((sizes) => evaluate(terms, sizes)),
        );
        const key = (list: readonly MeterTerm[] = []) =>
          new Set(
            list.map(
              ({coefficient, powers}) => `${coefficient} ${JSON.stringify(Object.entries(powers).sort())}`,
            ),
          );
        expect(key(found)).toEqual(key(terms));
      }),
    );
  });

  it("refuses what is no such polynomial", () => {
    const cubic = fitGrid(["n"], 1);
    expect(
      fitTerms(
        cubic,
        cubic.points.map(({n = 0}) => BigInt(n) ** 3n),
      ),
    ).toBeUndefined();
    const halves = fitGrid(["n"], 1);
    expect(
      fitTerms(
        halves,
        halves.points.map(({n = 0}) => BigInt(Math.floor(n / 7))),
      ),
    ).toBeUndefined();
    const wrongCheck = fitGrid([], 1);
    expect(fitTerms(wrongCheck, [5n, 5n, 5n])).toEqual([{coefficient: "5", powers: {}}]);
    expect(fitTerms(wrongCheck, [5n, 6n, 5n])).toBeUndefined();
    expect(fitTerms(wrongCheck, [5n, 5n, 6n])).toBeUndefined();
  });
});

describe("chargeOf", () => {
  it("rounds up to a whole µCTZ and adds the minimum fee", () => {
    expect(chargeOf(0n, 70n, 10n, 1000n)).toBe(10n);
    expect(chargeOf(1n, 70n, 10n, 1000n)).toBe(11n);
    expect(chargeOf(1000n, 70n, 10n, 1000n)).toBe(80n);
    expect(chargeOf(1001n, 70n, 10n, 1000n)).toBe(81n);
  });

  it("grows with the units", () => {
    const amount = fc.bigInt({min: 0n, max: 10n ** 15n});
    fc.assert(
      fc.property(amount, amount, amount, (units, more, price) => {
        expect(chargeOf(units + more, price, 0n, 1000n)).toBeGreaterThanOrEqual(
          chargeOf(units, price, 0n, 1000n),
        );
      }),
    );
  });
});
