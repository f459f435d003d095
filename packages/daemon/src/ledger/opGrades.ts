/**
 * At which checkpoint an op was covered, for its grade: on disk for this node's own ops, in memory for
 * the latest others. And up to which height the chain has final anchors.
 */
import type {Store, Write} from "@catalyze/core/ports/store";
import {ByteReader, ByteWriter} from "@catalyze/core/primitives/binary";
import type {OpId} from "@catalyze/core/primitives/id";
import {RecentMap} from "@catalyze/core/primitives/recentMap";

const KEY = "lg/";
const KEY_ANCHORED = "lm/anchored";
/** Ops of others remembered: about 100 bytes each. */
const RECENT_MIN = 50_000;

export type Anchored = {readonly epoch: number; readonly height: bigint};

export class OpGrades {
  readonly #store: Store;
  readonly #recent = new RecentMap<OpId, bigint>(RECENT_MIN);
  #anchored: Anchored = {epoch: -1, height: -1n};

  constructor(store: Store) {
    this.#store = store;
  }

  async start(): Promise<void> {
    const bytes = await this.#store.get(KEY_ANCHORED);
    if (bytes === undefined) return;
    const reader = new ByteReader(bytes);
    this.#anchored = {epoch: reader.u32(), height: reader.u64()};
  }

  /** Last epoch that is final on the chain; epoch −1 when none. */
  get anchored(): Anchored {
    return this.#anchored;
  }

  async noteAnchored(epoch: number, height: bigint): Promise<void> {
    if (height <= this.#anchored.height) return;
    const value = new ByteWriter().u32(epoch).u64(height).finish();
    await this.#store.write([{key: KEY_ANCHORED, value}], {sync: true});
    this.#anchored = {epoch, height};
  }

  /** `isOwn` ops are written with the same batch. */
  onCheckpointed(ops: readonly OpId[], height: bigint, isOwn: (op: OpId) => boolean): Write[] {
    for (const op of ops) this.#recent.set(op, height);
    const value = new ByteWriter().u64(height).finish();
    return ops.filter(isOwn).map((op) => ({key: KEY + op, value}));
  }

  /** Height of the checkpoint that covers the op, as far as it is remembered. */
  async heightOf(op: OpId): Promise<bigint | undefined> {
    const recent = this.#recent.get(op);
    if (recent !== undefined) return recent;
    const bytes = await this.#store.get(KEY + op);
    return bytes === undefined ? undefined : new ByteReader(bytes).u64();
  }
}
