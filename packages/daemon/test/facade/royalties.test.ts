/** Seeds, locks by hand with shares for them, harvests and rates between nodes of a simulated network. */
import type {LockOpenBody} from "@catalyze/api/schema/lock";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {LockId} from "@catalyze/core/primitives/id";
import {AssetDoor} from "@catalyze/daemon/facade/assetDoor";
import {LockDoor} from "@catalyze/daemon/facade/lockDoor";
import {VoucherBook} from "@catalyze/daemon/ledger/voucherBook";
import type {Identity} from "@catalyze/daemon/pipeline/identity";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {DiskFaults} from "../../../../test/sim/fakes/diskFaults.ts";
import {MemoryLog, MemoryLogFile} from "../../../../test/sim/fakes/memoryLog.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {accountSigner, CTZ, LedgerRig} from "../ledger/ledgerRig.ts";
import {testVerifier} from "../ledger/testSigner.ts";

const [ARTIST, PAYEE, FAN] = [0, 1, 2];
let rig: LedgerRig;
let locks: readonly LockDoor[];
let assets: readonly AssetDoor[];

beforeEach(async () => {
  rig = await LedgerRig.started({witnesses: 1, followers: 2, params: {checkpointsPerEpoch: 20}});
  const doors = await Promise.all(rig.homes.map(({index}) => doorsOf(index)));
  locks = doors.map((each) => each.locks);
  assets = doors.map((each) => each.assets);
});
afterEach(async () => await rig.stop());

async function doorsOf(index: number) {
  const faults = new DiskFaults();
  const store = new MemoryStore(new MemoryDisk(faults));
  const vouchers = new VoucherBook({store, log: new MemoryLog(new MemoryLogFile(faults))});
  await vouchers.start();
  const ledger = rig.node(index);
  const account = rig.account(index);
  const genesisHash = fromHex(ledger.genesisHash);
  const identity = {account, accountSigner: accountSigner(index), verifier: testVerifier, genesisHash};
  return {
    locks: new LockDoor({ledger, vouchers, identity: identity as unknown as Identity}),
    assets: new AssetDoor({ledger, vouchers, account}),
  };
}

const lockDoor = (index: number) => locks[index] as LockDoor;
const assetDoor = (index: number) => assets[index] as AssetDoor;
const done = async <Value>(work: Promise<Value>) => await rig.clock.complete(work, 30_000);
const refused = async (work: Promise<unknown>) =>
  await done(
    work.then(
      () => "done",
      ({code}: {code: string}) => code,
    ),
  );
const heldBy = async (index: number) => (await assetDoor(index).list()).assets;

async function issued(royaltyBps: number): Promise<string> {
  const body = {kind: "seed", supply: "100", contentHash: "5".repeat(64), royaltyBps} as const;
  const {assetId} = await done(assetDoor(ARTIST).issue(body));
  await rig.until(() => rig.homes.every(({node}) => node?.certifiedState().asset(assetId as never)));
  return assetId;
}

function terms(change: Partial<LockOpenBody>): LockOpenBody {
  const payeeKey = toHex(accountSigner(PAYEE).publicKey);
  const payee = {payee: rig.account(PAYEE), payeeKey};
  return {...payee, amountUctz: (10n * CTZ).toString(), authority: "payer", validMs: 900_000, ...change};
}

describe("royalties", () => {
  it("gather by locks by hand, wait for the epoch's end, and are harvested to the µCTZ", async () => {
    const asset = await issued(1_000);
    await done(assetDoor(ARTIST).send({assetId: asset, to: rig.account(FAN), units: "25"}));
    const {lockId} = await done(lockDoor(FAN).open(terms({shares: [{assetId: asset}]})));
    await rig.until(() => rig.node(PAYEE).lockView(lockId as LockId) !== undefined);
    const voucher = await done(lockDoor(FAN).pay(lockId as LockId, {totalUctz: (4n * CTZ).toString()}));
    const claimed = await done(lockDoor(PAYEE).claim(lockId as LockId, {voucher: voucher.voucher}));
    expect(claimed.lock).toMatchObject({
      isPlain: true,
      split: [
        {target: "account", bps: 9_000},
        {target: "pot", asset, bps: 1_000},
      ],
    });
    expect(rig.balance(PAYEE, PAYEE)).toBe(1_000n * CTZ + 3_600_000n - 100n);

    await rig.until(
      () =>
        (rig
          .node(FAN)
          .certifiedState()
          .pot(asset as never)?.in ?? 0n) > 0n,
    );
    expect(await heldBy(FAN)).toMatchObject([{harvestableUctz: "0", waitingUctz: "100000"}]);
    expect(await refused(assetDoor(FAN).harvest({}))).toBe("NOTHING_TO_HARVEST");
    const epoch = rig.node(FAN).epoch;
    await rig.until(() => rig.node(FAN).epoch > epoch, 600_000);
    expect(await heldBy(FAN)).toMatchObject([{harvestableUctz: "100000", waitingUctz: "0"}]);
    const before = rig.balance(FAN, FAN);
    const harvest = await done(assetDoor(FAN).harvest({}));
    expect(harvest).toMatchObject({harvests: [{assetId: asset, amountUctz: "100000"}], waiting: []});
    expect(rig.balance(FAN, FAN)).toBe(before + 100_000n - 100n);
    expect(await refused(assetDoor(FAN).harvest({assetId: asset}))).toBe("NOTHING_TO_HARVEST");

    // Who gave all units away still has what they earned, and sees it.
    await done(assetDoor(ARTIST).send({assetId: asset, to: rig.account(FAN), units: "75"}));
    expect(await heldBy(ARTIST)).toMatchObject([{units: "0", harvestableUctz: "300000"}]);
    const [first, second] = [assetDoor(ARTIST).harvest({}), refused(assetDoor(ARTIST).harvest({}))];
    expect(await done(first)).toMatchObject({harvests: [{amountUctz: "300000"}]});
    expect(await second).toBe("NOTHING_TO_HARVEST");
  });

  it("have a rate that its issuer sets for the next epoch, which locks then take", async () => {
    const asset = await issued(1_000);
    expect(await refused(assetDoor(FAN).rate({assetId: asset, royaltyBps: 1}))).toBe("ASSET_NOT_YOURS");
    const {fromEpoch} = await done(assetDoor(ARTIST).rate({assetId: asset, royaltyBps: 2_500}));
    const rate = async () => (await heldBy(ARTIST))[0];
    await rig.until(
      () =>
        rig
          .node(ARTIST)
          .certifiedState()
          .asset(asset as never)?.nextBps === 2_500,
    );
    expect(await rate()).toMatchObject({royaltyBps: 1_000, nextRoyalty: {bps: 2_500, epoch: fromEpoch}});
    await rig.until(() => rig.node(FAN).epoch >= fromEpoch, 600_000);
    await rig.until(() => rig.node(ARTIST).epoch >= fromEpoch, 600_000);
    const now = await rate();
    expect([now?.royaltyBps, now?.nextRoyalty]).toEqual([2_500, undefined]);
    const {lockId} = await done(lockDoor(FAN).open(terms({shares: [{assetId: asset}]})));
    expect(rig.node(FAN).lockView(lockId as LockId)?.spec.split).toMatchObject([{bps: 7_500}, {bps: 2_500}]);

    const right = {kind: "right", supply: "5", contentHash: "6".repeat(64)} as const;
    const {assetId} = await done(assetDoor(ARTIST).issue(right));
    for (const [work, code] of [
      [() => assetDoor(ARTIST).rate({assetId, royaltyBps: 1}), "REQUEST_INVALID"],
      [() => assetDoor(ARTIST).harvest({assetId}), "REQUEST_INVALID"],
      [() => assetDoor(ARTIST).harvest({assetId: "9".repeat(64)}), "ASSET_UNKNOWN"],
      [() => lockDoor(ARTIST).open(terms({shares: [{assetId, bps: 5}]})), "REQUEST_INVALID"],
      [() => lockDoor(ARTIST).open(terms({shares: [{assetId: "9".repeat(64), bps: 5}]})), "ASSET_UNKNOWN"],
      [() => lockDoor(ARTIST).open(terms({shares: [{assetId: asset, bps: 10_000}]})), "REQUEST_INVALID"],
      [() => lockDoor(ARTIST).open(terms({shares: [{assetId: asset, bps: 0}]})), "REQUEST_INVALID"],
    ] as const)
      expect(await refused(work())).toBe(code);
  });
});
