/**
 * Ops that no entry carries yet, and ops carried by others that this witness could not vote for so far.
 * What cannot be voted for now is tried again, less and less often, and given up in the end. Bounded.
 */

import type {ErrorCode} from "../errors/table.ts";
import type {OpId, PeerId} from "../primitives/id.ts";
import type {Op} from "./op.ts";
import {type Slot, SlotMap} from "./slotMap.ts";

export type PoolItem = {
  readonly op: Op;
  readonly from: PeerId | undefined;
  readonly addedMs: number;
  retryMs: number;
  delayMs: number;
  /** Why it waits. */
  refusal: {readonly code: ErrorCode; readonly reason: string} | undefined;
};

export type PoolEntrance = {readonly nowMs: number; readonly isChecked: boolean};

/** DESIGN: pending pool of 50,000. */
export const POOL_MAX = 50_000;
/** Of ops of ordinary size the count is the bound; evidence may be large. */
export const POOL_BYTES_MAX = 64 * 1024 * 1024;
/** An op that nothing came for in this time is dropped; its owner sends it again. */
const WAIT_MAX_MS = 10_000;
const RETRY_MIN_MS = 25;
const RETRY_MAX_MS = 1_000;

export class Pool {
  readonly #items = new Map<OpId, PoolItem>();
  readonly #bySlot = new SlotMap<PoolItem>();
  /** Not tried yet, in order of arrival. */
  readonly #fresh = new Set<PoolItem>();
  #bytes = 0;
  #waitingUntilMs = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#items.size;
  }

  get(id: OpId): Op | undefined {
    return this.#items.get(id)?.op;
  }

  ops(): Op[] {
    return [...this.#items.values()].map(({op}) => op);
  }

  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  /** When the first of those that wait is to be tried again. */
  get retryMs(): number {
    return this.#waitingUntilMs;
  }

  /** False when the pool is full. `isChecked`: it takes the place of a copy whose signatures nobody looked at. */
  add(op: Op, from: PeerId | undefined, {nowMs, isChecked}: PoolEntrance): boolean {
    if (this.#items.has(op.id) && !isChecked) return true;
    this.remove(op.id);
    if (this.#items.size >= POOL_MAX || this.#bytes + op.bytes.length > POOL_BYTES_MAX) return false;
    this.#bytes += op.bytes.length;
    const item = {op, from, addedMs: nowMs, retryMs: nowMs, delayMs: RETRY_MIN_MS, refusal: undefined};
    this.#items.set(op.id, item);
    this.#bySlot.set(op.body, item);
    this.#fresh.add(item);
    return true;
  }

  remove(id: OpId): void {
    const item = this.#items.get(id);
    if (item === undefined) return;
    this.#items.delete(id);
    this.#bytes -= item.op.bytes.length;
    this.#fresh.delete(item);
    if (this.#bySlot.get(item.op.body) === item) this.#bySlot.delete(item.op.body);
  }

  /** Up to `max` items to try now: new ones first, then those whose wait is over. */
  take(nowMs: number, max: number): PoolItem[] {
    const taken: PoolItem[] = [];
    for (const item of this.#fresh) {
      if (taken.length >= max) return taken;
      this.#fresh.delete(item);
      taken.push(item);
    }
    if (nowMs < this.#waitingUntilMs) return taken;
    this.#waitingUntilMs = Number.POSITIVE_INFINITY;
    for (const item of this.#items.values()) {
      if (item.refusal === undefined) continue;
      if (item.retryMs > nowMs || taken.length >= max) {
        this.#waitingUntilMs = Math.min(this.#waitingUntilMs, Math.max(item.retryMs, nowMs + RETRY_MIN_MS));
      } else taken.push(item);
    }
    return taken;
  }

  /** The op at this slot, the last one of several. */
  at(slot: Slot): PoolItem | undefined {
    return this.#bySlot.get(slot);
  }

  /** The op that follows this one in its cell's log. */
  next({body: {cell, seq}}: Op): PoolItem | undefined {
    return this.at({cell, seq: seq + 1n});
  }

  /** Not now. False when it has waited long enough and is given up. */
  postpone(item: PoolItem, refusal: NonNullable<PoolItem["refusal"]>, nowMs: number): boolean {
    this.#fresh.delete(item);
    if (nowMs - item.addedMs >= WAIT_MAX_MS) {
      this.remove(item.op.id);
      return false;
    }
    item.refusal = refusal;
    item.retryMs = nowMs + item.delayMs;
    item.delayMs = Math.min(item.delayMs * 2, RETRY_MAX_MS);
    this.#waitingUntilMs = Math.min(this.#waitingUntilMs, item.retryMs);
    return true;
  }

  /** Puts an untried item back, in front of nobody. */
  putBack(item: PoolItem): void {
    if (this.#items.has(item.op.id)) this.#fresh.add(item);
  }

  /** Forgets what is settled, and on followers what is too old. */
  drop(isDone: (item: PoolItem) => boolean): void {
    for (const item of [...this.#items.values()]) if (isDone(item)) this.remove(item.op.id);
  }
}
