/** Locks by hand between nodes of a simulated network: who may do what, and what it brings. */
import type {LockOpenBody} from "@catalyze/api/schema/lock";
import type {LockSpec, Verdict} from "@catalyze/core/ledger/op";
import {signVerdict} from "@catalyze/core/ledger/verdict";
import {writeVerdict} from "@catalyze/core/ledger/verdictCodec";
import {ByteWriter} from "@catalyze/core/primitives/binary";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {Hash, LockId} from "@catalyze/core/primitives/id";
import {LockDoor} from "@catalyze/daemon/facade/lockDoor";
import {VoucherBook} from "@catalyze/daemon/ledger/voucherBook";
import type {Identity} from "@catalyze/daemon/pipeline/identity";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {DiskFaults} from "../../../../test/sim/fakes/diskFaults.ts";
import {MemoryLog, MemoryLogFile} from "../../../../test/sim/fakes/memoryLog.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {accountSigner, CTZ, LedgerRig, voteSigner} from "../ledger/ledgerRig.ts";
import {testVerifier} from "../ledger/testSigner.ts";

const [PAYER, PAYEE, JUDGE] = [0, 1, 2];
const keyOf = (index: number) => toHex(accountSigner(index).publicKey);
const uctz = (ctz: number) => (BigInt(ctz) * CTZ).toString();
let rig: LedgerRig;
let doors: readonly LockDoor[];

beforeEach(async () => {
  rig = await LedgerRig.started({witnesses: 1, followers: 2});
  doors = await Promise.all(rig.homes.map(({index}) => doorOf(index)));
});
afterEach(async () => await rig.stop());

async function doorOf(index: number): Promise<LockDoor> {
  const faults = new DiskFaults();
  const store = new MemoryStore(new MemoryDisk(faults));
  const vouchers = new VoucherBook({store, log: new MemoryLog(new MemoryLogFile(faults))});
  await vouchers.start();
  const ledger = rig.node(index);
  const identity = {
    ...{account: rig.account(index), accountSigner: accountSigner(index), verifier: testVerifier},
    genesisHash: fromHex(ledger.genesisHash),
  } as unknown as Identity;
  return new LockDoor({ledger, vouchers, identity});
}

function door(index: number): LockDoor {
  return doors[index] as LockDoor;
}

const done = async <Value>(work: Promise<Value>) => await rig.clock.complete(work, 20_000);
const refused = async (work: Promise<unknown>) =>
  await done(
    work.then(
      () => "done",
      ({code}: {code: string}) => code,
    ),
  );

function terms(change: Partial<LockOpenBody> = {}): LockOpenBody {
  return {
    ...{payee: rig.account(PAYEE), payeeKey: keyOf(PAYEE), amountUctz: uctz(10), authority: "payer"},
    ...{validMs: 600_000, ...change},
  };
}

async function opened(change: Partial<LockOpenBody> = {}): Promise<LockId> {
  const {lockId} = await done(door(PAYER).open(terms(change)));
  await rig.until(() => rig.homes.every(({node}) => node?.lockView(lockId as LockId) !== undefined));
  return lockId as LockId;
}

describe("LockDoor", () => {
  it("pays by vouchers that only rise, to the payee alone, and gives the rest back when it is closed", async () => {
    const id = await opened();
    const pay = async (total: number) => await done(door(PAYER).pay(id, {totalUctz: uctz(total)}));
    const first = await pay(3);
    expect(await pay(3)).toEqual(first);
    const second = await pay(7);
    for (const total of [0, 6, 11])
      expect([total, await refused(door(PAYER).pay(id, {totalUctz: uctz(total)}))]).toEqual([
        total,
        "AMOUNT_INVALID",
      ]);
    expect(await refused(door(PAYEE).pay(id, {totalUctz: uctz(9)}))).toBe("LOCK_NOT_YOURS");
    expect(await refused(door(JUDGE).take(second))).toBe("LOCK_NOT_YOURS");
    expect(await refused(door(PAYER).claim(id, {}))).toBe("LOCK_NOT_YOURS");
    expect(await refused(door(PAYEE).claim(id, {}))).toBe("NOTHING_TO_CLAIM");
    const forged = Buffer.from(second.voucher, "base64url");
    forged.writeBigUInt64BE(9n * CTZ, 32);
    expect(await refused(door(PAYEE).take({voucher: forged.toString("base64url")}))).toBe("VOUCHER_INVALID");

    expect(await done(door(PAYEE).take(second))).toMatchObject({claimableUctz: uctz(7), drawnUctz: "0"});
    // An older one says nothing new.
    expect(await done(door(PAYEE).take(first))).toMatchObject({voucherReceivedUctz: uctz(7)});
    const claimed = await done(door(PAYEE).claim(id, {}));
    expect(claimed).toMatchObject({feeUctz: "100", lock: {drawnUctz: uctz(7), isOpen: true}});
    expect(await refused(door(PAYEE).claim(id, {}))).toBe("NOTHING_TO_CLAIM");
    const closed = await done(door(PAYEE).claim(id, {isFinal: true}));
    expect(closed).toMatchObject({feeUctz: "0", lock: {isOpen: false}});
    await rig.until(() => rig.node(PAYER).lockView(id)?.isOpen === false);
    expect(rig.balance(PAYER, PAYER)).toBe(993n * CTZ - 100n);
    expect(rig.balance(PAYER, PAYEE)).toBe(1_007n * CTZ - 100n);
    expect(await refused(door(PAYER).pay(id, {totalUctz: uctz(9)}))).toBe("LOCK_CLOSED");
  });

  it("lets a judge pay, who has no say otherwise", async () => {
    const id = await opened({authority: "key", judgeKey: keyOf(JUDGE)});
    expect(await refused(door(PAYER).pay(id, {totalUctz: uctz(4)}))).toBe("LOCK_NOT_YOURS");
    const {voucher} = await done(door(JUDGE).pay(id, {totalUctz: uctz(4)}));
    expect(await done(door(PAYEE).claim(id, {voucher}))).toMatchObject({lock: {drawnUctz: uctz(4)}});
    for (const index of [PAYER, PAYEE, JUDGE])
      expect((await door(index).list({limit: 10, isAll: false})).locks).toMatchObject([{lockId: id}]);
  });

  it("pays a retainer by its clock, until notice stops it, and never more", async () => {
    const id = await opened({authority: "clock", rateUctz: "1000"});
    const start = rig.node(PAYEE).head().height;
    await rig.until(() => rig.node(PAYEE).head().height >= start + 20n, 120_000);
    const {lock} = await done(door(PAYEE).claim(id, {}));
    expect(BigInt(lock.drawnUctz)).toBeGreaterThanOrEqual(20_000n);
    expect(await refused(door(PAYER).pay(id, {totalUctz: uctz(1)}))).toBe("REQUEST_INVALID");
    expect(await refused(door(PAYEE).notice(id, {}))).toBe("LOCK_NOT_YOURS");
    const {endHeight} = await done(door(PAYER).notice(id, {}));
    const end = () => rig.node(PAYEE).checkpointedState().lock(id)?.endH ?? 0n;
    const startH = end();
    await rig.until(() => end() < startH, 60_000);
    expect(end() - BigInt(endHeight)).toBeLessThanOrEqual(2n);
    expect(await refused(door(PAYER).notice(id, {}))).toBe("REQUEST_INVALID");
    await rig.until(() => rig.node(PAYEE).head().height >= end() + 5n, 60_000);
    const last = await done(door(PAYEE).claim(id, {isFinal: true}));
    const {startHeight} = last.lock.authority;
    expect(BigInt(last.lock.drawnUctz)).toBe(1_000n * (end() - BigInt(startHeight ?? 0)));
  });

  it("shows a committee's verdict, and lets the payer's next voucher cover it", async () => {
    const id = await opened({authority: "payerOrCommittee"});
    const judged = {taskId: "5".repeat(64) as Hash, amount: 2n * CTZ, base: 0n, epoch: rig.node(0).epoch};
    const body = {...judged, lockId: id, payee: rig.account(PAYEE)};
    const signature = signVerdict(body, voteSigner(0), fromHex(rig.node(0).genesisHash));
    const encode = (verdict: Verdict) => {
      const writer = new ByteWriter();
      writeVerdict(writer, verdict);
      return Buffer.from(writer.finish()).toString("base64url");
    };
    const verdict = encode({...judged, signatures: [{witness: 0, signature}]});
    const more = encode({...judged, amount: 3n * CTZ, signatures: [{witness: 0, signature}]});
    for (const wrong of [more, "nonsense"])
      expect(await refused(door(PAYEE).claim(id, {verdict: wrong}))).toBe("VERDICT_INVALID");
    const claimed = await done(door(PAYEE).claim(id, {verdict}));
    expect(claimed.lock).toMatchObject({awardedUctz: uctz(2), drawnUctz: uctz(2)});
    await rig.until(() => rig.node(PAYER).lockView(id)?.drawn === 2n * CTZ);
    expect(await refused(door(PAYER).pay(id, {totalUctz: uctz(1)}))).toBe("AMOUNT_INVALID");
    const {voucher} = await done(door(PAYER).pay(id, {totalUctz: uctz(5)}));
    expect(await done(door(PAYEE).claim(id, {voucher}))).toMatchObject({lock: {drawnUctz: uctz(5)}});
  });

  it("answers for a lock with stake that is free, and no more", async () => {
    const id = await opened();
    expect(await refused(door(PAYEE).accept(id, {valueUctz: uctz(1)}))).toBe("FUNDS_INSUFFICIENT");
    const account = rig.account(PAYEE);
    await done(rig.node(PAYEE).submit(account, {kind: "stake", stake: "executor", amount: 5n * CTZ}));
    expect(await refused(door(PAYEE).accept(id, {valueUctz: uctz(6)}))).toBe("FUNDS_INSUFFICIENT");
    expect(await refused(door(PAYEE).accept(id, {valueUctz: "0"}))).toBe("AMOUNT_INVALID");
    expect(await refused(door(PAYEE).accept(id, {valueUctz: uctz(5)}))).toBe("done");
    expect(rig.node(PAYEE).certifiedState().account(account)?.accepts).toMatchObject([{value: 5n * CTZ}]);
  });

  it("sets nothing aside for who could never claim it, nor on terms that make no sense", async () => {
    for (const [change, code] of [
      [{payeeKey: undefined}, "PAYEE_KEY_UNKNOWN"],
      [{payeeKey: keyOf(JUDGE)}, "PAYEE_KEY_UNKNOWN"],
      [{payeeKey: rig.account(PAYEE)}, "PAYEE_KEY_UNKNOWN"],
      [{payee: rig.account(PAYER), payeeKey: keyOf(PAYER)}, "REQUEST_INVALID"],
      [{amountUctz: "100"}, "AMOUNT_INVALID"],
      [{amountUctz: uctz(1_000)}, "FUNDS_INSUFFICIENT"],
      [{authority: "key"}, "REQUEST_INVALID"],
      [{judgeKey: keyOf(JUDGE)}, "REQUEST_INVALID"],
      [{authority: "key", judgeKey: keyOf(PAYEE)}, "REQUEST_INVALID"],
      [{authority: "clock"}, "REQUEST_INVALID"],
      [{authority: "clock", rateUctz: "0"}, "AMOUNT_INVALID"],
    ] as [Partial<LockOpenBody>, string][])
      expect([change, await refused(door(PAYER).open(terms(change)))]).toEqual([change, code]);
    expect(rig.balance(PAYER, PAYER)).toBe(1_000n * CTZ);
    expect(await refused(door(PAYEE).claim("9".repeat(64) as LockId, {}))).toBe("LOCK_UNKNOWN");
  });

  it("leaves the market's locks to the market", async () => {
    const burn = {target: {kind: "burn"}, bps: 500} as const;
    const spec: LockSpec = {
      ...{controller: rig.account(PAYEE), controllerKey: accountSigner(PAYEE).publicKey, amount: CTZ},
      ...{tag: "0".repeat(64) as Hash, authority: {kind: "payer", key: accountSigner(PAYER).publicKey}},
      split: [{target: {kind: "cell", cell: rig.account(PAYEE)}, bps: 9_500}, burn],
      ...{expiryH: 1_000n, refundTo: rig.account(PAYER)},
    };
    const {opId} = await done(rig.node(PAYER).submit(rig.account(PAYER), {kind: "open", locks: [spec]}));
    const [id] = rig.node(PAYER).lockIdsOf(opId, 1) as [LockId];
    expect(await refused(door(PAYER).pay(id, {totalUctz: "500"}))).toBe("REQUEST_INVALID");
    await rig.until(() => rig.node(PAYEE).lockView(id) !== undefined);
    expect(await refused(door(PAYEE).claim(id, {}))).toBe("REQUEST_INVALID");
    expect((await door(PAYER).list({limit: 1, isAll: false})).locks).toMatchObject([{isPlain: false}]);
  });
});
