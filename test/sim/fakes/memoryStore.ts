/**
 * The store in memory, over a `MemoryDisk` that outlives it. `disk.crash()` kills the open store, loses
 * what was not synced (a random suffix of the batches, as a write-ahead log would) and lets a new store
 * open what is left.
 */
import type {RangeOptions, Store, StoreSnapshot, Write} from "@catalyze/core/ports/store";
import {DiskFaults, never} from "./diskFaults.ts";
import type {SeededRandom} from "./seededRandom.ts";

type Entries = Map<string, Uint8Array>;

export class MemoryDisk {
  readonly faults: DiskFaults;
  /** Changes at a crash: stores opened before it are dead. */
  generation = 0;
  #durable: Entries = new Map();
  #live: Entries = new Map();
  #keys: string[] = [];
  #unsynced: (readonly Write[])[] = [];

  constructor(faults: DiskFaults = new DiskFaults()) {
    this.faults = faults;
  }

  /** Without `random` everything unsynced is lost; with it, a random part. */
  crash(random?: SeededRandom): void {
    this.generation += 1;
    const kept = random === undefined ? 0 : random.int(this.#unsynced.length + 1);
    for (const batch of this.#unsynced.slice(0, kept)) apply(this.#durable, batch);
    this.#unsynced = [];
    this.#live = new Map(this.#durable);
    this.#keys = [...this.#live.keys()].sort();
  }

  write(batch: readonly Write[], isSync: boolean): void {
    const copy = batch.map(({key, value}) => ({key, value: value?.slice()}));
    for (const {key, value} of copy) this.#index(key, value !== undefined);
    apply(this.#live, copy);
    this.#unsynced.push(copy);
    if (!isSync) return;
    for (const pending of this.#unsynced) apply(this.#durable, pending);
    this.#unsynced = [];
  }

  get(key: string): Uint8Array | undefined {
    return this.#live.get(key)?.slice();
  }

  /** What is there now, on a disk of its own. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk();
    copy.write(
      this.#keys.map((key) => ({key, value: this.#live.get(key)})),
      true,
    );
    return copy;
  }

  range(prefix: string, {after, limit, reverse}: RangeOptions): [string, Uint8Array][] {
    const end = prefixEnd(this.#keys, prefix);
    let keys = this.#keys.slice(lowerBound(this.#keys, prefix), end);
    if (reverse) keys.reverse();
    if (after !== undefined) keys = keys.filter((key) => (reverse ? key < after : key > after));
    return keys.slice(0, limit ?? keys.length).map((key) => [key, this.#live.get(key)!.slice()]);
  }

  #index(key: string, isPresent: boolean): void {
    const at = lowerBound(this.#keys, key);
    const isThere = this.#keys[at] === key;
    if (isPresent && !isThere) this.#keys.splice(at, 0, key);
    if (!isPresent && isThere) this.#keys.splice(at, 1);
  }
}

export class MemoryStore implements Store {
  readonly #disk: MemoryDisk;
  readonly #generation: number;

  constructor(disk: MemoryDisk = new MemoryDisk()) {
    this.#disk = disk;
    this.#generation = disk.generation;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    if (this.#isDead()) return await never();
    return this.#disk.get(key);
  }

  async range(
    prefix: string,
    options: RangeOptions = {},
  ): Promise<readonly (readonly [string, Uint8Array])[]> {
    if (this.#isDead()) return await never();
    return this.#disk.range(prefix, options);
  }

  async write(batch: readonly Write[], options: {readonly sync?: boolean} = {}): Promise<void> {
    if (this.#isDead()) return await never();
    await this.#disk.faults.write(
      () => this.#disk.write(batch, options.sync === true),
      () => this.#isDead(),
    );
  }

  snapshot(): StoreSnapshot {
    const disk = this.#disk.copy();
    return {
      get: async (key) => disk.get(key),
      range: async (prefix, options = {}) => disk.range(prefix, options),
      close: async () => {},
    };
  }

  #isDead(): boolean {
    return this.#generation !== this.#disk.generation;
  }
}

function apply(entries: Entries, batch: readonly Write[]): void {
  for (const {key, value} of batch) {
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function prefixEnd(keys: readonly string[], prefix: string): number {
  return lowerBound(keys, `${prefix}\u{10ffff}`);
}
