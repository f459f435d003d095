/** What the logs on a disk tell of any cell: all that took its slot, and nothing else. */
import {apply} from "@catalyze/core/ledger/apply";
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import type {LockSpec, Payload} from "@catalyze/core/ledger/op";
import {entryKey} from "@catalyze/core/ledger/storeKeys";
import {signVoucher} from "@catalyze/core/ledger/voucher";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {CellId, Hash, LockId} from "@catalyze/core/primitives/id";
import {type CellHistoryQuery, cellHistory} from "@catalyze/daemon/ledger/cellHistory";
import {afterEach, describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {alice, bob} from "../../../core/test/ledger/kit.ts";
import {entryOf, FIRST, genesisOf, NOW, ownOp} from "../../../core/test/ledger/witnessKit.ts";
import {accountSigner, CTZ, LedgerRig} from "./ledgerRig.ts";
import {transfer} from "./transfer.ts";

const HASH = "7".repeat(64) as Hash;

describe("the history of a cell, on a node whose own it is not", () => {
  let rig: LedgerRig;
  afterEach(async () => await rig.stop());

  const submit = async (index: number, payload: Payload, cell: CellId = rig.account(index)) =>
    await rig.clock.complete(rig.node(index).submit(cell, payload), 20_000);

  /** As the last node has it, which only follows. */
  async function told(id: CellId, limit = 100) {
    await rig.clock.advance(2_000);
    const {ops, ...rest} = await rig.clock.complete(rig.node(rig.homes.length - 1).opsOf(id, {limit}), 5_000);
    return {ids: ops.map(({op}) => op.id), ...rest};
  }

  it("has what an account signed and what it was paid, latest first, and no op of others", async () => {
    rig = await LedgerRig.started({witnesses: 4, followers: 1});
    const paid = await submit(0, transfer(rig.account(1), CTZ));
    const spent = await submit(1, transfer(rig.account(2), CTZ));
    await submit(2, transfer(rig.account(3), CTZ));
    const again = await submit(0, transfer(rig.account(1), 2n * CTZ));
    const all = [again, spent, paid].map(({opId}) => opId);
    expect(await told(rig.account(1))).toEqual({ids: all, sinceMs: undefined, begunH: undefined});
    const {ids, sinceMs} = await told(rig.account(1), 2);
    expect(ids).toEqual(all.slice(0, 2));
    expect(sinceMs).toBeGreaterThan(0);
    expect((await told(HASH as string as CellId)).ids).toEqual([]);
  });

  it("has the op that opened a lock and the claims on it, and the one that issued an asset", async () => {
    rig = await LedgerRig.started({witnesses: 1, followers: 2});
    const spec: LockSpec = {
      ...{controller: rig.account(1), controllerKey: accountSigner(1).publicKey, amount: 10n * CTZ},
      ...{tag: HASH, authority: {kind: "payer", key: accountSigner(0).publicKey}},
      split: [{target: {kind: "cell", cell: rig.account(1)}, bps: 10_000}],
      ...{expiryH: 1_000n, refundTo: rig.account(0)},
    };
    await submit(0, transfer(rig.account(2), CTZ));
    const opened = await submit(0, {kind: "open", locks: [spec]});
    const lockId = rig.node(0).lockIdsOf(opened.opId, 1)[0] as LockId;
    await rig.clock.advance(2_000);
    const voucher = signVoucher(
      {lockId, cumulative: CTZ, contextHash: HASH},
      accountSigner(0),
      fromHex(rig.node(0).genesisHash),
    );
    const claimed = await submit(1, {kind: "claim", cumulative: CTZ, voucher, isFinal: false}, lockId);
    expect((await told(lockId)).ids).toEqual([claimed.opId, opened.opId]);
    const issue = {kind: "issue", asset: "seed", content: HASH, supply: 100n, royaltyBps: 5} as const;
    const issued = await submit(0, issue);
    const asset = assetIdOf(issued.opId);
    const given = await submit(0, {...transfer(rig.account(1), 3n), asset: {id: asset, burn: 0n}} as Payload);
    expect((await told(asset as string as CellId)).ids).toEqual([given.opId, issued.opId]);
  });
});

describe("the history of a cell, from the logs of two witnesses", () => {
  const genesis = genesisOf(4);
  const state = genesisState(genesis).fork();
  const first = ownOp(genesis, alice, FIRST, transfer(bob.account, 5n));
  const rival = ownOp(genesis, alice, FIRST, transfer(bob.account, 9n));
  apply(state, first, {height: 1n});
  const second = ownOp(genesis, alice, state.account(alice.account)!, transfer(bob.account, 6n));
  apply(state, second, {height: 1n});
  const above = ownOp(genesis, alice, state.account(alice.account)!, transfer(bob.account, 7n));

  // The later op is carried before the earlier one, and that one twice.
  const one = entryOf(genesis, {witness: 0, carry: [second], timeMs: NOW});
  const two = entryOf(genesis, {witness: 1, carry: [rival, first], timeMs: NOW + 10});
  const three = entryOf(genesis, {
    ...{witness: 1, n: 2n, prev: two.hash},
    ...{carry: [first, above], timeMs: NOW + 20},
  });

  async function told(query: Partial<CellHistoryQuery> = {}, entries = [one, two, three], at = state) {
    const disk = new MemoryDisk();
    const writes = entries.map((entry) => ({
      key: entryKey(entry, false),
      value: entry.bytes,
    }));
    disk.write(writes, true);
    const {ops, sinceMs} = await cellHistory(
      {
        store: new MemoryStore(disk),
        clock: new FakeClock(),
        state: () => at,
        written: async () => undefined,
      },
      {id: bob.account, limit: 10, ...query},
    );
    return {ops: ops.map(({op, atMs}) => [op.id, atMs - NOW]), sinceMs};
  }

  it("leaves out what lost its slot, and what is not certified", async () => {
    expect(await told()).toEqual({
      ops: [
        [first.id, 10],
        [second.id, 0],
      ],
      sinceMs: undefined,
    });
  });

  it("goes on where a witness with a false clock carried what the log of a cell leads through", async () => {
    const elsewhere = ownOp(genesis, alice, state.account(alice.account)!, transfer(alice.account, 1n));
    const later = state.fork();
    apply(later, elsewhere, {height: 1n});
    const hidden = entryOf(genesis, {witness: 0, carry: [elsewhere], timeMs: 1});
    const shown = await told({}, [hidden, entryOf(genesis, {witness: 1, carry: [second, first]})], later);
    expect(shown.ops.map(([id]) => id)).toEqual([second.id, first.id]);
  });

  it("says how far back it looked", async () => {
    const {ops, sinceMs} = await told({bytesMax: 1_500});
    expect(ops.length).toBeLessThan(2);
    expect(sinceMs).toBeGreaterThanOrEqual(NOW);
  });
});
