import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {Op, OpBody} from "@catalyze/core/ledger/op";
import {NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import type {Hash, OpId} from "@catalyze/core/primitives/id";
import {Outbox} from "@catalyze/daemon/ledger/outbox";
import {describe, expect, it} from "vitest";
import {DiskFaults} from "../../../../test/sim/fakes/diskFaults.ts";
import {MemoryLog, MemoryLogFile} from "../../../../test/sim/fakes/memoryLog.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {testSigner} from "./testSigner.ts";

const signer = testSigner(1);
const cell = accountIdOf(signer.publicKey);
const genesisHash = new Uint8Array(32).fill(7);

function op(seq: bigint, prev: OpId, amount: bigint): Op {
  const body: OpBody = {
    version: 1,
    network: 0x07070707,
    cell,
    seq,
    prev,
    validFromEpoch: 0,
    validUntilEpoch: 9,
    fee: 100n,
    deps: [],
    payload: {kind: "transfer", outputs: [{to: cell, amount}], memo: "0".repeat(64) as Hash},
  };
  return signOp(body, signer, genesisHash);
}

function disk() {
  const faults = new DiskFaults();
  const storeDisk = new MemoryDisk(faults);
  const file = new MemoryLogFile(faults);
  const open = async (settled: readonly OpId[] = []) => {
    const outbox = new Outbox({store: new MemoryStore(storeDisk), log: new MemoryLog(file)});
    await outbox.start(({id}) => settled.includes(id));
    return outbox;
  };
  const crash = () => {
    storeDisk.crash();
    file.crash();
  };
  return {faults, storeDisk, file, open, crash};
}

describe("Outbox", () => {
  it("remembers what it signed from either copy", async () => {
    for (const lost of ["none", "store", "log"] as const) {
      const {open, crash, file, storeDisk} = disk();
      const outbox = await open();
      const first = op(1n, NO_OP, 5n);
      const second = op(2n, first.id, 6n);
      await outbox.add(first);
      await outbox.add(second);
      crash();
      if (lost === "log") file.records = [];
      if (lost === "store")
        for (const [key] of storeDisk.range("", {})) storeDisk.write([{key, value: undefined}], true);
      const again = await open();
      expect(again.pending().map(({id}) => id)).toEqual([first.id, second.id]);
      expect(again.lastOf(cell)?.bytes).toEqual(second.bytes);
    }
  });

  it("knows the last slot of a cell when everything is certified, also after a compaction", async () => {
    const {open, crash, file} = disk();
    const outbox = await open();
    const first = op(1n, NO_OP, 5n);
    const second = op(2n, first.id, 6n);
    await outbox.add(first);
    await outbox.add(second);
    expect(outbox.settle(first.id)).toHaveLength(1);
    expect(outbox.settle(second.id)).toHaveLength(1);
    expect(outbox.settle(second.id)).toEqual([]);
    expect(outbox.pending()).toEqual([]);
    for (let round = 0; round < 3; round++) {
      crash();
      const again = await open([first.id, second.id]);
      expect(again.lastOf(cell)?.id).toBe(second.id);
      expect(again.pending()).toEqual([]);
    }
    expect(file.records.length).toBeLessThanOrEqual(2);
  });

  it("gives a slot free when the write failed, and never sends what it gave up", async () => {
    for (const writesThatFit of [0, 1]) {
      const {open, crash, faults} = disk();
      const outbox = await open();
      const failed = op(1n, NO_OP, 5n);
      const follower = op(2n, failed.id, 6n);
      faults.fillAfter(writesThatFit);
      const results = await Promise.allSettled([outbox.add(failed), outbox.add(follower)]);
      expect(results.map(({status}) => status)).toEqual(["rejected", "rejected"]);
      expect(outbox.lastOf(cell)).toBeUndefined();
      expect(outbox.pending()).toEqual([]);
      faults.clear();
      const other = op(1n, NO_OP, 7n);
      await outbox.add(other);
      crash();
      const again = await open();
      expect(again.pending().map(({id}) => id)).toEqual([other.id]);
    }
  });

  it("takes back an op with all that rests on it", async () => {
    const {open, crash} = disk();
    const outbox = await open();
    const ops = [op(1n, NO_OP, 1n)];
    for (let seq = 2n; seq <= 4n; seq++) ops.push(op(seq, ops.at(-1)!.id, seq));
    for (const each of ops) await outbox.add(each);
    outbox.settle(ops[0]!.id);
    expect(await outbox.void(ops[2]!.id)).toEqual([ops[2]!.id, ops[3]!.id]);
    expect(outbox.lastOf(cell)?.id).toBe(ops[1]!.id);
    const instead = op(3n, ops[1]!.id, 9n);
    await outbox.add(instead);
    crash();
    const again = await open([ops[0]!.id]);
    expect(again.pending().map(({id}) => id)).toEqual([ops[1]!.id, instead.id]);
  });
});
