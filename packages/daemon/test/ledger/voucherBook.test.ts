import {CodedError} from "@catalyze/core/errors/codedError";
import type {Voucher} from "@catalyze/core/ledger/op";
import type {Hash, LockId} from "@catalyze/core/primitives/id";
import {VoucherBook} from "@catalyze/daemon/ledger/voucherBook";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {DiskFaults} from "../../../../test/sim/fakes/diskFaults.ts";
import {MemoryLog, MemoryLogFile} from "../../../../test/sim/fakes/memoryLog.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";

const lockId = (n: number) => n.toString(16).padStart(64, "0") as LockId;
const voucher = (lock: number, cumulative: bigint): Voucher => ({
  lockId: lockId(lock),
  cumulative,
  contextHash: cumulative.toString(16).padStart(64, "0") as Hash,
  signature: new Uint8Array(64).fill(Number(cumulative % 251n)),
});

function disk() {
  const faults = new DiskFaults();
  const storeDisk = new MemoryDisk(faults);
  const file = new MemoryLogFile(faults);
  const open = async () => {
    const book = new VoucherBook({store: new MemoryStore(storeDisk), log: new MemoryLog(file)});
    await book.start();
    return book;
  };
  const crash = () => {
    storeDisk.crash();
    file.crash();
  };
  return {faults, storeDisk, file, open, crash};
}

describe("VoucherBook", () => {
  it("keeps the last of each direction over a restart, from either copy", async () => {
    for (const lost of ["none", "store", "log"] as const) {
      const {open, crash, file, storeDisk} = disk();
      const book = await open();
      await book.recordSent(voucher(1, 5n));
      await book.recordSent(voucher(1, 9n));
      await book.recordReceived(voucher(2, 7n));
      crash();
      if (lost === "log") file.records = [];
      if (lost === "store")
        for (const [key] of storeDisk.range("", {})) storeDisk.write([{key, value: undefined}], true);
      const again = await open();
      expect(again.lastSent(lockId(1))).toEqual(voucher(1, 9n));
      expect(again.lastReceived(lockId(2))).toEqual(voucher(2, 7n));
      expect(again.lastReceived(lockId(1))).toBeUndefined();
      expect([...again.openLocks()].sort()).toEqual([lockId(1), lockId(2)]);
    }
  });

  it("refuses a lower cumulative and takes an equal one", async () => {
    const book = await disk().open();
    await book.recordReceived(voucher(1, 9n));
    await expect(book.recordReceived(voucher(1, 8n))).rejects.toMatchObject({code: "VOUCHER_INVALID"});
    await book.recordReceived(voucher(1, 9n));
    await book.recordSent(voucher(1, 1n));
    expect(book.lastReceived(lockId(1))?.cumulative).toBe(9n);
    expect(book.lastSent(lockId(1))?.cumulative).toBe(1n);
  });

  it("says nothing while the disk is full and goes on after", async () => {
    const {faults, open} = disk();
    const book = await open();
    await book.recordSent(voucher(1, 5n));
    faults.isFull = true;
    await expect(book.recordSent(voucher(1, 6n))).rejects.toMatchObject({code: "STORE_FULL"});
    expect(book.lastSent(lockId(1))?.cumulative).toBe(5n);
    faults.clear();
    await book.recordSent(voucher(1, 6n));
    expect(book.lastSent(lockId(1))?.cumulative).toBe(6n);
  });

  it("never falls, whatever order, crash or failed write", async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("record" as const),
        lock: fc.integer({min: 0, max: 2}),
        to: fc.bigInt({min: 0n, max: 12n}),
      }),
      fc.record({kind: fc.constant("crash" as const)}),
      fc.record({kind: fc.constant("full" as const), on: fc.boolean()}),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, {maxLength: 40}), async (steps) => {
        const {faults, open, crash} = disk();
        let book = await open();
        const acknowledged = new Map<LockId, bigint>();
        for (const next of steps) {
          if (next.kind === "full") faults.isFull = next.on;
          if (next.kind === "crash") {
            faults.isFull = false;
            crash();
            book = await open();
          }
          if (next.kind === "record") {
            try {
              await book.recordSent(voucher(next.lock, next.to));
              expect(next.to).toBeGreaterThanOrEqual(acknowledged.get(lockId(next.lock)) ?? 0n);
              acknowledged.set(lockId(next.lock), next.to);
            } catch (error) {
              expect(error).toBeInstanceOf(CodedError);
            }
          }
          for (const [lock, cumulative] of acknowledged) {
            expect(book.lastSent(lock)?.cumulative).toBeGreaterThanOrEqual(cumulative);
          }
        }
      }),
      {numRuns: 200},
    );
  });

  it("forgets closed locks and keeps its log short", async () => {
    const {open, crash, file} = disk();
    const book = await open();
    await Promise.all(Array.from({length: 6_000}, (_, at) => book.recordSent(voucher(1, BigInt(at)))));
    await book.recordSent(voucher(2, 1n));
    await book.close(lockId(1));
    expect(file.records.length).toBeLessThan(6_002);
    crash();
    const again = await open();
    expect(again.openLocks()).toEqual([lockId(2)]);
  });
});
