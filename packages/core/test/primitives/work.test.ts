import {finish, type Work, WorkBudget} from "@catalyze/core/primitives/work";
import {expect, it} from "vitest";

function* sumOf(count: number): Work<number> {
  let sum = 0;
  for (let at = 1; at <= count; at += 1) {
    sum += at;
    yield 2;
  }
  return sum;
}

it("does the whole of a work at once", () => {
  expect(finish(sumOf(100))).toBe(5_050);
});

it("goes on where the budget ended, and cuts no piece", () => {
  const work = sumOf(5);
  expect(new WorkBudget(3).spend(work)).toBeUndefined();
  expect(new WorkBudget(0).spend(work)).toBeUndefined();
  expect(new WorkBudget(7).spend(work)).toEqual({value: 15});
});

it("spends one budget on several works", () => {
  const budget = new WorkBudget(9);
  expect(budget.spend(sumOf(2))).toEqual({value: 3});
  expect(budget.spend(sumOf(3))).toBeUndefined();
});
