import {RecentMap} from "@catalyze/core/primitives/recentMap";
import {describe, expect, it} from "vitest";

describe("what was set last", () => {
  it("is remembered as far as was asked, and hardly further", () => {
    const recent = new RecentMap<number, string>(100);
    for (let key = 0; key < 1_000; key += 1) {
      recent.set(key, `value ${key}`);
      const known = Array.from({length: key + 1}, (_, each) => each).filter((each) => recent.has(each));
      expect(known.length).toBeGreaterThanOrEqual(Math.min(key + 1, 100));
      expect(known.length).toBeLessThanOrEqual(125);
      expect(known.at(-1)).toBe(key);
      expect(recent.get(key)).toBe(`value ${key}`);
    }
    expect([recent.has(0), recent.get(0)]).toEqual([false, undefined]);
  });

  it("has the last value of a key that was set twice", () => {
    const recent = new RecentMap<string, number>(8);
    for (let count = 0; count < 5; count += 1) for (const key of ["a", "b", "c"]) recent.set(key, count);
    expect(["a", "b", "c"].map((key) => recent.get(key))).toEqual([4, 4, 4]);
  });
});
