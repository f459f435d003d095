/**
 * Ops under keys that nobody can choose: last valid epoch, then a hash of salt and id. Sorted, with the sum of
 * the hashes up to each place, so that any range's fingerprint is a subtraction. The sum alone could be
 * forged by who picks ids (Wagner); under a salt that the asker has just drawn nobody can.
 */
import {sha256} from "../crypto/sha256.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {fromHex, toHex} from "../primitives/bytes.ts";
import type {OpId} from "../primitives/id.ts";

/** The part of the hash that stands in keys and lists. */
export const KEY_BYTES = 16;
export const FINGERPRINT_BYTES = 16;
export const SALT_BYTES = 32;
/** Beyond it ops are not compared: as many as a pool holds. */
export const COMPARED_MAX = 50_000;

export type Keyed = {readonly id: OpId; readonly epoch: number};

/** `key`: as lists have it, in hex. `place`: epoch and key, in hex: what the set is sorted by. */
type Item = {readonly key: string; readonly place: string; readonly id: OpId; readonly hash: bigint};

const MOD = 1n << 256n;

export class KeyedSet {
  readonly #items: readonly Item[];
  /** Of the hashes before each place. */
  readonly #sums: readonly bigint[];

  constructor(ops: Iterable<Keyed>, salt: Uint8Array) {
    const items: Item[] = [];
    for (const op of ops) {
      if (items.length >= COMPARED_MAX) break;
      items.push(itemOf(op, salt));
    }
    this.#items = items.sort((left, right) => (left.place < right.place ? -1 : 1));
    let sum = 0n;
    this.#sums = [0n, ...this.#items.map(({hash}) => (sum = (sum + hash) % MOD))];
  }

  get size(): number {
    return this.#items.length;
  }

  /** Index of the first item at or above a bound. */
  from(bound: string): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle]?.place ?? "") < bound) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The shortest bound between the item before this index and the item at it. */
  boundAt(index: number): string {
    const [before, place] = [this.#items[index - 1]?.place ?? "", this.#items[index]?.place ?? ""];
    let same = 0;
    while (same < place.length && place[same] === before[same]) same += 1;
    return place.slice(0, (same >> 1) * 2 + 2);
  }

  fingerprint(from: number, to: number): Uint8Array {
    const sum = ((this.#sums[to] ?? 0n) - (this.#sums[from] ?? 0n) + MOD) % MOD;
    const bytes = new ByteWriter()
      .u128(sum >> 128n)
      .u128(sum & ((1n << 128n) - 1n))
      .u32(to - from);
    return sha256(bytes.finish()).slice(0, FINGERPRINT_BYTES);
  }

  keys(from: number, to: number): string[] {
    return this.#items.slice(from, to).map(({key}) => key);
  }

  /** Ids by key. */
  ids(): ReadonlyMap<string, OpId> {
    return new Map(this.#items.map(({key, id}) => [key, id]));
  }
}

function itemOf({id, epoch}: Keyed, salt: Uint8Array): Item {
  const hash = sha256(salt, fromHex(id));
  const key = toHex(hash.subarray(0, KEY_BYTES));
  const place = toHex(new ByteWriter().u32(epoch).finish()) + key;
  const reader = new ByteReader(hash);
  return {key, place, id, hash: (reader.u128() << 128n) | reader.u128()};
}
