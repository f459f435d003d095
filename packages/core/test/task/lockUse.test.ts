import {legsFor} from "@catalyze/core/market/legs";
import type {LockView} from "@catalyze/core/ports/ledger";
import type {AccountId, Hash, LockId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {
  chooseLock,
  expiryHMin,
  freeOf,
  type LockState,
  type LockTerms,
  lockExpiryH,
  lockProblem,
  lockSize,
  lockSpecFor,
} from "@catalyze/core/task/lockUse";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";
import {NOW, party} from "../market/kit.ts";

const provider = party("a");
const payer = party("payer");
const tag = "00".repeat(32) as Hash;

const terms: LockTerms = {
  payer: payer.account,
  provider: provider.account,
  providerKey: provider.signer.publicKey,
  payerKey: payer.signer.publicKey,
  legs: legsFor({provider: provider.account}, {protocolFeeBps: 500}),
  chargeMax: 100n,
  expiryHMin: 50n,
};

type Changes = {
  id?: string;
  amount?: bigint;
  expiryH?: bigint;
  drawn?: bigint;
  vouchered?: bigint;
  reserved?: bigint;
};

function lock({
  id = "1",
  amount = 1_000n,
  expiryH = 60n,
  drawn = 0n,
  vouchered = 0n,
  reserved = 0n,
}: Changes = {}): LockState {
  const spec = lockSpecFor(terms, {amount, expiryH, tag});
  const lanes = {paid: drawn, awarded: []};
  const view: LockView = {
    ...{id: id.repeat(64) as LockId, payer: payer.account, spec},
    ...{...lanes, drawn, isOpen: true},
  };
  return {view, vouchered, reserved};
}

function withView(state: LockState, view: Partial<LockView>): LockState {
  return {...state, view: {...state.view, ...view}};
}

describe("chooseLock", () => {
  it("wants the same payee, split table, authority, enough room and time", () => {
    const good = lock();
    const {spec} = good.view;
    expect(lockProblem(good, terms)).toBeUndefined();
    expect(lockProblem(withView(good, {isOpen: false}), terms)).toBe("closed");
    expect(lockProblem(withView(good, {payer: provider.account}), terms)).toBe("payer");
    expect(lockProblem(withView(good, {spec: {...spec, controller: payer.account}}), terms)).toBe("payee");
    expect(lockProblem(withView(good, {spec: {...spec, controllerKey: payer.signer.publicKey}}), terms)).toBe(
      "payee",
    );
    const foreign = {kind: "payer" as const, key: provider.signer.publicKey};
    expect(lockProblem(withView(good, {spec: {...spec, authority: foreign}}), terms)).toBe("authority");
    const split = [{target: {kind: "cell" as const, cell: provider.account}, bps: 10_000}];
    expect(lockProblem(withView(good, {spec: {...spec, split}}), terms)).toBe("split");
    expect(lockProblem(lock({expiryH: 49n}), terms)).toBe("expiry");
    expect(lockProblem(lock({expiryH: 50n}), terms)).toBeUndefined();
    expect(lockProblem(lock({vouchered: 850n, reserved: 51n}), terms)).toBe("amount");
    expect(lockProblem(lock({vouchered: 850n, reserved: 50n}), terms)).toBeUndefined();
  });

  it("takes the one that expires first, then the fullest, then by id, in any order", () => {
    const locks = [
      lock({id: "1", expiryH: 70n}),
      lock({id: "3"}),
      lock({id: "2"}),
      lock({id: "4", reserved: 200n}),
      lock({id: "5", reserved: 950n}),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(locks, {minLength: locks.length}), (shuffled) => {
        expect(chooseLock(shuffled, terms)?.view.id).toBe("4".repeat(64));
      }),
    );
    expect(chooseLock(locks.slice(0, 3), terms)?.view.id).toBe("2".repeat(64));
    expect(chooseLock([], terms)).toBeUndefined();
  });
});

describe("freeOf", () => {
  it("never promises more than the lock holds", () => {
    const amounts = fc.bigInt({min: 0n, max: 20n});
    fc.assert(
      fc.property(amounts, amounts, amounts, amounts, (amount, drawn, vouchered, reserved) => {
        const free = freeOf(lock({amount, drawn, vouchered, reserved}));
        const paid = drawn > vouchered ? drawn : vouchered;
        expect(free).toBe(amount > paid + reserved ? amount - paid - reserved : 0n);
      }),
    );
  });
});

describe("lockSize", () => {
  it("is twenty maxima, at most a tenth of the balance, at least one maximum", () => {
    expect(lockSize(100n, 1_000_000n, 100n)).toBe(2_000n);
    expect(lockSize(100n, 5_000n, 100n)).toBe(500n);
    expect(lockSize(100n, 200n, 100n)).toBe(100n);
    expect(() => lockSize(100n, 199n, 100n)).toThrow(expect.objectContaining({code: "FUNDS_INSUFFICIENT"}));
  });

  it("never passes the balance less the fee", () => {
    const amounts = fc.bigInt({min: 0n, max: 5_000n});
    fc.assert(
      fc.property(amounts, amounts, fc.bigInt({min: 0n, max: 200n}), (chargeMax, balance, fee) => {
        fc.pre(balance >= chargeMax + fee);
        const size = lockSize(chargeMax, balance, fee);
        expect(size).toBeGreaterThanOrEqual(chargeMax);
        // Only a balance smaller than eleven tenths of the fee could be short; then a maximum is taken.
        expect(size + fee <= balance || size <= balance / 10n).toBe(true);
      }),
    );
  });
});

describe("expiry", () => {
  const clock = {headH: 1_000n, nowMs: NOW, checkpointMs: 5_000};

  it("leaves half of the margin for verification and claim, and lets a lock serve more tasks in the other", () => {
    const deadline = (NOW + 12_000) as UnixMs;
    expect(lockExpiryH(deadline, clock, 720)).toBe(1_723n);
    expect(expiryHMin(deadline, clock, 720)).toBe(1_363n);
    expect(expiryHMin((NOW - 1) as UnixMs, clock, 121)).toBe(1_061n);
  });

  it("always accepts a lock just opened for the same task", () => {
    fc.assert(
      fc.property(
        fc.integer({min: -10_000, max: 100_000_000}),
        fc.integer({min: 1, max: 1_000}),
        (aheadMs, heights) => {
          const deadline = (NOW + aheadMs) as UnixMs;
          expect(lockExpiryH(deadline, clock, heights)).toBeGreaterThanOrEqual(
            expiryHMin(deadline, clock, heights),
          );
        },
      ),
    );
  });
});

describe("lockSpecFor", () => {
  it("refunds the payer and splits by the legs", () => {
    expect(lockSpecFor(terms, {amount: 5n, expiryH: 9n, tag})).toMatchObject({
      refundTo: payer.account as AccountId,
      split: [
        {target: {kind: "cell", cell: provider.account}, bps: 9_500},
        {target: {kind: "burn"}, bps: 500},
      ],
    });
  });
});
