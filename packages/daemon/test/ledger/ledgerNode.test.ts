import {checkCell} from "@catalyze/core/ledger/balanceProof";
import {balanceOf} from "@catalyze/core/ledger/cell";
import type {LockSpec} from "@catalyze/core/ledger/op";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import {signVoucher} from "@catalyze/core/ledger/voucher";
import {concat, fromHex} from "@catalyze/core/primitives/bytes";
import type {Hash, OpId, PeerId} from "@catalyze/core/primitives/id";
import {encodeLedgerFrame} from "@catalyze/daemon/ledger/ledgerFrame";
import {describe, expect, it} from "vitest";
import {accountSigner, CTZ, LedgerRig} from "./ledgerRig.ts";
import {testVerifier} from "./testSigner.ts";
import {transfer} from "./transfer.ts";

const FEE = 100n;

function expectEqualBooks(rig: LedgerRig): void {
  const roots = new Map<string, string>();
  for (const {node} of rig.homes) {
    if (node === undefined) continue;
    const {height, stateRoot} = node.checkpoint();
    const known = roots.get(String(height));
    if (known !== undefined) expect(stateRoot).toBe(known);
    roots.set(String(height), stateRoot);
  }
}

describe("LedgerNode, one witness", () => {
  it("certifies, checkpoints and survives a restart", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 0});
    const to = rig.account(7);
    const receipt = await rig.clock.complete(rig.node(0).submit(rig.account(0), transfer(to, 5n * CTZ)));
    expect(receipt.grade).toBe("certified");
    expect(rig.node(0).accountView(to)?.balance).toBe(5n * CTZ);
    expect(rig.balance(0, 0)).toBe(995n * CTZ - FEE);
    expect(await rig.node(0).grade(receipt.opId)).toBe("certified");
    await rig.clock.advance(3_000);
    expect(await rig.node(0).grade(receipt.opId)).toBe("checkpointed");
    expect(rig.node(0).accountView(to)?.balanceCheckpointed).toBe(5n * CTZ);
    const {height} = rig.node(0).head();
    expect(height).toBeGreaterThan(0n);
    await rig.node(0).noteAnchored(1, height);
    expect(await rig.node(0).grade(receipt.opId)).toBe("anchored");

    rig.crash(0);
    await rig.start(0);
    expect(rig.node(0).accountView(to)?.balance).toBe(5n * CTZ);
    expect(await rig.node(0).grade(receipt.opId)).toBe("anchored");
    const report = await rig.node(0).verify();
    expect(report.checks.filter(({ok}) => !ok)).toEqual([]);
    expect(report.ok).toBe(true);
    const [entry] = await rig.node(0).historyOf(rig.account(0), {limit: 10});
    expect(entry).toMatchObject({
      opId: receipt.opId,
      kind: "transfer",
      delta: -5n * CTZ - FEE,
      fee: FEE,
      counterparty: to,
    });
    await rig.stop();
  });

  it("knows what an exit would return: the account as it stood when the anchored epoch ended", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 0, params: {checkpointsPerEpoch: 3}});
    const [self, to] = [rig.account(0), rig.account(7)];
    const ended: {epoch: number; height: bigint}[] = [];
    rig.node(0).onEpochEnd((_bytes, {epoch, height}) => void ended.push({epoch, height}));
    expect(await rig.node(0).anchoredSum()).toBeUndefined();
    await rig.clock.complete(rig.node(0).submit(self, transfer(to, 5n * CTZ)));
    await rig.clock.runUntil(() => ended.length === 1, 60_000);
    await rig.clock.complete(rig.node(0).submit(self, transfer(to, 10n * CTZ)));
    await rig.clock.runUntil(() => ended.length === 2, 60_000);
    const anchored = async (at: number) => {
      await rig.node(0).noteAnchored(ended[at]?.epoch ?? 0, ended[at]?.height ?? 0n);
      return await rig.node(0).anchoredSum();
    };
    expect(await anchored(0)).toBe(995n * CTZ - FEE);
    rig.crash(0);
    await rig.start(0);
    expect(await rig.node(0).anchoredSum()).toBe(995n * CTZ - FEE);
    expect(await anchored(1)).toBe(985n * CTZ - 2n * FEE);
    await rig.stop();
  });

  it("pipelines parallel ops of one cell and refuses what is not covered", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 0});
    const self = rig.account(0);
    const to = rig.account(7);
    const receipts = await rig.clock.complete(
      Promise.all(Array.from({length: 100}, () => rig.node(0).submit(self, transfer(to, CTZ)))),
    );
    expect(new Set(receipts.map(({opId}) => opId)).size).toBe(100);
    expect(rig.node(0).accountView(self)?.seq).toBe(100n);
    expect(rig.node(0).accountView(to)?.balance).toBe(100n * CTZ);
    await expect(
      rig.clock.complete(rig.node(0).submit(self, transfer(to, 900n * CTZ))),
    ).rejects.toMatchObject({
      code: "FUNDS_INSUFFICIENT",
    });
    const race = await rig.clock.complete(
      Promise.allSettled([0, 1, 2].map(() => rig.node(0).submit(self, transfer(to, 400n * CTZ)))),
    );
    expect(race.map(({status}) => status).sort()).toEqual(["fulfilled", "fulfilled", "rejected"]);
    await expect(rig.clock.complete(rig.node(0).submit(self, transfer(to, 0n)))).rejects.toMatchObject({
      code: "OP_REJECTED",
    });
    await rig.clock.complete(rig.node(0).submit(self, transfer(to, 1n)));
    await rig.stop();
  });

  it("opens a lock, claims it with a voucher and splits it, all in the history", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 0});
    const self = rig.account(0);
    const creator = rig.account(8);
    const spec: LockSpec = {
      controller: self,
      controllerKey: accountSigner(0).publicKey,
      amount: 10n * CTZ,
      tag: "0".repeat(64) as Hash,
      authority: {kind: "payer", key: accountSigner(0).publicKey},
      split: [
        {target: {kind: "cell", cell: self}, bps: 9_000},
        {target: {kind: "cell", cell: creator}, bps: 500},
        {target: {kind: "burn"}, bps: 500},
      ],
      expiryH: 1_000n,
      refundTo: self,
    };
    const node = rig.node(0);
    const {opId} = await rig.clock.complete(node.submit(self, {kind: "open", locks: [spec]}));
    const [lockId] = node.lockIdsOf(opId, 1);
    expect(node.lockView(lockId!)).toMatchObject({drawn: 0n, isOpen: true, payer: self});
    const voucher = signVoucher(
      {lockId: lockId!, cumulative: 4n * CTZ, contextHash: "0".repeat(64) as Hash},
      accountSigner(0),
      fromHex(node.genesisHash),
    );
    const tooMuch = node.submit(lockId!, {kind: "claim", cumulative: 5n * CTZ, voucher, isFinal: false});
    await expect(rig.clock.complete(tooMuch)).rejects.toMatchObject({code: "OP_REJECTED"});
    await rig.clock.complete(
      node.submit(lockId!, {kind: "claim", cumulative: 4n * CTZ, voucher, isFinal: false}),
    );
    expect(node.accountView(creator)?.balance).toBe(200_000n);
    await rig.clock.complete(
      node.submit(lockId!, {kind: "claim", cumulative: 0n, voucher: undefined, isFinal: true}),
    );
    expect(node.lockView(lockId!)?.isOpen).toBe(false);
    expect(rig.balance(0, 0)).toBe(1_000n * CTZ - 400_000n - 2n * FEE);
    const entries = await node.historyOf(self, {limit: 10});
    expect(entries.map(({kind, delta}) => [kind, delta])).toEqual([
      ["claim", 6n * CTZ],
      ["claim", 3_600_000n - FEE],
      ["open", -10n * CTZ - FEE],
    ]);
    await rig.clock.advance(2_000);
    expect((await node.verify()).ok).toBe(true);
    const name = {kind: "account", id: self} as const;
    const proven = checkCell(name, await node.proofOf(name), {genesis: rig.genesis, verifier: testVerifier});
    expect(proven.checkpoint).toEqual(node.checkpoint());
    expect(proven.cell && balanceOf(proven.cell)).toBe(rig.balance(0, 0));
    await rig.stop();
  });

  it("opens a bounty and judges it, and whom it pays sees it in its history", async () => {
    const rig = await LedgerRig.started({witnesses: 2, followers: 0});
    const [self, winner] = [rig.account(0), rig.account(1)];
    const [node, other] = [rig.node(0), rig.node(1)];
    const spec: LockSpec = {
      ...{controller: self, controllerKey: accountSigner(0).publicKey, amount: 10n * CTZ},
      ...{tag: "0".repeat(64) as Hash, expiryH: 1_000n, refundTo: self, split: []},
      authority: {kind: "controller", payees: undefined, threshold: 1, beside: []},
    };
    const {opId} = await rig.clock.complete(node.submit(self, {kind: "open", locks: [spec]}));
    const [lockId] = node.lockIdsOf(opId, 1);
    const paying = (amount: bigint) => [{to: {kind: "cell", cell: winner} as const, amount}];
    // Where the lock stands after it, fee and all, is filled in; those on their way count, too.
    const claim = {kind: "claim", cumulative: 0n, voucher: undefined, isFinal: false} as const;
    await rig.clock.complete(
      Promise.all([1n, 2n].map((amount) => node.submit(lockId!, {...claim, payouts: paying(amount * CTZ)}))),
    );
    expect(node.lockView(lockId!)).toMatchObject({drawn: 3n * CTZ + 2n * FEE, isOpen: true});
    for (const [payouts, code] of [
      [paying(7n * CTZ), "LOCK_EXHAUSTED"],
      [paying(FEE - 1n), "AMOUNT_INVALID"],
    ] as const)
      await expect(rig.clock.complete(node.submit(lockId!, {...claim, payouts}))).rejects.toMatchObject({
        code,
      });
    await rig.clock.complete(node.submit(lockId!, {...claim, isFinal: true}));
    expect(node.lockView(lockId!)?.isOpen).toBe(false);
    expect(rig.balance(0, 0)).toBe(997n * CTZ - 3n * FEE);
    const mine = await node.historyOf(self, {limit: 10});
    expect(mine.map(({kind, delta, fee}) => [kind, delta, fee])).toEqual([
      ["claim", 7n * CTZ - 2n * FEE, 0n],
      ["open", -10n * CTZ - FEE, FEE],
    ]);
    await rig.until(() => other.accountView(winner)?.balance === 1_003n * CTZ, 20_000);
    const won = await other.historyOf(winner, {limit: 10});
    expect(won.map(({kind, delta, counterparty, lockId: from}) => [kind, delta, counterparty, from])).toEqual(
      [
        ["claim", 2n * CTZ, self, lockId],
        ["claim", CTZ, self, lockId],
      ],
    );
    await rig.clock.advance(2_000);
    expect((await node.verify()).ok).toBe(true);
    await rig.stop();
  });

  it("serves reads on a full disk, acknowledges nothing, and recovers by itself", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 0});
    const self = rig.account(0);
    const to = rig.account(7);
    await rig.clock.complete(rig.node(0).submit(self, transfer(to, CTZ)));
    const {faults} = rig.home(0);
    for (let writesThatFit = 0; writesThatFit < 5; writesThatFit++) {
      faults.fillAfter(writesThatFit);
      const before = rig.node(0).accountView(to)?.balance ?? 0n;
      const attempt = await Promise.race([
        rig.clock.complete(rig.node(0).submit(self, transfer(to, CTZ)), 20_000).then(
          () => "done",
          (error: {code?: string}) => error.code,
        ),
      ]);
      await rig.clock.advance(2_000);
      expect(["done", "STORE_FULL", "OP_TIMEOUT"]).toContain(attempt);
      expect(rig.node(0).accountView(to)?.balance).toBeGreaterThanOrEqual(before);
      expect(rig.node(0).status().height).toBeGreaterThanOrEqual(0n);
      faults.clear();
      await rig.until(() => rig.node(0).status().failure === undefined, 20_000);
      await rig.clock.complete(rig.node(0).submit(self, transfer(to, CTZ)));
    }
    await rig.clock.advance(2_000);
    const balance = rig.node(0).accountView(to)?.balance;
    rig.crash(0);
    await rig.start(0);
    await rig.clock.advance(2_000);
    expect(rig.node(0).accountView(to)?.balance).toBe(balance);
    expect((await rig.node(0).verify()).ok).toBe(true);
    await rig.stop();
  });

  it("loses nothing acknowledged and never signs a slot twice, wherever it dies", async () => {
    for (let afterWrites = 0; afterWrites < 24; afterWrites++) {
      for (const isWritten of [false, true]) {
        const rig = await LedgerRig.started({witnesses: 1, followers: 0, seed: afterWrites});
        const self = rig.account(0);
        const to = rig.account(7);
        const seen = new Map<string, string>();
        const acknowledged: OpId[] = [];
        const watch = () => {
          for (const record of rig.home(0).outbox.records) {
            if (record[0] !== 1) continue;
            const op = decodeOp(record.subarray(1));
            const slot = `${op.body.cell}/${op.body.seq}`;
            expect(seen.get(slot) ?? op.id).toBe(op.id);
            seen.set(slot, op.id);
          }
        };
        let isDead = false;
        rig.home(0).faults.crashAt({
          afterWrites,
          isWritten,
          onCrash: () => {
            isDead = true;
          },
        });
        const work = async () => {
          for (let at = 0; at < 6; at++) {
            const {opId} = await rig.node(0).submit(self, transfer(to, CTZ));
            acknowledged.push(opId);
            await rig.clock.sleep(400);
          }
        };
        work().catch(() => undefined);
        await rig.clock.runUntil(() => isDead, 10_000);
        watch();
        rig.crash(0);
        await rig.start(0);
        await rig.clock.advance(3_000);
        for (const opId of acknowledged) {
          expect(["certified", "checkpointed"]).toContain(await rig.node(0).grade(opId));
        }
        await rig.clock.complete(rig.node(0).submit(self, transfer(to, CTZ)));
        watch();
        await rig.clock.advance(1_500);
        const view = rig.node(0).accountView(self);
        expect(rig.node(0).accountView(to)?.balance).toBe((view?.seq ?? 0n) * CTZ);
        expect((await rig.node(0).verify()).ok).toBe(true);
        expect(rig.node(0).status().isStopped).toBe(false);
        await rig.stop();
      }
    }
  });
});

describe("LedgerNode, four witnesses and a follower", () => {
  it("brings everyone to the same books", async () => {
    const rig = await LedgerRig.started({witnesses: 4, followers: 1});
    const paid = await rig.clock.complete(
      Promise.all(
        rig.homes.map(({index, node}) =>
          node!.submit(rig.account(index), transfer(rig.account((index + 1) % 5), 3n * CTZ)),
        ),
      ),
      60_000,
    );
    await rig.clock.advance(5_000);
    for (const {node} of rig.homes) {
      for (const {opId} of paid) expect(["certified", "checkpointed"]).toContain(await node!.grade(opId));
      for (const {index} of rig.homes) {
        expect(node!.accountView(rig.account(index))?.balance).toBe(1_000n * CTZ - FEE);
      }
      expect((await node!.verify()).ok).toBe(true);
    }
    expectEqualBooks(rig);
    expect(rig.node(4).head().height).toBeGreaterThan(2n);
    await rig.stop();
    // What was on its way arrives; nobody sets another timer.
    await rig.clock.advance(100);
    expect(rig.clock.timersPending).toBe(0);
  });

  it("goes on with one witness down, which catches up when it is back", async () => {
    const rig = await LedgerRig.started({witnesses: 4, followers: 1, seed: 5});
    rig.crash(2);
    for (let at = 0; at < 3; at++) {
      await rig.clock.complete(rig.node(4).submit(rig.account(4), transfer(rig.account(0), CTZ)), 30_000);
      await rig.clock.advance(2_000);
    }
    const height = rig.node(0).head().height;
    expect(height).toBeGreaterThan(2n);
    await rig.start(2);
    await rig.until(() => rig.node(2).head().height >= height, 60_000);
    expect(rig.balance(2, 4)).toBe(997n * CTZ - 3n * FEE);
    await rig.clock.complete(rig.node(2).submit(rig.account(2), transfer(rig.account(0), CTZ)), 30_000);
    await rig.clock.advance(3_000);
    expectEqualBooks(rig);
    await rig.stop();
  });

  it("takes a witness back wherever it died, without a second signature under one number", async () => {
    for (let afterWrites = 0; afterWrites < 12; afterWrites++) {
      const isWritten = afterWrites % 2 === 0;
      const rig = await LedgerRig.started({witnesses: 4, followers: 0, seed: 40 + afterWrites});
      let isDead = false;
      const onCrash = () => {
        isDead = true;
      };
      rig.home(1).faults.crashAt({afterWrites, isWritten, onCrash});
      const pay = async () => {
        await rig.clock.complete(rig.node(0).submit(rig.account(0), transfer(rig.account(1), CTZ)), 60_000);
      };
      for (let round = 0; round < 3 || (!isDead && round < 10); round++) await pay();
      expect(isDead).toBe(true);
      rig.crash(1);
      await pay();
      await rig.start(1);
      await pay();
      const {height} = rig.node(0).head();
      await rig.until(() => rig.node(1).head().height > height + 2n, 60_000);
      const {seq} = rig.node(0).accountView(rig.account(0))!;
      await rig.until(() => rig.balance(1, 1) === 1_000n * CTZ + seq * CTZ, 60_000);
      // It votes again: the others alone could not reach a quorum without it.
      rig.crash(2);
      await pay();
      for (const {node} of rig.homes) if (node !== undefined) expect(node.status().isStopped).toBe(false);
      expectEqualBooks(rig);
      await rig.stop();
    }
  });

  it("goes on while one witness has a full disk, which says nothing and comes back", async () => {
    const rig = await LedgerRig.started({witnesses: 4, followers: 0, seed: 6});
    rig.home(3).faults.isFull = true;
    const pay = (from: number) =>
      rig.clock.complete(rig.node(from).submit(rig.account(from), transfer(rig.account(9), CTZ)), 60_000);
    await pay(0);
    await rig.clock.advance(3_000);
    expect(rig.node(3).status().failure?.code).toBe("STORE_FULL");
    await expect(pay(3)).rejects.toMatchObject({code: "STORE_FULL"});
    await pay(1);
    rig.home(3).faults.clear();
    await rig.until(() => rig.node(3).status().failure === undefined, 20_000);
    await pay(3);
    await rig.clock.advance(3_000);
    expect(rig.node(3).accountView(rig.account(9))?.balance).toBe(3n * CTZ);
    expectEqualBooks(rig);
    await rig.stop();
  });

  it("sends the same bytes again until somebody certifies them", async () => {
    const rig = await LedgerRig.started({witnesses: 4, followers: 1, seed: 9});
    rig.network.partition([[rig.home(4).peer]]);
    await rig.clock.advance(500);
    const attempt = rig.node(4).submit(rig.account(4), transfer(rig.account(0), CTZ));
    await expect(rig.clock.complete(attempt, 60_000)).rejects.toMatchObject({code: "OP_TIMEOUT"});
    expect(rig.node(4).status().opsPending).toBe(1);
    rig.crash(4);
    await rig.start(4);
    rig.network.heal();
    await rig.until(() => rig.balance(0, 4) === 999n * CTZ - FEE, 60_000);
    await rig.until(() => rig.node(4).status().opsPending === 0, 60_000);
    expect(rig.node(4).accountView(rig.account(4))?.seq).toBe(1n);
    await rig.stop();
  });

  it("agrees under drops, duplicates, broken streams and crashes", async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const rig = await LedgerRig.started({
        witnesses: 4,
        followers: 1,
        seed,
        faults: {drop: 0.1, duplicate: 0.1, streamBreak: 0.01, latencyMaxMs: 40},
      });
      let paid = 0n;
      for (let round = 0; round < 6; round++) {
        const down = round % 2 === 1 ? 1 + (round % 3) : undefined;
        if (down !== undefined) rig.crash(down);
        const attempt = rig.node(0).submit(rig.account(0), transfer(rig.account(4), CTZ));
        await rig.clock.complete(
          attempt.then(
            () => undefined,
            () => undefined,
          ),
          60_000,
        );
        paid += CTZ;
        if (down !== undefined) await rig.start(down);
        await rig.clock.advance(1_000);
      }
      await rig.until(
        () => rig.homes.every(({node}) => node?.accountView(rig.account(4))?.balance === 1_000n * CTZ + paid),
        120_000,
      );
      await rig.clock.advance(3_000);
      expectEqualBooks(rig);
      for (const {node} of rig.homes) expect((await node!.verify()).ok).toBe(true);
      await rig.stop();
    }
  });

  it("brings a node that joins late to the same books, from memory and from the store", async () => {
    const rig = new LedgerRig({witnesses: 1, followers: 1, seed: 3});
    await rig.start(0);
    for (let round = 0; round < 36; round++) {
      await rig.clock.complete(rig.node(0).submit(rig.account(0), transfer(rig.account(1), CTZ)));
      await rig.clock.advance(15_000);
    }
    const {height} = rig.node(0).head();
    expect(height).toBeGreaterThan(512n);
    await rig.start(1);
    await rig.until(() => rig.node(1).head().height >= height, 60_000);
    expect(rig.balance(1, 1)).toBe(1_036n * CTZ);
    await rig.clock.complete(rig.node(1).submit(rig.account(1), transfer(rig.account(0), CTZ)), 20_000);
    const report = await rig.node(1).verify();
    expect(report.checks.filter(({ok}) => !ok)).toEqual([]);
    await rig.stop();
  });

  it("charges garbage to its sender and goes on", async () => {
    const rig = await LedgerRig.started({witnesses: 4, followers: 1, seed: 11});
    const target = rig.home(0);
    // Every kind of garbage from an identity of its own: a few of them would ban one sender.
    const send = async (peer: PeerId, frame: Uint8Array) => {
      const net = rig.network.join(peer);
      await rig.clock.sleep(100);
      const stream = await net.openStream(target.peer, "ledger");
      await stream.sendUnchecked(frame);
      await rig.clock.sleep(200);
      stream.abort();
      rig.network.crash(peer);
    };
    const random = rig.random.fork("garbage");
    const garbage = [
      new Uint8Array(),
      random.bytes(500),
      encodeLedgerFrame({case: "entry", value: random.bytes(300)}),
      encodeLedgerFrame({case: "consensus", value: random.bytes(300)}),
      encodeLedgerFrame({case: "checkpoint", value: random.bytes(300)}),
      encodeLedgerFrame({case: "opSubmitReply", value: {acks: []}}),
      encodeLedgerFrame({case: "anchorSignature", value: random.bytes(65)}),
      encodeLedgerFrame({case: "cellRequest", value: {cell: random.bytes(5)}}),
      encodeLedgerFrame({case: "syncRequest", value: {heads: [{witness: 1, n: 1n, hash: random.bytes(3)}]}}),
      encodeLedgerFrame({case: "genesisRequest", value: {}}),
      new Uint8Array(5 * 1024 * 1024),
    ];
    for (const [index, frame] of garbage.entries()) {
      const peer = `hostile${index}` as PeerId;
      await rig.clock.complete(
        send(peer, frame).catch(() => undefined),
        10_000,
      );
      const charged = target.net!.penalties.filter((penalty) => penalty.peer === peer);
      expect(charged.length, `garbage ${index}`).toBeGreaterThan(0);
    }
    // Members hear each other by streams: who follows listens to the topic.
    const follower = rig.home(4).net!;
    const gossiper = rig.network.join("gossiper" as PeerId);
    await rig.clock.advance(500);
    const before = follower.verdicts.reject;
    const verdicts = {...target.net!.verdicts};
    await gossiper.publish("entries", random.bytes(200));
    await gossiper.publish("entries", encodeLedgerFrame({case: "entry", value: random.bytes(90)}));
    await rig.clock.advance(500);
    expect(follower.verdicts.reject).toBe(before + 2);
    expect(target.net!.verdicts).toEqual(verdicts);
    const wrapper = rig.network.join("wrapper" as PeerId);
    const heard: Uint8Array[] = [];
    wrapper.subscribe("entries", ({data}) => {
      heard.push(data);
      return "accept";
    });
    await rig.until(() => heard.length > 0);
    // A field that nobody knows: the same entry under another name.
    await wrapper.publish("entries", concat(heard[0]!, Uint8Array.of(0xf8, 0x07, 0x01)));
    await rig.clock.advance(500);
    for (const name of ["gossiper", "wrapper"])
      expect(follower.penalties.map(({peer}) => peer)).toContain(name);
    await rig.clock.complete(rig.node(0).submit(rig.account(0), transfer(rig.account(1), CTZ)), 20_000);
    await rig.stop();
  });
});
