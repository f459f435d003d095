import {AppliedOps} from "@catalyze/core/ledger/appliedOps";
import type {Op} from "@catalyze/core/ledger/op";
import type {OpId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";

const idsOf = (checkpoint: number, count: number) =>
  Array.from({length: count}, (_, index) => `${checkpoint}/${index}` as OpId);
const applied = (ids: readonly OpId[]) => new Map(ids.map((id) => [id, {id} as Op]));

describe("ops of checkpoints", () => {
  it("are known whatever of them was moved, those of the last one with their bytes", () => {
    const ops = new AppliedOps();
    const lots = [0, 1, 2, 3].map((checkpoint) => idsOf(checkpoint, 1_000));
    for (const [checkpoint, ids] of lots.entries()) {
      ops.adopt(applied(ids));
      for (let moves = 0; moves < 6; moves += 1) {
        for (const known of lots.slice(0, checkpoint + 1))
          expect(known.every((id) => ops.has(id))).toBe(true);
        ops.move();
      }
      expect(ids.map((id) => ops.get(id)?.id)).toEqual(ids);
      expect(ops.get(lots[checkpoint - 1]?.[0] ?? ("none" as OpId))).toBeUndefined();
    }
    expect(ops.has("4/0" as OpId)).toBe(false);
  });

  it("are forgotten when a hundred thousand came after them", () => {
    const ops = new AppliedOps();
    for (let checkpoint = 0; checkpoint < 17; checkpoint += 1) ops.adopt(applied(idsOf(checkpoint, 10_000)));
    expect([0, 6, 16].map((checkpoint) => ops.has(`${checkpoint}/0` as OpId))).toEqual([false, true, true]);
  });
});
