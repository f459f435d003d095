/** A checkpoint is computed in pieces, with other inputs in between: it is the same checkpoint. */
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Payload} from "@catalyze/core/ledger/op";
import type {Replica} from "@catalyze/core/ledger/replica";
import {expect, it} from "vitest";
import {alice, bob, person, ZERO_MEMO} from "./kit.ts";
import {FIRST, genesisOf, NOW, ownOp, replicaOf, settle} from "./witnessKit.ts";

const PAYEES = 60;
const genesis = genesisOf(1);
const many: Payload = {
  kind: "transfer",
  outputs: Array.from({length: PAYEES}, (_, index) => ({
    to: person(`payee ${index}`).account,
    amount: 1_000n,
  })),
  memo: ZERO_MEMO,
};
const paid = ownOp(genesis, alice, FIRST, many);
const between = ownOp(genesis, bob, FIRST, {...many, outputs: many.outputs.slice(0, 1)});

const tick = (replica: Replica, nowMs: number = NOW): Effect[] => replica.step({kind: "tick"}, nowMs);

it("lets others have their turn while it computes, and ends at the same state", () => {
  const whole = replicaOf(genesis, 0);
  whole.step({kind: "op", bytes: paid.bytes, from: undefined}, NOW);
  tick(whole);
  expect(whole.checkpoint.height).toBe(1n);

  const replica = replicaOf(genesis, 0, {}, {workUnits: 10});
  replica.step({kind: "op", bytes: paid.bytes, from: undefined}, NOW);
  tick(replica);
  expect(replica.isCertified(paid.id)).toBe(true);
  expect(replica.step({kind: "op", bytes: between.bytes, from: undefined}, NOW)).toEqual([]);
  let ticks = 0;
  for (let nowMs = NOW; replica.checkpoint.height === 0n; ticks += 1) {
    nowMs = replica.wantsTick(nowMs) ?? Number.NaN;
    expect(tick(replica, nowMs).filter(({kind}) => kind === "fetch")).toEqual([]);
  }
  expect(ticks).toBeGreaterThan(10);
  expect(replica.checkpoint).toEqual(whole.checkpoint);
});

/** How long it takes, with all that `meanwhile` hands in at each moment. */
function computed(meanwhile: (replica: Replica, nowMs: number) => void): {ms: number; pauses: number[]} {
  const replica = replicaOf(genesis, 0, {}, {workUnits: 30});
  replica.step({kind: "op", bytes: paid.bytes, from: undefined}, NOW);
  tick(replica);
  const pauses: number[] = [];
  let nowMs = NOW;
  while (replica.checkpoint.height === 0n) {
    const next = replica.wantsTick(nowMs) ?? Number.NaN;
    pauses.push(next - nowMs);
    nowMs = next;
    meanwhile(replica, nowMs - 1);
    tick(replica, nowMs);
  }
  return {ms: nowMs - NOW, pauses};
}

it("pauses after each piece, whatever else comes in, and not for long", () => {
  const alone = computed(() => {});
  expect(alone.pauses.length).toBeGreaterThan(3);
  for (const pause of alone.pauses) expect(pause).toBeGreaterThanOrEqual(1);
  for (const pause of alone.pauses) expect(pause).toBeLessThanOrEqual(3);
  expect(computed((replica, nowMs) => tick(replica, nowMs)).ms).toBe(alone.ms);
});

it("goes on at once where the clock was set back", () => {
  const replica = replicaOf(genesis, 0, {}, {workUnits: 30});
  replica.step({kind: "op", bytes: paid.bytes, from: undefined}, NOW);
  tick(replica);
  const nowMs = NOW - 3_600_000;
  expect(replica.wantsTick(nowMs)).toBe(nowMs);
});

it("agrees with those who compute at once", () => {
  const four = genesisOf(4);
  const op = ownOp(four, alice, FIRST, many);
  const replicas = [0, 1, 2, 3].map((index) => replicaOf(four, index, {}, index < 2 ? {workUnits: 10} : {}));
  for (let round = 0; round < 60; round += 1) {
    if (round === 1) replicas[2]?.step({kind: "op", bytes: op.bytes, from: undefined}, NOW);
    settle(replicas, NOW + round * 100);
  }
  const [first, ...others] = replicas;
  expect(first?.checkpoint.height).toBeGreaterThan(1n);
  for (const other of others) expect(other.checkpoint.height).toBeGreaterThan(1n);
  expect(first?.isCheckpointed(op.id)).toBe(true);
});
