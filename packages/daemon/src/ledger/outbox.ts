/**
 * Own signed ops, on disk before they are sent, until they are certified. It is also the memory of what
 * this node has signed: after a restart no slot gets a second op while the first could still count
 * (reference/ledger 5.1, amendment 7). The log is the truth; the store holds a second copy.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Op} from "@catalyze/core/ledger/op";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import type {AppendLog, Store, Write} from "@catalyze/core/ports/store";
import {concat, fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {CellId, OpId} from "@catalyze/core/primitives/id";
import {GroupCommit} from "./groupCommit.ts";

export type OutboxComponents = {readonly store: Store; readonly log: AppendLog};

/** `voided` ops were never sent: the write or the own replica refused them, so their slot is free again. */
type OutboxRecord = {readonly kind: "op" | "voided"; readonly op: Op};
type StoredRecord = {readonly kind: "op"; readonly op: Op} | {readonly kind: "voided"; readonly id: OpId};

const TAG_OP = 1;
const TAG_VOIDED = 2;
const KEY = "lo/";
/** Ops not certified yet, over all cells. */
const PENDING_MAX = 10_000;
const COMPACT_MIN = 4_096;

export class Outbox {
  readonly #store: Store;
  readonly #log: AppendLog;
  readonly #commit: GroupCommit<OutboxRecord>;
  /** Signed and not settled, in the order of signing. */
  readonly #pending = new Map<OpId, Op>();
  readonly #pendingByCell = new Map<CellId, Map<OpId, Op>>();
  /** The last op of each cell that may count, and the highest one that is durable. */
  readonly #last = new Map<CellId, Op>();
  readonly #durable = new Map<CellId, Op>();
  readonly #settledLast = new Map<CellId, Op>();
  /** Ops of failed writes, to be voided with the next one: they may have reached the disk. */
  #unvoided: Op[] = [];
  #recordsInLog = 0;

  constructor({store, log}: OutboxComponents) {
    this.#store = store;
    this.#log = log;
    this.#commit = new GroupCommit(
      (records) => this.#write(records),
      (records) => this.#rollBack(records),
    );
  }

  /** Reads what an earlier run signed. `isSettled` says which of it is certified already. */
  async start(isSettled: (op: Op) => boolean): Promise<void> {
    const records = await this.#log.read();
    this.#recordsInLog = records.length;
    const ops = new Map<OpId, Op>();
    const voided = new Set<OpId>();
    for (const bytes of records) {
      const record = decodeRecord(bytes);
      if (record.kind === "op") {
        voided.delete(record.op.id);
        ops.set(record.op.id, record.op);
      } else {
        voided.add(record.id);
        ops.delete(record.id);
      }
    }
    const stale: Write[] = [];
    for (const [key, bytes] of await this.#store.range(KEY)) {
      const op = decodeOp(bytes);
      if (voided.has(op.id) || isSettled(op)) stale.push({key, value: undefined});
      if (!voided.has(op.id)) ops.set(op.id, op);
    }
    if (stale.length > 0) await this.#store.write(stale, {sync: true});
    const ordered = [...ops.values()].sort((left, right) => (left.body.seq < right.body.seq ? -1 : 1));
    for (const op of ordered) {
      this.#last.set(op.body.cell, op);
      this.#durable.set(op.body.cell, op);
      if (isSettled(op)) this.#settledLast.set(op.body.cell, op);
      else this.#addPending(op);
    }
    await this.#compact();
  }

  async stop(): Promise<void> {
    await this.#commit.idle();
  }

  /** The last op signed for `cell`: the next one follows it. */
  lastOf(cell: CellId): Op | undefined {
    return this.#last.get(cell);
  }

  pending(): readonly Op[] {
    return [...this.#pending.values()];
  }

  /** In order of seq. */
  pendingOf(cell: CellId): readonly Op[] {
    return [...(this.#pendingByCell.get(cell)?.values() ?? [])];
  }

  has(id: OpId): boolean {
    return this.#pending.has(id);
  }

  /** Takes the slot at once; on disk when it resolves. On failure the slot is free again. */
  async add(op: Op): Promise<void> {
    if (this.#pending.size >= PENDING_MAX)
      throw new CodedError("QUEUE_FULL", {evidence: {pending: PENDING_MAX}});
    this.#last.set(op.body.cell, op);
    this.#addPending(op);
    await this.#commit.add({kind: "op", op});
  }

  /** Certified: nothing left to send. The last op of a cell stays known. */
  settle(id: OpId): Write[] {
    const op = this.#pending.get(id);
    if (op === undefined) return [];
    this.#deletePending(op);
    const before = this.#settledLast.get(op.body.cell);
    if (before === undefined || before.body.seq < op.body.seq) this.#settledLast.set(op.body.cell, op);
    return [{key: keyOf(op), value: undefined}];
  }

  /** Takes back an op that never left this node, and what was signed on top of it. Gives all their ids. */
  async void(id: OpId): Promise<readonly OpId[]> {
    const op = this.#pending.get(id);
    if (op === undefined) return [];
    const gone = this.pendingOf(op.body.cell).filter((other) => other.body.seq >= op.body.seq);
    for (const other of gone) this.#deletePending(other);
    this.#restoreLast(op.body.cell, op.body.seq);
    await Promise.all(gone.map((other) => this.#commit.add({kind: "voided", op: other})));
    return gone.map((other) => other.id);
  }

  #addPending(op: Op): void {
    this.#pending.set(op.id, op);
    const ofCell = this.#pendingByCell.get(op.body.cell) ?? new Map<OpId, Op>();
    this.#pendingByCell.set(op.body.cell, ofCell.set(op.id, op));
  }

  #deletePending(op: Op): void {
    this.#pending.delete(op.id);
    const ofCell = this.#pendingByCell.get(op.body.cell);
    ofCell?.delete(op.id);
    if (ofCell?.size === 0) this.#pendingByCell.delete(op.body.cell);
  }

  #restoreLast(cell: CellId, belowSeq: bigint): void {
    const before = this.pendingOf(cell).filter((other) => other.body.seq < belowSeq);
    const last = before.at(-1) ?? this.#settledLast.get(cell);
    this.#durable.delete(cell);
    if (last === undefined) {
      this.#last.delete(cell);
    } else {
      this.#last.set(cell, last);
      this.#durable.set(cell, last);
    }
  }

  #rollBack(records: readonly OutboxRecord[]): void {
    for (const {kind, op} of records) {
      this.#unvoided.push(op);
      if (kind === "voided") continue;
      this.#deletePending(op);
      const durable = this.#durable.get(op.body.cell);
      if (durable === undefined) this.#last.delete(op.body.cell);
      else this.#last.set(op.body.cell, durable);
    }
  }

  async #write(records: readonly OutboxRecord[]): Promise<void> {
    const voids = this.#unvoided.map((op): OutboxRecord => ({kind: "voided", op}));
    const all = [...voids, ...records];
    await this.#log.append(all.map(encodeRecord));
    this.#recordsInLog += all.length;
    // In order: an op put at a slot wins over the removal of a voided one before it.
    const writes = all.map(
      ({kind, op}): Write => ({key: keyOf(op), value: kind === "op" ? op.bytes : undefined}),
    );
    await this.#store.write(writes, {sync: true});
    this.#unvoided = [];
    for (const {kind, op} of records) if (kind === "op") this.#durable.set(op.body.cell, op);
    if (this.#recordsInLog > COMPACT_MIN) await this.#compact();
  }

  /** Keeps what is pending and the last op of every cell. */
  async #compact(): Promise<void> {
    const live = new Map(this.#pending);
    for (const op of this.#durable.values()) live.set(op.id, op);
    if (this.#recordsInLog <= live.size * 2) return;
    await this.#log.compact([...live.values()].map((op) => encodeRecord({kind: "op", op})));
    this.#recordsInLog = live.size;
  }
}

function keyOf(op: Op): string {
  return `${KEY}${op.body.cell}/${op.body.seq.toString(16).padStart(16, "0")}`;
}

function encodeRecord(record: OutboxRecord): Uint8Array {
  return record.kind === "op"
    ? concat(Uint8Array.of(TAG_OP), record.op.bytes)
    : concat(Uint8Array.of(TAG_VOIDED), fromHex(record.op.id));
}

function decodeRecord(bytes: Uint8Array): StoredRecord {
  const body = bytes.subarray(1);
  if (bytes[0] === TAG_OP) return {kind: "op", op: decodeOp(body)};
  if (bytes[0] === TAG_VOIDED && body.length === 32) return {kind: "voided", id: toHex(body) as OpId};
  throw new CodedError("STORE_CORRUPT", {evidence: {file: "outbox", tag: bytes[0] ?? -1}});
}
