/** Bounties and bonds between nodes of a simulated network: who may award what, alone and as one of several. */
import type {LockAwardBody, LockJudgedBody} from "@catalyze/api/schema/judgedLock";
import type {Op} from "@catalyze/core/ledger/op";
import {addSignature, decodeOp, encodeOpBody} from "@catalyze/core/ledger/opCodec";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {LockId, OpId} from "@catalyze/core/primitives/id";
import {JudgeDoor} from "@catalyze/daemon/facade/judgeDoor";
import {LockDoor} from "@catalyze/daemon/facade/lockDoor";
import {AwardBook, textOf} from "@catalyze/daemon/ledger/awardBook";
import type {Identity} from "@catalyze/daemon/pipeline/identity";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {DiskFaults} from "../../../../test/sim/fakes/diskFaults.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {accountSigner, CTZ, LedgerRig} from "../ledger/ledgerRig.ts";
import {testVerifier} from "../ledger/testSigner.ts";

const [SPONSOR, ANN, BEN, EVE] = [0, 1, 2, 3];
const FEE = 100n;
const uctz = (ctz: number) => (BigInt(ctz) * CTZ).toString();
let rig: LedgerRig;
let stores: readonly MemoryStore[];
let isVoid: (op: Op) => boolean;

beforeEach(async () => {
  rig = await LedgerRig.started({witnesses: 1, followers: 3});
  stores = rig.homes.map(() => new MemoryStore(new MemoryDisk(new DiskFaults())));
  isVoid = () => false;
});
afterEach(async () => await rig.stop());

const NO_VOUCHERS = {lastSent: () => undefined, lastReceived: () => undefined} as never;

/** A new one each time, as after a restart: what it must remember is on its disk. */
function parts(index: number) {
  const ledger = rig.node(index);
  const signer = accountSigner(index);
  const genesisHash = fromHex(ledger.genesisHash);
  const identity = {account: rig.account(index), accountSigner: signer, verifier: testVerifier, genesisHash};
  const store = stores[index] as MemoryStore;
  const awards = new AwardBook({store, signer, isVoid: (op) => isVoid(op)}, genesisHash);
  return {ledger, vouchers: NO_VOUCHERS, identity: identity as unknown as Identity, awards};
}
const door = (index: number) => new JudgeDoor(parts(index));
const done = async <Value>(work: Promise<Value>) => await rig.clock.complete(work, 30_000);
const refused = async (work: Promise<unknown>) =>
  await done(
    work.then(
      () => "done",
      ({code}: {code: string}) => code,
    ),
  );
const judge = (index: number) => ({
  account: rig.account(index),
  key: toHex(accountSigner(index).publicKey),
});
const to = (index: number, ctz: number) =>
  ({target: "account", account: rig.account(index), amountUctz: uctz(ctz)}) as const;

async function opened(change: Partial<LockJudgedBody> = {}): Promise<LockId> {
  const body = {amountUctz: uctz(10), judges: [judge(ANN)], validMs: 600_000, ...change};
  const {lockId} = await done(door(SPONSOR).open(body));
  await rig.until(() => rig.homes.every(({node}) => node?.lockView(lockId as LockId) !== undefined));
  return lockId as LockId;
}
const award = async (index: number, id: LockId, body: LockAwardBody) =>
  await done(door(index).award(id, body));
const balance = (index: number) => rig.balance(SPONSOR, index);

describe("JudgeDoor", () => {
  it("awards parts of a bounty one after the other, to anybody, and gives the rest back", async () => {
    const id = await opened();
    expect(await award(ANN, id, {payouts: [to(EVE, 3)]})).toMatchObject({
      ...{isCertified: true, feeUctz: "100", threshold: 1, signedBy: [rig.account(ANN)]},
      lock: {leftUctz: (7n * CTZ - FEE).toString()},
    });
    // Two at once add up: each counts where it stands.
    const [first, second] = [
      door(ANN).award(id, {payouts: [to(EVE, 1), to(BEN, 1)]}),
      door(ANN).award(id, {payouts: [to(EVE, 1)]}),
    ];
    await done(Promise.all([first, second]));
    for (const [index, code] of [
      [SPONSOR, "LOCK_NOT_YOURS"],
      [ANN, "LOCK_EXHAUSTED"],
    ] as const)
      expect(await refused(door(index).award(id, {payouts: [to(EVE, 4)]}))).toBe(code);
    for (const [body, code] of [
      [{payouts: [{...to(EVE, 1), amountUctz: "0"}]}, "AMOUNT_INVALID"],
      [{payouts: [{...to(EVE, 1), amountUctz: "99"}]}, "AMOUNT_INVALID"],
      [{payouts: []}, "REQUEST_INVALID"],
      [{payouts: [{target: "account", amountUctz: "500"}]}, "REQUEST_INVALID"],
    ] as [LockAwardBody, string][])
      expect([body, await refused(door(ANN).award(id, body))]).toEqual([body, code]);
    expect(await award(ANN, id, {payouts: [], isFinal: true})).toMatchObject({lock: {isOpen: false}});
    expect(await refused(door(ANN).award(id, {payouts: [to(EVE, 1)]}))).toBe("LOCK_CLOSED");
    await rig.until(() => rig.node(SPONSOR).lockView(id)?.isOpen === false);
    expect([SPONSOR, EVE, BEN].map(balance)).toEqual([
      1_000n * CTZ - 6n * CTZ - 4n * FEE,
      1_005n * CTZ,
      1_001n * CTZ,
    ]);
  });

  it("lets a bond pay the insured, the treasury or nobody, and come back when its time is over", async () => {
    const bond = {insured: rig.account(BEN), validMs: 15_000};
    const id = await opened(bond);
    expect(await refused(door(ANN).award(id, {payouts: [to(EVE, 1)]}))).toBe("PAYEE_NOT_ALLOWED");
    await award(ANN, id, {payouts: [to(BEN, 2), {target: "burn", amountUctz: uctz(1)}]});
    await rig.until(() => rig.homes.every(({node}) => node?.lockView(id)?.drawn !== 0n));
    for (const index of [SPONSOR, ANN, BEN]) {
      const {locks} = await new LockDoor(parts(index)).list({limit: 9, isAll: false});
      expect(locks).toMatchObject([
        {lockId: id, refundTo: rig.account(SPONSOR), leftUctz: (7n * CTZ - FEE).toString(), isPlain: false},
      ]);
      expect(locks[0]?.authority).toMatchObject({kind: "controller", judges: [judge(ANN)]});
    }
    expect((await new LockDoor(parts(EVE)).list({limit: 9, isAll: true})).locks).toEqual([]);
    await rig.until(() => rig.node(ANN).lockView(id)?.isOpen !== true, 120_000);
    expect(await refused(door(ANN).award(id, {payouts: [to(BEN, 1)]}))).toMatch(/LOCK_CLOSED|LOCK_UNKNOWN/);
    await rig.until(() => balance(SPONSOR) === 997n * CTZ - 2n * FEE, 60_000);
    for (const change of [
      {insured: rig.account(SPONSOR)},
      {insured: rig.account(ANN)},
      {judges: [judge(SPONSOR)]},
      {payees: [{target: "burn" as const}]},
    ])
      expect(await refused(opened({...bond, ...change}))).toBe("REQUEST_INVALID");
  });

  it("has an award signed by several judges, who pass it on, and never two in one place", async () => {
    const id = await opened({judges: [judge(ANN), judge(BEN), judge(EVE)]});
    const first = await award(ANN, id, {payouts: [to(EVE, 3)]});
    expect(first).toMatchObject({isCertified: false, threshold: 2, signedBy: [rig.account(ANN)]});
    // Again, an epoch later, and after a restart: the same bytes.
    await rig.clock.advance(60_000);
    expect((await award(ANN, id, {payouts: [to(EVE, 3)]})).award).toBe(first.award);
    expect(await refused(door(ANN).award(id, {payouts: [to(ANN, 3)]}))).toBe("AWARD_CONFLICT");
    const other = await award(EVE, id, {payouts: [to(EVE, 9)]});
    const text = first.award ?? "";
    expect(await refused(door(ANN).sign({award: other.award ?? ""}))).toBe("AWARD_CONFLICT");
    expect(await refused(door(EVE).sign({award: text}))).toBe("AWARD_CONFLICT");
    expect(await refused(door(SPONSOR).sign({award: text}))).toBe("LOCK_NOT_YOURS");
    expect(await done(door(BEN).sign({award: text, isLook: true}))).toMatchObject({
      ...{awardId: first.awardId, isCertified: false, signedBy: [rig.account(ANN)]},
      payouts: [{target: "account", account: rig.account(EVE), amountUctz: uctz(3)}],
    });
    const sent = await done(door(BEN).sign({award: text}));
    expect(sent).toMatchObject({isCertified: true, signedBy: [rig.account(ANN), rig.account(BEN)]});
    expect(sent.lock.leftUctz).toBe((7n * CTZ - FEE).toString());
    await rig.until(() => rig.node(ANN).lockView(id)?.drawn === 3n * CTZ + FEE);
    expect(await done(door(ANN).sign({award: text}))).toMatchObject({isCertified: true});
    // The place is taken, so a new award stands in the next one.
    expect(await refused(door(ANN).sign({award: other.award ?? ""}))).toBe("AWARD_INVALID");
    const last = await award(ANN, id, {payouts: [], isFinal: true});
    expect(await done(door(BEN).sign({award: last.award ?? ""}))).toMatchObject({
      ...{isCertified: true, feeUctz: "0", lock: {isOpen: false, leftUctz: "0"}},
    });
    await rig.until(() => balance(EVE) === 1_003n * CTZ);
    expect(balance(SPONSOR)).toBe(997n * CTZ - 2n * FEE);
  });

  it("signs another award only when the first can never be certified any more", async () => {
    const id = await opened({judges: [judge(ANN), judge(BEN)]});
    const first = await award(ANN, id, {payouts: [to(EVE, 3)]});
    isVoid = ({id: opId}) => opId === (first.awardId as OpId);
    const second = await award(ANN, id, {payouts: [to(EVE, 4)]});
    expect(second.awardId).not.toBe(first.awardId);
    expect(await done(door(BEN).sign({award: second.award ?? ""}))).toMatchObject({isCertified: true});
  });

  it("signs nothing that is not what it seems", async () => {
    const id = await opened({judges: [judge(ANN), judge(BEN)], payees: [{target: "treasury"}]});
    expect(await refused(door(ANN).award(id, {payouts: [to(EVE, 1)]}))).toBe("PAYEE_NOT_ALLOWED");
    const pays = {payouts: [{target: "treasury" as const, amountUctz: uctz(1)}]};
    const good = decodeOp(Buffer.from((await award(ANN, id, pays)).award ?? "", "base64url"));
    const genesisHash = fromHex(rig.node(0).genesisHash);
    const signed = (change: Partial<Op["body"]>, by = ANN) => {
      const body = {...good.body, ...change};
      return textOf(
        addSignature(
          {...{body, signatures: []}, bodyBytes: encodeOpBody(body)},
          accountSigner(by),
          genesisHash,
        ),
      );
    };
    const claim = good.body.payload as Extract<Op["body"]["payload"], {kind: "claim"}>;
    const forged = {
      ...good,
      signatures: good.signatures.map((each) => ({...each, signature: new Uint8Array(64)})),
    };
    const plain = await opened();
    const cases: [string, string][] = [
      ["x".repeat(300), "AWARD_INVALID"],
      [textOf(forged), "AWARD_INVALID"],
      [signed({}, EVE), "AWARD_INVALID"],
      [signed({network: good.body.network + 1}), "AWARD_INVALID"],
      [signed({seq: 2n, prev: "5".repeat(64) as OpId}), "AWARD_INVALID"],
      [signed({deps: ["5".repeat(64) as OpId]}), "AWARD_INVALID"],
      [signed({validFromEpoch: 900}), "AWARD_INVALID"],
      [signed({fee: 1n, payload: {...claim, cumulative: CTZ + 1n}}), "AWARD_INVALID"],
      [signed({fee: 5_000n, payload: {...claim, cumulative: CTZ + 5_000n}}), "AWARD_INVALID"],
      [signed({payload: {...claim, cumulative: 5n * CTZ}}), "AWARD_INVALID"],
      [signed({payload: {...claim, cumulative: 11n * CTZ}}), "LOCK_EXHAUSTED"],
      [signed({cell: plain}), "AWARD_INVALID"],
      [signed({cell: "9".repeat(64) as LockId}), "LOCK_UNKNOWN"],
    ];
    for (const [index, [text, code]] of cases.entries())
      expect([index, await refused(door(BEN).sign({award: text}))]).toEqual([index, code]);
    expect(await done(door(BEN).sign({award: textOf(good)}))).toMatchObject({isCertified: true});
  });

  it("sets nothing aside on terms that make no sense", async () => {
    for (const [change, code] of [
      [{judges: [judge(ANN), judge(ANN)]}, "REQUEST_INVALID"],
      [{judges: [judge(ANN), judge(BEN)], threshold: 1}, "REQUEST_INVALID"],
      [{threshold: 2}, "REQUEST_INVALID"],
      [{payees: [{target: "burn"}, {target: "burn"}]}, "REQUEST_INVALID"],
      [{payees: [{target: "pot"}]}, "REQUEST_INVALID"],
      [{judges: [{account: rig.account(ANN)}]}, "PAYEE_KEY_UNKNOWN"],
      [{judges: [{...judge(ANN), account: rig.account(BEN)}]}, "PAYEE_KEY_UNKNOWN"],
      [{amountUctz: "100"}, "AMOUNT_INVALID"],
      [{amountUctz: uctz(2_000)}, "FUNDS_INSUFFICIENT"],
    ] as [Partial<LockJudgedBody>, string][])
      expect([change, await refused(opened(change))]).toEqual([change, code]);
    expect(balance(SPONSOR)).toBe(1_000n * CTZ);
    expect(await refused(door(ANN).award("9".repeat(64) as LockId, {payouts: [to(EVE, 1)]}))).toBe(
      "LOCK_UNKNOWN",
    );
  });
});
