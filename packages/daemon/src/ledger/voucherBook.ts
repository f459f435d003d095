/**
 * The last voucher sent and received on each lock. A voucher is money before it is on the ledger, so each
 * one is on disk, in a checksummed log and in the store, before it is used: sent to the payee, or
 * answered with more work. Cumulative amounts never fall, which makes replay and reordering harmless.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Voucher} from "@catalyze/core/ledger/op";
import {decodeVoucher, writeVoucher} from "@catalyze/core/ledger/voucher";
import type {AppendLog, Store, Write} from "@catalyze/core/ports/store";
import {ByteWriter} from "@catalyze/core/primitives/binary";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {LockId} from "@catalyze/core/primitives/id";
import {GroupCommit} from "./groupCommit.ts";

export type VoucherBookComponents = {readonly store: Store; readonly log: AppendLog};

type Direction = "sent" | "received";
type VoucherRecord =
  | {readonly kind: Direction; readonly voucher: Voucher}
  /** The lock is closed: nothing can be paid on it any more. */
  | {readonly kind: "closed"; readonly lockId: LockId};

const TAG = {sent: 0, received: 1, closed: 2} as const;
const KEY = {sent: "lv/s/", received: "lv/r/"} as const;
/** Locks with an open account at one time; about 300 bytes each. */
const LOCKS_MAX = 100_000;
/** Records of the log before it is rewritten with only the last ones. */
const COMPACT_MIN = 4_096;

export class VoucherBook {
  readonly #store: Store;
  readonly #log: AppendLog;
  readonly #commit = new GroupCommit<VoucherRecord>((records) => this.#write(records));
  readonly #last: Record<Direction, Map<LockId, Voucher>> = {sent: new Map(), received: new Map()};
  /** Highest cumulative accepted for writing, which may be ahead of what is on disk. */
  readonly #accepted: Record<Direction, Map<LockId, bigint>> = {sent: new Map(), received: new Map()};
  #recordsInLog = 0;

  constructor({store, log}: VoucherBookComponents) {
    this.#store = store;
    this.#log = log;
  }

  /** Reads both copies; the higher cumulative of the two wins. */
  async start(): Promise<void> {
    const records = await this.#log.read();
    this.#recordsInLog = records.length;
    const closed = new Set<LockId>();
    for (const bytes of records) {
      const record = decodeRecord(bytes);
      if (record.kind === "closed") {
        closed.add(record.lockId);
        this.#drop(record.lockId);
      } else {
        this.#keep(record.kind, record.voucher);
      }
    }
    for (const direction of ["sent", "received"] as const) {
      for (const [, bytes] of await this.#store.range(KEY[direction])) {
        const record = decodeRecord(bytes);
        if (record.kind !== "closed" && !closed.has(record.voucher.lockId))
          this.#keep(direction, record.voucher);
      }
    }
    await this.#compact();
  }

  async stop(): Promise<void> {
    await this.#commit.idle();
  }

  /** On disk when it resolves. Throws `VOUCHER_INVALID` below the last one, `STORE_FULL` on a full disk. */
  async recordSent(voucher: Voucher): Promise<void> {
    await this.#record("sent", voucher);
  }

  /** The caller has verified it against the lock. Throws like `recordSent`. */
  async recordReceived(voucher: Voucher): Promise<void> {
    await this.#record("received", voucher);
  }

  lastSent(lockId: LockId): Voucher | undefined {
    return this.#last.sent.get(lockId);
  }

  lastReceived(lockId: LockId): Voucher | undefined {
    return this.#last.received.get(lockId);
  }

  /** Locks with a voucher in either direction that were not closed. */
  openLocks(): readonly LockId[] {
    return [...new Set([...this.#last.sent.keys(), ...this.#last.received.keys()])];
  }

  /** Forgets a lock that the ledger has closed. */
  async close(lockId: LockId): Promise<void> {
    if (this.#last.sent.has(lockId) || this.#last.received.has(lockId)) {
      await this.#commit.add({kind: "closed", lockId});
    }
  }

  async #record(kind: Direction, voucher: Voucher): Promise<void> {
    const {lockId, cumulative} = voucher;
    this.#check(kind, voucher, this.#accepted[kind].get(lockId));
    if (!this.#last[kind].has(lockId) && this.#last[kind].size >= LOCKS_MAX) {
      throw new CodedError("QUEUE_FULL", {evidence: {locks: LOCKS_MAX}});
    }
    this.#accepted[kind].set(lockId, cumulative);
    try {
      await this.#commit.add({kind, voucher});
    } catch (error) {
      const durable = this.#last[kind].get(lockId);
      if (durable === undefined) this.#accepted[kind].delete(lockId);
      else this.#accepted[kind].set(lockId, durable.cumulative);
      throw error;
    }
  }

  #check(kind: Direction, {lockId, cumulative}: Voucher, floor: bigint | undefined): void {
    if (floor !== undefined && cumulative < floor) {
      throw new CodedError("VOUCHER_INVALID", {
        message: "A voucher may not be lower than an earlier one.",
        evidence: {lockId, direction: kind, cumulative, last: floor},
      });
    }
  }

  async #write(records: readonly VoucherRecord[]): Promise<void> {
    const rows = records.map((record) => ({record, bytes: encodeRecord(record)}));
    // Two copies at once: either alone restores the last vouchers, and both are on disk before one is used.
    await Promise.all([
      this.#log.append(rows.map(({bytes}) => bytes)),
      this.#store.write(rows.flatMap(writesOf), {sync: true}),
    ]);
    this.#recordsInLog += records.length;
    for (const record of records) {
      if (record.kind === "closed") this.#drop(record.lockId);
      else this.#keep(record.kind, record.voucher);
    }
    if (this.#recordsInLog > COMPACT_MIN) await this.#compact();
  }

  async #compact(): Promise<void> {
    const live = (["sent", "received"] as const).flatMap((kind) =>
      [...this.#last[kind].values()].map((voucher) => encodeRecord({kind, voucher})),
    );
    if (this.#recordsInLog <= live.length * 2) return;
    await this.#log.compact(live);
    this.#recordsInLog = live.length;
  }

  #keep(kind: Direction, voucher: Voucher): void {
    const known = this.#last[kind].get(voucher.lockId);
    if (known !== undefined && known.cumulative > voucher.cumulative) return;
    this.#last[kind].set(voucher.lockId, voucher);
    const accepted = this.#accepted[kind].get(voucher.lockId) ?? 0n;
    if (accepted < voucher.cumulative) this.#accepted[kind].set(voucher.lockId, voucher.cumulative);
  }

  #drop(lockId: LockId): void {
    for (const kind of ["sent", "received"] as const) {
      this.#last[kind].delete(lockId);
      this.#accepted[kind].delete(lockId);
    }
  }
}

function writesOf({record, bytes}: {readonly record: VoucherRecord; readonly bytes: Uint8Array}): Write[] {
  if (record.kind !== "closed") return [{key: KEY[record.kind] + record.voucher.lockId, value: bytes}];
  return [
    {key: KEY.sent + record.lockId, value: undefined},
    {key: KEY.received + record.lockId, value: undefined},
  ];
}

function encodeRecord(record: VoucherRecord): Uint8Array {
  const writer = new ByteWriter().u8(TAG[record.kind]);
  if (record.kind === "closed") writer.hex(record.lockId);
  else writeVoucher(writer, record.voucher);
  return writer.finish();
}

function decodeRecord(bytes: Uint8Array): VoucherRecord {
  const body = bytes.subarray(1);
  if (bytes[0] === TAG.closed && body.length === 32) return {kind: "closed", lockId: toHex(body) as LockId};
  if (bytes[0] === TAG.sent) return {kind: "sent", voucher: decodeVoucher(body)};
  if (bytes[0] === TAG.received) return {kind: "received", voucher: decodeVoucher(body)};
  throw new CodedError("STORE_CORRUPT", {evidence: {file: "vouchers", tag: bytes[0] ?? -1}});
}
