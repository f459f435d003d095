/** That the history explains all that an account has: every µCTZ, every unit. */

import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import {balanceOf, type LockCell} from "@catalyze/core/ledger/cell";
import type {LockSpec, Op, Payload, SaleSpec} from "@catalyze/core/ledger/op";
import {LedgerState} from "@catalyze/core/ledger/state";
import {signVoucher} from "@catalyze/core/ledger/voucher";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, AssetId, Hash, LockId, OpId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {decodeEntry, encodeEntry, type HistoryEntry} from "@catalyze/daemon/ledger/historyCodec";
import {OpHistory} from "@catalyze/daemon/ledger/opHistory";
import {afterEach, describe, expect, it} from "vitest";
import {DiskFaults} from "../../../../test/sim/fakes/diskFaults.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {accountSigner, CTZ, LedgerRig} from "./ledgerRig.ts";
import {transfer} from "./transfer.ts";

const HASH = "7".repeat(64) as Hash;
let rig: LedgerRig;
afterEach(async () => await rig.stop());

const submit = async (index: number, payload: Payload, cell = rig.account(index)) =>
  await rig.clock.complete(rig.node(index).submit(cell, payload), 20_000);

const historyOf = async (index: number, account: AccountId = rig.account(index)) =>
  await rig.node(index).historyOf(account, {limit: 1_000});

async function expectExplained(index: number, assets: readonly AssetId[] = []): Promise<void> {
  const entries = await historyOf(index);
  const moved = entries.reduce((sum, {delta}) => sum + delta, 0n);
  expect(1_000n * CTZ + moved).toBe(rig.balance(index, index));
  for (const asset of assets) {
    const holding = rig.node(index).certifiedState().holding(rig.account(index), asset);
    const units = entries.reduce(
      (sum, each) => sum + (each.units?.asset === asset ? each.units.delta : 0n),
      0n,
    );
    expect(units).toBe(holding === undefined ? 0n : balanceOf(holding));
  }
}

function sale(index: number, terms: Partial<SaleSpec>): Payload {
  const money = {asset: undefined, amount: CTZ};
  const spec = {gives: money, wants: money, only: undefined, expiryH: 0n, refundTo: rig.account(index)};
  return {kind: "open", locks: [], sales: [{...spec, ...terms}]};
}

function lockTo(payee: number, payer: number, expiryH: bigint): LockSpec {
  return {
    ...{controller: rig.account(payee), controllerKey: accountSigner(payee).publicKey, amount: 10n * CTZ},
    ...{tag: HASH, authority: {kind: "payer", key: accountSigner(payer).publicKey}},
    split: [{target: {kind: "cell", cell: rig.account(payee)}, bps: 10_000}],
    ...{expiryH, refundTo: rig.account(payer)},
  };
}

describe("OpHistory", () => {
  it("explains units given, burned, offered, sold and come back, and why", async () => {
    rig = await LedgerRig.started({witnesses: 1, followers: 1});
    const {opId} = await submit(0, {
      kind: "issue",
      asset: "seed",
      content: HASH,
      supply: 100n,
      royaltyBps: 5,
    });
    const asset = assetIdOf(opId);
    const given = {...transfer(rig.account(1), 30n), asset: {id: asset, burn: 5n}} as Payload;
    await submit(0, given);
    await rig.until(() => rig.node(1).certifiedState().holding(rig.account(1), asset) !== undefined);
    const height = () => rig.node(0).head().height;
    const terms = {gives: {asset, amount: 10n}, wants: {asset: undefined, amount: 3n * CTZ}};
    await submit(1, sale(1, {...terms, expiryH: height() + 100n}));
    await submit(0, sale(0, {gives: terms.wants, wants: terms.gives, expiryH: height() + 100n}));
    const closed = () => [...rig.node(1).checkpointedState().sales()].filter(({isClosed}) => isClosed).length;
    await rig.until(() => closed() === 2, 60_000);
    await submit(1, sale(1, {...terms, expiryH: height() + 3n}));
    await rig.until(() => closed() === 3, 60_000);
    await rig.clock.advance(2_000);
    for (const index of [0, 1]) await expectExplained(index, [asset]);
    const sales = (await historyOf(1)).filter(({kind}) => kind === "sale");
    expect(sales).toMatchObject([
      {delta: 0n, units: {asset, delta: 10n}, reason: "SALE_UNMATCHED", counterparty: undefined},
      {delta: 3n * CTZ, units: undefined, reason: undefined, counterparty: rig.account(0)},
    ]);
    const [bought] = (await historyOf(0)).filter(({kind}) => kind === "sale");
    expect(bought).toMatchObject({delta: 0n, units: {asset, delta: 10n}, counterparty: rig.account(1)});
  });

  it("explains a lock that expired over a claim, and stake that matured", async () => {
    rig = await LedgerRig.started({witnesses: 1, followers: 1, params: {unbondingS: 3}});
    const {opId} = await submit(0, {kind: "open", locks: [lockTo(1, 0, rig.node(0).head().height + 12n)]});
    const [lockId] = rig.node(0).lockIdsOf(opId, 1) as [LockId];
    await submit(1, {kind: "stake", stake: "curate", amount: 5n * CTZ});
    await submit(1, {kind: "unstake", stake: "curate", amount: 2n * CTZ});
    await rig.until(() => rig.node(1).lockView(lockId) !== undefined);
    const body = {lockId, cumulative: 4n * CTZ, contextHash: HASH};
    const voucher = signVoucher(body, accountSigner(0), fromHex(rig.node(0).genesisHash));
    await submit(1, {kind: "claim", cumulative: body.cumulative, voucher, isFinal: false}, lockId);
    await rig.until(() => rig.node(0).lockView(lockId)?.isOpen !== true, 60_000);
    await rig.clock.advance(30_000);
    for (const index of [0, 1]) await expectExplained(index);
    expect((await historyOf(0))[0]).toMatchObject({kind: "expiry", delta: 6n * CTZ, lockId});
    expect((await historyOf(1)).map(({kind}) => kind)).toEqual(["matured", "claim", "unstake", "stake"]);
  });

  it("reads what was written before units were recorded, and all that it writes", () => {
    const plain: HistoryEntry = {
      ...{opId: HASH as never, kind: "payment", cell: HASH as never, delta: -5n, fee: 1n, units: undefined},
      ...{stakeBurned: 0n, reason: undefined, counterparty: undefined, lockId: undefined, height: 3n},
      atMs: 4 as never,
    };
    const full: HistoryEntry = {
      ...plain,
      units: {asset: "8".repeat(64) as AssetId, delta: -(2n ** 64n - 1n)},
      ...{stakeBurned: 9n, reason: "SALE_UNMATCHED"},
    };
    const units = {asset: full.units?.asset as AssetId, delta: 3n};
    for (const entry of [plain, full, {...plain, stakeBurned: 1n}, {...plain, units}])
      expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
    expect(encodeEntry(plain)).toHaveLength(170);
  });

  it("counts the fee of a claim once: when it is certified, or when the lock expires over it", async () => {
    const [payee, payer] = [accountIdOf(accountSigner(1).publicKey), accountIdOf(accountSigner(0).publicKey)];
    const lockId = "3".repeat(64) as LockId;
    const spec: LockSpec = {
      ...{controller: payee, controllerKey: accountSigner(1).publicKey, amount: 10n * CTZ, tag: HASH},
      authority: {kind: "payer", key: accountSigner(0).publicKey},
      split: [{target: {kind: "cell", cell: payee}, bps: 10_000}],
      ...{expiryH: 9n, refundTo: payer},
    };
    const cumulative = 4n * CTZ;
    const claim = {kind: "claim", cumulative, voucher: undefined, isFinal: false} as const;
    const op = {id: HASH as string as OpId, body: {cell: lockId, payload: claim, fee: 100n}} as Op;
    const at = {height: 9n, atMs: 0 as UnixMs};
    for (const {isRecorded, isCovered, fee} of [
      {isRecorded: false, isCovered: false, fee: 100n},
      {isRecorded: true, isCovered: false, fee: 100n},
      {isRecorded: true, isCovered: false, fee: 60n},
      {isRecorded: true, isCovered: true, fee: 0n},
    ]) {
      const store = new MemoryStore(new MemoryDisk(new DiskFaults()));
      const about = {kind: "lock", id: lockId, payer, openOp: HASH, spec, paid: 0n, awarded: [], endH: 9n};
      const open = {...about, drawn: 0n, expiryH: 9n, isClosed: false} as unknown as LockCell;
      let lock = open;
      const agreed = () => LedgerState.empty();
      const cells = {lock: () => lock, locks: () => [open], account: () => undefined};
      const history = new OpHistory({store, agreed, ...cells});
      await history.start([payee, payer]);
      if (isRecorded) await store.write(history.onCertified([op], at));
      if (isCovered) await store.write(history.onCheckpoint({ops: [op.id], moves: []}, at));
      lock = {...open, paid: cumulative, drawn: cumulative, isClosed: true};
      await store.write(history.onCheckpoint({ops: [], moves: [{kind: "expiry", lockId, fee}]}, at));
      const sumOf = async (account: AccountId) =>
        (await history.list(account, 10)).reduce((sum, {delta}) => sum + delta, 0n);
      expect([await sumOf(payee), await sumOf(payer)]).toEqual([
        4n * CTZ - (isCovered ? 100n : fee),
        6n * CTZ,
      ]);
    }
  });
});
