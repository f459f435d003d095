/**
 * Hash trees over what an entry carries and acknowledges, so that one op or one ack can be shown with the
 * entry's header alone.
 *
 *   leaf = SHA256(tag u8 ‖ item)      node = SHA256(0x6e ‖ left ‖ right), an odd last one moves up as it is
 *   root = SHA256(tag u8 ‖ count u16 ‖ top), top = 32 zero bytes for an empty list
 */
import {sha256} from "../crypto/sha256.ts";
import {equalBytes} from "../primitives/bytes.ts";

/** Where an item stands and the hashes beside its way up. */
export type MerklePath = {
  readonly index: number;
  readonly count: number;
  readonly siblings: readonly Uint8Array[];
};

const TAG_NODE = Uint8Array.of(0x6e);
const EMPTY = new Uint8Array(32);

/** Of 512 ops or 1,024 acks. */
export const SIBLINGS_MAX = 10;

export function merkleRoot(tag: number, items: readonly Uint8Array[]): Uint8Array {
  let level = leavesOf(tag, items);
  while (level.length > 1) level = levelAbove(level);
  return rootOf(tag, items.length, level[0] ?? EMPTY);
}

/** For many paths of one list. */
export class MerkleTree {
  readonly #levels: readonly (readonly Uint8Array[])[];

  constructor(tag: number, items: readonly Uint8Array[]) {
    let level = leavesOf(tag, items);
    const levels = [level];
    while (level.length > 1) {
      level = levelAbove(level);
      levels.push(level);
    }
    this.#levels = levels;
  }

  /** Of the item at this index; there must be one. */
  path(index: number): MerklePath {
    const siblings = this.#levels.flatMap((level, height) => {
      const sibling = level.length > 1 ? level[(index >> height) ^ 1] : undefined;
      return sibling === undefined ? [] : [sibling];
    });
    return {index, count: this.#levels[0]?.length ?? 0, siblings};
  }
}

/** True when `item` stands at the path's index in the list with this root. */
export function isInTree(tag: number, item: Uint8Array, path: MerklePath, root: Uint8Array): boolean {
  const {index, count, siblings} = path;
  if (index >= count) return false;
  let hash = sha256(Uint8Array.of(tag), item);
  let used = 0;
  for (let at = index, size = count; size > 1; at >>= 1, size = (size + 1) >> 1) {
    if ((at ^ 1) >= size) continue;
    const sibling = siblings[used++];
    if (sibling === undefined) return false;
    hash = at % 2 === 0 ? nodeOf(hash, sibling) : nodeOf(sibling, hash);
  }
  return used === siblings.length && equalBytes(rootOf(tag, count, hash), root);
}

function leavesOf(tag: number, items: readonly Uint8Array[]): Uint8Array[] {
  const prefix = Uint8Array.of(tag);
  return items.map((item) => sha256(prefix, item));
}

function nodeOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(TAG_NODE, left, right);
}

function rootOf(tag: number, count: number, top: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(tag, count >> 8, count & 0xff), top);
}

function levelAbove(level: readonly Uint8Array[]): Uint8Array[] {
  const above: Uint8Array[] = [];
  for (let at = 0; at < level.length; at += 2) {
    const [left, right] = [level[at], level[at + 1]];
    if (left !== undefined) above.push(right === undefined ? left : nodeOf(left, right));
  }
  return above;
}
