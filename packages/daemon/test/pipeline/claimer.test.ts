import {PARAMS_DEMO} from "@catalyze/core/ledger/params";
import type {LedgerClient, LockView} from "@catalyze/core/ports/ledger";
import type {AccountId, LockId} from "@catalyze/core/primitives/id";
import {Claimer} from "@catalyze/daemon/pipeline/claimer";
import type {VoucherRecords} from "@catalyze/daemon/pipeline/incomingPayments";
import {expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {silentLog} from "../ledger/silentLog.ts";

const lockId = "aa".repeat(32) as LockId;
const provider = "bb".repeat(32) as AccountId;

it("closes a lock of the market before it ends, and never one by hand", async () => {
  for (const [split, isFinal] of [
    [[{target: {kind: "cell", cell: provider}, bps: 10_000}], false],
    [
      [
        {target: {kind: "cell", cell: provider}, bps: 9_500},
        {target: {kind: "burn"}, bps: 500},
      ],
      true,
    ],
  ] as const) {
    const clock = new FakeClock();
    const submitted: unknown[] = [];
    const spec = {controller: provider, split, amount: 10_000n, expiryH: 3n};
    const lock = {
      ...{id: lockId, spec, paid: 0n, awarded: [], drawn: 0n},
      isOpen: true,
    } as unknown as LockView;
    const ledger = {
      ...{head: () => ({height: 1n, epoch: 0}), params: () => PARAMS_DEMO, opFee: () => PARAMS_DEMO.opFee},
      lockView: () => lock,
      submit: async (_: unknown, op: unknown) => submitted.push(op),
    } as unknown as LedgerClient;
    const vouchers = {
      ...{openLocks: () => [lockId], lastReceived: () => ({cumulative: 5_000n})},
    } as unknown as VoucherRecords;
    const claimer = new Claimer({clock, ledger, vouchers, log: silentLog});
    claimer.start();
    await clock.advance(PARAMS_DEMO.checkpointIntervalMs + 1);
    claimer.stop();
    expect(submitted).toMatchObject([{kind: "claim", cumulative: 5_000n, isFinal}]);
  }
});

it("waits until a claim brings more than its fee", async () => {
  const clock = new FakeClock();
  const submitted: unknown[] = [];
  let cumulative = 110n;
  const split = [
    {target: {kind: "cell", cell: provider}, bps: 9_000},
    {target: {kind: "burn"}, bps: 1_000},
  ];
  const spec = {controller: provider, split, amount: 10_000n, expiryH: 1_000n};
  const lock = {
    ...{id: lockId, spec, paid: 0n, awarded: [], drawn: 0n},
    isOpen: true,
  } as unknown as LockView;
  const ledger = {
    head: () => ({height: 1n, epoch: Math.floor(clock.monotonicMs() / 15_000)}),
    ...{params: () => PARAMS_DEMO, opFee: () => PARAMS_DEMO.opFee},
    lockView: () => lock,
    submit: async (_: unknown, op: unknown) => submitted.push(op),
  } as unknown as LedgerClient;
  const vouchers = {
    openLocks: () => [lockId],
    lastReceived: () => ({cumulative}),
  } as unknown as VoucherRecords;
  const claimer = new Claimer({clock, ledger, vouchers, log: silentLog});
  claimer.start();
  await clock.advance(40_000);
  expect([submitted, claimer.receivable()]).toEqual([[], 110n]);
  cumulative = 220n;
  await clock.advance(20_000);
  expect(submitted.length).toBeGreaterThan(0);
  claimer.stop();
});
