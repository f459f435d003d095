import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {emptyAccount} from "@catalyze/core/ledger/cell";
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Op, Payload} from "@catalyze/core/ledger/op";
import {NO_OP} from "@catalyze/core/ledger/opCodec";
import type {AssetId, OpId} from "@catalyze/core/primitives/id";
import {NO_METRICS} from "@catalyze/daemon/ledger/ledgerMetrics";
import {Outbox} from "@catalyze/daemon/ledger/outbox";
import {Wallet} from "@catalyze/daemon/ledger/wallet";
import {describe, expect, it} from "vitest";
import {DiskFaults} from "../../../../test/sim/fakes/diskFaults.ts";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {MemoryLog, MemoryLogFile} from "../../../../test/sim/fakes/memoryLog.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {testSigner} from "./testSigner.ts";
import {transfer} from "./transfer.ts";

const signer = testSigner(1);
const cell = accountIdOf(signer.publicKey);
const to = accountIdOf(testSigner(2).publicKey);

async function rig({funds = 1_000n, units = 0n, earned = undefined as bigint | undefined} = {}) {
  const faults = new DiskFaults();
  const clock = new FakeClock();
  const outbox = new Outbox({
    store: new MemoryStore(new MemoryDisk(faults)),
    log: new MemoryLog(new MemoryLogFile(faults)),
  });
  await outbox.start(() => false);
  const sent: Op[] = [];
  const offered: Op[] = [];
  const state = {
    epoch: 1,
    opFee: 1n,
    head: {seq: 0n, opId: NO_OP},
    refuse: (_: Op): Effect | undefined => undefined,
  };
  const wallet = new Wallet(
    {
      outbox,
      signer,
      clock,
      metrics: NO_METRICS,
      view: {
        epoch: () => state.epoch,
        opFee: () => state.opFee,
        headOf: () => state.head,
        fundsOf: () => funds,
        unitsOf: () => units,
        lock: () => undefined,
        harvestOf: () => earned ?? 0n,
        account: (id) => (earned === undefined ? undefined : emptyAccount(id)),
        height: () => 0n,
      },
      deliver: async (op) => {
        offered.push(op);
        const refusal = state.refuse(op);
        return refusal === undefined ? [] : [refusal];
      },
      send: (op) => sent.push(op),
    },
    {network: 7, genesisHash: new Uint8Array(32), timeoutMs: 10_000},
  );
  const certify = (op: Op) => {
    state.head = {seq: op.body.seq, opId: op.id};
    outbox.settle(op.id);
    wallet.settled([op.id]);
  };
  return {faults, clock, outbox, sent, offered, state, wallet, certify};
}

const isPaid = () => true;
const refusalOf = (op: Op, code: "OP_REJECTED" | "QUEUE_FULL"): Effect => ({
  kind: "rejected",
  code,
  reason: "prev",
  op: op.id,
  from: undefined,
});

describe("Wallet", () => {
  it("chains parallel ops and settles each", async () => {
    const {wallet, clock, sent, certify} = await rig();
    const work = Promise.all([1n, 2n, 3n].map((amount) => wallet.submit(cell, transfer(to, amount))));
    await clock.settle();
    expect(sent.map(({body}) => body.seq)).toEqual([1n, 2n, 3n]);
    expect(sent.map(({body}) => body.prev)).toEqual([NO_OP, sent[0]!.id, sent[1]!.id]);
    for (const op of sent) certify(op);
    expect(await clock.complete(work)).toEqual(sent.map(({id}) => id));
    expect(clock.timersPending).toBe(0);
  });

  it("counts what is on its way against the balance", async () => {
    const {wallet, clock, sent} = await rig({funds: 100n});
    wallet.submit(cell, transfer(to, 60n)).catch(() => undefined);
    await expect(wallet.submit(cell, transfer(to, 39n))).rejects.toMatchObject({code: "FUNDS_INSUFFICIENT"});
    wallet.submit(cell, transfer(to, 38n)).catch(() => undefined);
    await clock.settle();
    expect(sent).toHaveLength(2);
    wallet.stop();
  });

  it("signs one harvest of a seed at a time, and none that brings no more than its fee", async () => {
    const harvest = (digit: string): Payload => ({kind: "harvest", asset: digit.repeat(64) as AssetId});
    const poor = await rig({funds: 0n, earned: 1n});
    await expect(poor.wallet.submit(cell, harvest("5"))).rejects.toMatchObject({
      ...{code: "NOTHING_TO_HARVEST", evidence: {harvestableUctz: 1n, feeUctz: 1n}},
    });
    const unknown = await rig({funds: 5n});
    await expect(unknown.wallet.submit(cell, harvest("5"))).rejects.toMatchObject({
      code: "FUNDS_INSUFFICIENT",
    });
    // What it brings pays for it.
    const {wallet, clock, sent, certify} = await rig({funds: 0n, earned: 2n});
    const work = wallet.submit(cell, harvest("5"));
    await expect(wallet.submit(cell, harvest("5"))).rejects.toMatchObject({code: "NOTHING_TO_HARVEST"});
    await clock.settle();
    expect(sent).toHaveLength(1);
    certify(sent[0]!);
    await clock.complete(work);
    const again = wallet.submit(cell, harvest("5"));
    again.catch(() => undefined);
    await clock.settle();
    expect(sent).toHaveLength(2);
    wallet.stop();
  });

  it("counts units on their way against the holding: what waits for units would hold up all behind it", async () => {
    const {wallet, clock, sent} = await rig({units: 10n});
    const id = "5".repeat(64) as AssetId;
    const give = (amount: bigint, burn = 0n): Payload =>
      ({...transfer(to, amount), asset: {id, burn}}) as Payload;
    const sale = (amount: bigint, expiryH = 9n): Payload => ({
      ...{kind: "open", locks: []},
      sales: [
        {
          ...{gives: {asset: id, amount}, wants: {asset: undefined, amount: 1n}, only: undefined},
          ...{expiryH, refundTo: cell},
        },
      ],
    });
    wallet.submit(cell, give(3n, 2n)).catch(() => undefined);
    const short = {code: "UNITS_INSUFFICIENT", evidence: {assetId: id, needed: 6n, available: 5n}};
    await expect(wallet.submit(cell, give(6n))).rejects.toMatchObject(short);
    await expect(wallet.submit(cell, sale(6n))).rejects.toMatchObject(short);
    await expect(wallet.submit(cell, sale(5n, 0n))).rejects.toMatchObject({code: "OP_REJECTED"});
    wallet.submit(cell, sale(5n)).catch(() => undefined);
    await expect(wallet.submit(cell, give(0n, 1n))).rejects.toMatchObject({code: "UNITS_INSUFFICIENT"});
    await clock.settle();
    expect(sent).toHaveLength(2);
    wallet.stop();
  });

  it("takes back what the own replica refuses, with all that rests on it, and uses the slots again", async () => {
    const {wallet, clock, sent, offered, state} = await rig();
    state.refuse = (op) => (op.body.seq === 2n ? refusalOf(op, "OP_REJECTED") : undefined);
    const work = Promise.allSettled([1n, 2n, 3n].map((amount) => wallet.submit(cell, transfer(to, amount))));
    await clock.settle();
    expect(sent.map(({body}) => body.seq)).toEqual([1n]);
    expect(offered).toHaveLength(2);
    state.refuse = () => undefined;
    wallet.submit(cell, transfer(to, 9n)).catch(() => undefined);
    await clock.settle();
    expect(sent.map(({body}) => body.seq)).toEqual([1n, 2n]);
    expect(sent[1]!.body.prev).toBe(sent[0]!.id);
    await clock.advance(10_000);
    const [first, ...others] = await work;
    expect(first).toMatchObject({status: "rejected", reason: {code: "OP_TIMEOUT"}});
    for (const other of others)
      expect(other).toMatchObject({status: "rejected", reason: {code: "OP_REJECTED"}});
  });

  it("drops what another op at its slot has made worthless, with all above it, and goes on from there", async () => {
    const {wallet, clock, sent, outbox, state} = await rig();
    const work = Promise.allSettled([1n, 2n, 3n].map((amount) => wallet.submit(cell, transfer(to, amount))));
    await clock.settle();
    // As long as the agreed log ends below them they may still count.
    await wallet.dropDead(() => ({seq: 0n, opId: NO_OP}), isPaid);
    expect(outbox.pending()).toHaveLength(3);
    const rival = {seq: 1n, opId: "f".repeat(64) as OpId};
    await wallet.dropDead(() => rival, isPaid);
    for (const each of await work)
      expect(each).toMatchObject({reason: {code: "OP_REJECTED", evidence: {rule: "slotTaken"}}});
    expect(outbox.pending()).toEqual([]);
    state.head = rival;
    wallet.submit(cell, transfer(to, 9n)).catch(() => undefined);
    await clock.settle();
    expect(sent.at(-1)?.body).toMatchObject({seq: 2n, prev: rival.opId});
    wallet.stop();
  });

  it("drops what pays too little since a vote has raised the fee, and uses its slot again", async () => {
    const {wallet, clock, sent, outbox, state} = await rig();
    const work = Promise.allSettled([1n, 2n].map((amount) => wallet.submit(cell, transfer(to, amount))));
    await clock.settle();
    state.opFee = 2n;
    const isPaidNow = ({body}: Op) => body.fee >= state.opFee;
    await wallet.dropDead(() => ({seq: 0n, opId: NO_OP}), isPaidNow);
    for (const each of await work)
      expect(each).toMatchObject({reason: {code: "OP_REJECTED", evidence: {rule: "fee"}}});
    expect(outbox.pending()).toEqual([]);
    wallet.submit(cell, transfer(to, 9n)).catch(() => undefined);
    await clock.settle();
    expect(sent.at(-1)?.body).toMatchObject({seq: 1n, fee: 2n});
    await wallet.dropDead(() => ({seq: 0n, opId: NO_OP}), isPaidNow);
    expect(outbox.pending()).toHaveLength(1);
    wallet.stop();
  });

  it("drops what rests on a parent that is not the agreed one, and keeps what may still apply", async () => {
    const {wallet, clock, sent, outbox, certify} = await rig();
    wallet.submit(cell, transfer(to, 1n)).catch(() => undefined);
    await clock.settle();
    certify(sent[0]!);
    wallet.submit(cell, transfer(to, 2n)).catch(() => undefined);
    await clock.settle();
    await wallet.dropDead(() => ({seq: 1n, opId: sent[0]!.id}), isPaid);
    expect(outbox.pending()).toHaveLength(1);
    await wallet.dropDead(() => ({seq: 1n, opId: "f".repeat(64) as OpId}), isPaid);
    expect(outbox.pending()).toEqual([]);
    wallet.stop();
  });

  it("sends on what the own replica cannot take now, and keeps it after a timeout", async () => {
    const {wallet, clock, sent, outbox, state} = await rig();
    state.refuse = (op) => refusalOf(op, "QUEUE_FULL");
    const work = wallet.submit(cell, transfer(to, 1n));
    await expect(clock.complete(work)).rejects.toMatchObject({code: "OP_TIMEOUT"});
    expect(sent).toHaveLength(1);
    expect(outbox.pending()).toHaveLength(1);
  });

  it("sends nothing that is not on disk and frees its slot", async () => {
    const {wallet, clock, sent, faults, certify} = await rig();
    faults.isFull = true;
    await expect(clock.complete(wallet.submit(cell, transfer(to, 1n)))).rejects.toMatchObject({
      code: "STORE_FULL",
    });
    expect(sent).toEqual([]);
    faults.clear();
    const work = wallet.submit(cell, transfer(to, 2n));
    await clock.settle();
    expect(sent.map(({body}) => body.seq)).toEqual([1n]);
    certify(sent[0]!);
    await clock.complete(work);
  });

  it("never signs another op for a slot that was sent", async () => {
    const {wallet, clock, sent, outbox} = await rig();
    await expect(clock.complete(wallet.submit(cell, transfer(to, 1n)))).rejects.toMatchObject({
      code: "OP_TIMEOUT",
    });
    wallet.refused(sent[0]!.id, "OP_REJECTED");
    wallet.submit(cell, transfer(to, 2n)).catch(() => undefined);
    await clock.settle();
    expect(sent.map(({body}) => body.seq)).toEqual([1n, 2n]);
    expect(outbox.pending()).toHaveLength(2);
    wallet.stop();
  });

  it("keeps a bounded number of ops of a cell on their way, in order", async () => {
    const {wallet, clock, sent, certify} = await rig({funds: 1_000_000n});
    const work = Promise.all(Array.from({length: 100}, () => wallet.submit(cell, transfer(to, 1n))));
    await clock.settle();
    expect(sent).toHaveLength(64);
    for (let at = 0; at < 100; at++) {
      certify(sent[at]!);
      await clock.settle();
    }
    expect(new Set<OpId>(await clock.complete(work)).size).toBe(100);
    expect(sent.map(({body}) => body.seq)).toEqual(Array.from({length: 100}, (_, at) => BigInt(at + 1)));
  });
});
