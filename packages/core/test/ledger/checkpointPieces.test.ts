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

const tick = (replica: Replica): Effect[] => replica.step({kind: "tick"}, NOW);

it("lets others have their turn while it computes, and ends at the same state", () => {
  const whole = replicaOf(genesis, 0);
  whole.step({kind: "op", bytes: paid.bytes, from: undefined}, NOW);
  tick(whole);
  expect(whole.checkpoint.height).toBe(1n);

  const replica = replicaOf(genesis, 0, {}, {workUnits: 10});
  replica.step({kind: "op", bytes: paid.bytes, from: undefined}, NOW);
  tick(replica);
  expect(replica.isCertified(paid.id)).toBe(true);
  expect(replica.wantsTick(NOW as never)).toBe(NOW);
  expect(replica.step({kind: "op", bytes: between.bytes, from: undefined}, NOW)).toEqual([]);
  let ticks = 0;
  for (; replica.checkpoint.height === 0n; ticks += 1) {
    expect(tick(replica).filter(({kind}) => kind === "fetch")).toEqual([]);
  }
  expect(ticks).toBeGreaterThan(10);
  expect(replica.checkpoint).toEqual(whole.checkpoint);
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
