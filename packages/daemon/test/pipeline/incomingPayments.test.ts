import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {CONTEXT_START, encodeVoucher, signVoucher} from "@catalyze/core/ledger/voucher";
import type {LedgerClient} from "@catalyze/core/ports/ledger";
import type {AheadOptions, ChecksAhead} from "@catalyze/core/ports/signer";
import type {LockId} from "@catalyze/core/primitives/id";
import type {Identity} from "@catalyze/daemon/pipeline/identity";
import {IncomingPayments, type VoucherRecords} from "@catalyze/daemon/pipeline/incomingPayments";
import {describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {testSigner, testVerifier} from "../ledger/testSigner.ts";

const [payer, provider] = [testSigner(1), testSigner(2)];
const genesisHash = new Uint8Array(32).fill(7);
const lockId = "aa".repeat(32) as LockId;
const AMOUNT = 100n;

function voucherOf(cumulative: bigint, signer = payer, id = lockId): Uint8Array {
  const body = {lockId: id, cumulative, contextHash: CONTEXT_START};
  return encodeVoucher(signVoucher(body, signer, genesisHash));
}

async function turn(): Promise<void> {
  for (let at = 0; at < 50; at += 1) await Promise.resolve();
}

/** The disk takes what it is given when the test says so. */
function setUp({isOpen = true} = {}) {
  const written: bigint[] = [];
  const asked: (AheadOptions | undefined)[] = [];
  const disk: (() => void)[] = [];
  let last: bigint | undefined;
  const vouchers = {
    lastReceived: () => (last === undefined ? undefined : {lockId, cumulative: last}),
    async recordReceived({cumulative}: {cumulative: bigint}) {
      await new Promise<void>((resolve) => disk.push(resolve));
      written.push(cumulative);
      last = cumulative;
    },
  } as unknown as VoucherRecords;
  const checks: ChecksAhead = {
    ahead(_, options) {
      asked.push(options);
      return Promise.resolve();
    },
  };
  const account = accountIdOf(provider.publicKey);
  const spec = {controller: account, amount: AMOUNT, authority: {kind: "payer", key: payer.publicKey}};
  const ledger = {
    lockView: (id: LockId) => (id === lockId ? {id, spec, isOpen} : undefined),
  } as unknown as LedgerClient;
  const identity = {account, genesisHash, verifier: testVerifier, checks} as unknown as Identity;
  const clock = new FakeClock();
  const payments = new IncomingPayments({clock, ledger, vouchers, identity, creditedOn: () => 0n});
  return {payments, written, asked, disk};
}

describe("vouchers that come in", () => {
  it("are checked while the one before is on its way to the disk, and written in turn", async () => {
    const {payments, written, asked, disk} = setUp();
    const both = Promise.all([payments.accept(voucherOf(1n)), payments.accept(voucherOf(2n))]);
    await turn();
    expect([asked.length, disk.length]).toEqual([2, 1]);
    disk.shift()?.();
    await turn();
    disk.shift()?.();
    expect((await both).map(({cumulative}) => cumulative)).toEqual([1n, 2n]);
    expect(written).toEqual([1n, 2n]);
  });

  it("are covered by a newer one that came first, and then no work for anybody", async () => {
    const {payments, written, asked, disk} = setUp();
    const both = Promise.all([payments.accept(voucherOf(2n)), payments.accept(voucherOf(1n))]);
    await turn();
    expect(asked[1]?.isWanted?.()).toBe(true);
    disk.shift()?.();
    expect((await both).map(({cumulative}) => cumulative)).toEqual([2n, 2n]);
    expect(asked[1]?.isWanted?.()).toBe(false);
    await payments.accept(voucherOf(1n));
    expect([written, asked.length]).toEqual([[2n], 2]);
  });

  it("wait for others of their own lock only", async () => {
    const {payments, asked} = setUp();
    void payments.accept(voucherOf(1n));
    await turn();
    expect(asked[0]?.sender).toBe(lockId);
  });

  it("are refused when somebody else signed", async () => {
    const {payments, written} = setUp();
    await expect(payments.accept(voucherOf(1n, provider))).rejects.toMatchObject({code: "SIGNATURE_INVALID"});
    expect(written).toEqual([]);
  });

  it("are refused unchecked on a lock that does not pay them", async () => {
    const {payments, asked} = setUp();
    const unknown = payments.accept(voucherOf(1n, payer, "bb".repeat(32) as LockId));
    await expect(unknown).rejects.toMatchObject({evidence: {reason: "unknownLock"}});
    const above = payments.accept(voucherOf(AMOUNT + 1n));
    await expect(above).rejects.toMatchObject({evidence: {reason: "aboveAmount"}});
    const closed = setUp({isOpen: false});
    const late = closed.payments.accept(voucherOf(1n));
    await expect(late).rejects.toMatchObject({evidence: {reason: "notOurs"}});
    expect([asked, closed.asked]).toEqual([[], []]);
  });
});
