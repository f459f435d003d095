import {AWARDED_MAX, awardedOf, joined, type Lanes, owedOf} from "@catalyze/core/ledger/lanes";
import type {Awarded, SplitLeg} from "@catalyze/core/ledger/op";
import {paidAt, shareDeltas} from "@catalyze/core/ledger/split";
import type {Hash} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {lockSpec} from "./kit.ts";

const NONE: Lanes = {paid: 0n, awarded: []};
const taskId = (index: number) => index.toString(16).padStart(64, "0") as Hash;
const award = (task: number, amount: bigint, base: bigint): Awarded => ({taskId: taskId(task), amount, base});

type Step = {readonly cumulative: bigint; readonly verdict?: Awarded};
// Small ranges on purpose: ties between bases and vouchers are where the bugs are.
const small = fc.bigInt({min: 0n, max: 6n});
const verdictArb = fc.record({
  taskId: fc.nat(3).map(taskId),
  amount: fc.bigInt({min: 1n, max: 5n}),
  base: small,
});
const stepArb: fc.Arbitrary<Step> = fc
  .record({cumulative: small, verdict: fc.option(verdictArb, {nil: undefined})})
  .map(({cumulative, verdict}) => (verdict === undefined ? {cumulative} : {cumulative, verdict}));
const stepsArb = fc.array(stepArb, {maxLength: 8});
const after = (steps: readonly Step[]) => steps.reduce(joined, NONE);

/** What it says in words: of all vouchers up to the highest, the one that gives most with the awards above it. */
function owedPlainly(steps: readonly Step[]): bigint {
  const verdicts = steps.flatMap(({verdict}) => verdict ?? []);
  const highest = [...steps.map(({cumulative}) => cumulative), ...verdicts.map(({base}) => base), 0n];
  const top = highest.reduce((high, each) => (each > high ? each : high));
  let most = 0n;
  for (let voucher = 0n; voucher <= top; voucher += 1n) {
    let owed = voucher;
    for (let task = 0; task <= 3; task += 1) {
      const own = verdicts.filter((each) => each.taskId === taskId(task) && each.base >= voucher);
      owed += own.reduce((high, {amount}) => (amount > high ? amount : high), 0n);
    }
    if (owed > most) most = owed;
  }
  return most;
}

describe("the lanes of a lock", () => {
  it("owe paid and awarded together, and take a voucher above an award to cover it", () => {
    const judged = after([{cumulative: 100n, verdict: award(1, 30n, 100n)}]);
    expect(owedOf(judged)).toBe(130n);
    expect(owedOf(joined(judged, {cumulative: 0n, verdict: award(2, 7n, 100n)}))).toBe(137n);
    // The payer covers it with the next voucher, or with none.
    expect(owedOf(joined(judged, {cumulative: 150n}))).toBe(150n);
    expect(owedOf(joined(judged, {cumulative: 110n}))).toBe(130n);
    // Judged anew against that voucher, it counts above it.
    expect(
      owedOf(joined(joined(judged, {cumulative: 110n}), {cumulative: 0n, verdict: award(1, 30n, 110n)})),
    ).toBe(140n);
  });

  it("count each task once, whatever was said of it how often", () => {
    const twice = after([
      {cumulative: 10n, verdict: award(1, 30n, 10n)},
      {cumulative: 10n, verdict: award(1, 30n, 10n)},
      {cumulative: 0n, verdict: award(1, 20n, 10n)},
    ]);
    expect(twice.awarded).toEqual([award(1, 30n, 10n)]);
    expect(owedOf(twice)).toBe(40n);
  });

  it("take a verdict's word for the voucher that it names", () => {
    expect(owedOf(after([{cumulative: 0n, verdict: award(1, 5n, 80n)}]))).toBe(85n);
  });

  it("are a join: any order, any repetition, any grouping", () => {
    const shuffledArb = stepsArb.chain((steps) =>
      fc.tuple(fc.constant(steps), fc.shuffledSubarray([...steps, ...steps], {minLength: steps.length * 2})),
    );
    fc.assert(
      fc.property(shuffledArb, ([steps, shuffled]) => {
        expect(after(shuffled)).toEqual(after(steps));
      }),
      {numRuns: 1_000},
    );
  });

  it("owe what the rule says in words, and never less for one claim more", () => {
    fc.assert(
      fc.property(stepsArb, stepArb, (steps, more) => {
        expect(owedOf(after(steps))).toBe(owedPlainly(steps));
        expect(owedOf(after([...steps, more]))).toBeGreaterThanOrEqual(owedOf(after(steps)));
      }),
      {numRuns: 1_000},
    );
  });

  it("split the same in one claim or in many", () => {
    const split: readonly SplitLeg[] = lockSpec.split;
    fc.assert(
      fc.property(stepsArb, (steps) => {
        const paid = split.map(() => 0n);
        let lanes = NONE;
        for (const step of steps) {
          const next = joined(lanes, step);
          const deltas = shareDeltas(split, 1_019n * owedOf(lanes), 1_019n * owedOf(next));
          for (const [index, delta] of deltas.entries()) paid[index]! += delta;
          lanes = next;
        }
        expect(paid.reduce((sum, each) => sum + each, 0n)).toBe(paidAt(split, 1_019n * owedOf(after(steps))));
      }),
    );
  });

  /**
   * A payer with a list of tasks covers some by each voucher, in its order. A committee judges a task against a
   * voucher that does not cover it. The payee claims whatever it likes of both, and holds back the rest.
   */
  it("pay no task twice and lose no award, whatever the payee holds back", () => {
    const worldArb = fc.record({
      charges: fc.array(fc.bigInt({min: 1n, max: 9n}), {minLength: 1, maxLength: 6}),
      cover: fc.infiniteStream(fc.nat(3)),
      verdicts: fc.array(fc.tuple(fc.nat(9), fc.nat(9)), {maxLength: 6}),
      claimed: fc.infiniteStream(fc.boolean()),
    });
    let overlaps = 0;
    fc.assert(
      fc.property(worldArb, ({charges, cover, verdicts, claimed}) => {
        const vouchers: {cumulative: bigint; covers: ReadonlySet<number>}[] = [
          {cumulative: 0n, covers: new Set()},
        ];
        for (let round = 0; round < 4; round += 1) {
          const last = vouchers.at(-1)!;
          const covers = new Set(last.covers);
          for (const [task] of charges.entries()) if (cover.next().value === 0) covers.add(task);
          const cumulative = [...covers].reduce((sum, task) => sum + charges[task]!, 0n);
          if (cumulative > last.cumulative) vouchers.push({cumulative, covers});
        }
        const judged = verdicts.flatMap(([at, which]) => {
          const task = which % charges.length;
          const voucher = vouchers[at % vouchers.length]!;
          return voucher.covers.has(task) ? [] : [award(task, charges[task]!, voucher.cumulative)];
        });
        const shown = vouchers.filter(() => claimed.next().value);
        const carried = judged.filter(() => claimed.next().value);
        const steps: Step[] = [
          ...shown.map(({cumulative}) => ({cumulative})),
          ...carried.map((verdict) => ({cumulative: 0n, verdict})),
        ];
        const owed = owedOf(after(steps));
        const named = vouchers.filter(
          ({cumulative}) =>
            shown.some((each) => each.cumulative === cumulative) ||
            carried.some(({base}) => base === cumulative),
        );
        const due = new Set(carried.map((each) => Number.parseInt(each.taskId, 16)));
        for (const {covers} of named) {
          for (const task of covers) {
            if (due.has(task)) overlaps += 1;
            due.add(task);
          }
        }
        expect(owed).toBeLessThanOrEqual([...due].reduce((sum, task) => sum + charges[task]!, 0n));
        for (const {amount, base} of carried) expect(owed).toBeGreaterThanOrEqual(base + amount);
        for (const {cumulative} of shown) expect(owed).toBeGreaterThanOrEqual(cumulative);
      }),
      {numRuns: 2_000},
    );
    expect(overlaps).toBeGreaterThan(200);
  });

  it("say what was awarded in all, each task once", () => {
    const lanes = after([
      {cumulative: 50n, verdict: award(1, 5n, 10n)},
      {cumulative: 50n, verdict: award(1, 4n, 50n)},
      {cumulative: 50n, verdict: award(2, 3n, 20n)},
    ]);
    expect(lanes.awarded).toHaveLength(3);
    expect(awardedOf(lanes)).toBe(8n);
    expect(AWARDED_MAX).toBeGreaterThanOrEqual(lanes.awarded.length);
  });
});
