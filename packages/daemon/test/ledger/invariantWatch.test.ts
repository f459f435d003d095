import type {Effect} from "@catalyze/core/ledger/effects";
import {INVARIANTS, invariantOf} from "@catalyze/core/ledger/invariantNames";
import type {Violation} from "@catalyze/core/ledger/invariants";
import {LedgerState} from "@catalyze/core/ledger/state";
import type {Log} from "@catalyze/core/ports/log";
import type {Hash, OpId} from "@catalyze/core/primitives/id";
import {InvariantWatch} from "@catalyze/daemon/ledger/invariantWatch";
import {describe, expect, it} from "vitest";

function watched(found: readonly Violation[] = []) {
  const checks: Record<string, number> = {};
  const broken: string[] = [];
  const errors: unknown[] = [];
  const metrics = {
    invariantChecked(name: string, count: number) {
      checks[name] = (checks[name] ?? 0) + count;
    },
    invariantBroken: (name: string) => void broken.push(name),
  };
  const log = {error: (_: string, fields: unknown) => errors.push(fields)} as unknown as Log;
  const base = () => LedgerState.empty();
  return {watch: new InvariantWatch({metrics, log, base}, () => found), checks, broken, errors};
}

const hash = "ab".repeat(32) as Hash;
const checkpointed = (isLastOfEpoch: boolean): Effect => ({
  kind: "checkpointed",
  moves: [],
  checkpoint: {height: 4n, epoch: 1, hash, stateRoot: hash, isLastOfEpoch},
  ops: [hash, hash, hash] as string[] as OpId[],
});
const sign: Effect = {kind: "sign", record: new Uint8Array()};

describe("InvariantWatch", () => {
  it("counts what every checkpoint and every signature is checked for", () => {
    const {watch, checks, broken} = watched();
    watch.saw([sign, checkpointed(false), sign]);
    expect(checks).toEqual({I1: 1, I3: 3, I5: 1, I6: 1, I7: 2});
    expect(broken).toEqual([]);
    expect(watch.broken).toEqual([]);
  });

  it("recounts every cell at the end of an epoch, and tells what it finds", () => {
    const {watch, checks, broken, errors} = watched([
      {invariant: "I4", detail: "lock 1 paid more than its amount"},
      {invariant: "I4", detail: "lock 2 was not funded once"},
    ]);
    watch.saw([checkpointed(false)]);
    expect(broken).toEqual([]);
    watch.saw([checkpointed(true)]);
    expect(checks).toMatchObject({I1: 3, I2: 1, I4: 1, I9: 1});
    expect(broken).toEqual(["I4", "I4"]);
    expect(watch.broken).toEqual(["I4: lock 1 paid more than its amount"]);
    expect(errors).toHaveLength(2);
  });

  it("names a violation by its number, or as another one", () => {
    const {watch, broken} = watched();
    for (const name of Object.keys(INVARIANTS)) expect(invariantOf(`${name}: something`)).toBe(name);
    expect(invariantOf("toString: something")).toBeUndefined();
    watch.violated("I6: a proven checkpoint differs from what this node computes");
    watch.violated("nobody knows");
    expect(broken).toEqual(["I6", "other"]);
    expect(watch.broken).toHaveLength(2);
  });
});
