/**
 * The Merkle sum tree over cells (reference/ledger 8.3): path-compressed, binary, SHA-256. The anchor
 * contract recomputes the same bytes with the EVM's SHA-256 precompile, so this layout is frozen:
 *
 *   leaf  = SHA256(0x00 ‖ id 32 ‖ valueHash 32 ‖ sum u128 BE)                              81 bytes hashed
 *   inner = SHA256(0x01 ‖ bit u8 ‖ left hash 32 ‖ left sum u128 BE ‖ right hash 32 ‖ right sum u128 BE)   98
 *   empty = 32 zero bytes, sum 0
 *
 * `bit` is the first bit in which the ids below differ, 0 being the highest bit of byte 0; ids with 0
 * there are left. Bits grow from the root to the leaves, so one set of leaves has exactly one tree.
 * Both child sums are hashed: a tree that hashes only their total is broken (Hu et al. 2018).
 *
 * Immutable: `with` shares what it does not change, and hashes are made when a root is asked for. A
 * witness can therefore hold the trees of several proposals at once.
 */
import {sha256} from "../crypto/sha256.ts";
import {assert} from "../errors/assert.ts";
import {U64_MAX} from "../primitives/amount.ts";
import {equalBytes} from "../primitives/bytes.ts";
import {finish, type Work} from "../primitives/work.ts";
import {U128_MAX} from "./canonical.ts";
import {TreeFold} from "./treeFold.ts";

/** In units of work: a cell is encoded, hashed twice, and set into a path of about twenty nodes. */
const CHANGE_COST = 2;
const HASHES_PER_UNIT = 3;

export type TreeLeaf = {
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly valueHash: Uint8Array;
  readonly sum: bigint;
};

/** `leaf` undefined removes. */
export type TreeChange = {readonly id: Uint8Array; readonly leaf: Omit<TreeLeaf, "id"> | undefined};

/** One level of a path, from the leaf upwards: the sibling, and where the two part. */
export type TreeStep = {readonly bit: number; readonly hash: Uint8Array; readonly sum: bigint};

export type TreeProof = {readonly leaf: TreeLeaf; readonly path: readonly TreeStep[]};

type LeafNode = TreeLeaf & {readonly kind: "leaf"; hash: Uint8Array | undefined};
type InnerNode = {
  readonly kind: "inner";
  readonly bit: number;
  readonly left: Node;
  readonly right: Node;
  readonly sum: bigint;
  hash: Uint8Array | undefined;
};
type Node = LeafNode | InnerNode;

export const EMPTY_ROOT: Uint8Array = new Uint8Array(32);

export class SumTree {
  static readonly EMPTY = new SumTree(undefined);
  readonly #root: Node | undefined;

  private constructor(root: Node | undefined) {
    this.#root = root;
  }

  /** The tree of these leaves, whose ids ascend: faster than `with`, which looks each place up. */
  static ofAscending(leaves: Iterable<TreeLeaf>): SumTree {
    const fold = new TreeFold<Node>(inner);
    let before: Uint8Array | undefined;
    for (const leaf of leaves) {
      const gap = before === undefined ? 0 : gapBetween(before, leaf.id);
      assert(gap !== undefined, "the ids of a tree's leaves ascend");
      fold.push(gap, {kind: "leaf", ...leaf, hash: undefined});
      before = leaf.id;
    }
    return new SumTree(fold.finish());
  }

  /** The tree after these changes; this one stays as it is. */
  with(changes: Iterable<TreeChange>): SumTree {
    return finish(this.changing(changes));
  }

  /** The same in pieces. */
  *changing(changes: Iterable<TreeChange>): Work<SumTree> {
    let root = this.#root;
    for (const {id, leaf} of changes) {
      assert(id.length === 32, "a tree id has 32 bytes");
      root =
        leaf === undefined ? removed(root, id) : inserted(root, {kind: "leaf", id, ...leaf, hash: undefined});
      yield CHANGE_COST;
    }
    return new SumTree(root);
  }

  /** Makes every hash that is missing, in pieces: afterwards roots and proofs are at hand. */
  *hashing(): Work<void> {
    const open = this.#root === undefined ? [] : [this.#root];
    let made = 0;
    for (let node = open.at(-1); node !== undefined; node = open.at(-1)) {
      const below = node.kind === "inner" ? [node.left, node.right].filter(isUnhashed) : [];
      open.push(...below);
      if (below.length > 0) continue;
      open.pop();
      hashOf(node);
      made += 1;
      if (made % HASHES_PER_UNIT === 0) yield 1;
    }
  }

  root(): Uint8Array {
    return this.#root === undefined ? EMPTY_ROOT : hashOf(this.#root);
  }

  sum(): bigint {
    return this.#root?.sum ?? 0n;
  }

  /** Every leaf, ids ascending. */
  *leaves(): Generator<TreeLeaf> {
    const open = this.#root === undefined ? [] : [this.#root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node.kind === "inner") open.push(node.right, node.left);
      else yield {id: node.id, valueHash: node.valueHash, sum: node.sum};
    }
  }

  /** The leaf and its path, or `undefined` when the id is not here. */
  prove(id: Uint8Array): TreeProof | undefined {
    if (this.#root === undefined) return undefined;
    const proof = this.lookUp(id);
    return equalBytes(proof.leaf.id, id) ? proof : undefined;
  }

  /**
   * The leaf at which a lookup of this id ends, with its path: another one's when the id is not here, and
   * then the proof of that (`pathLeadsTo`). The tree must not be empty.
   */
  lookUp(id: Uint8Array): TreeProof {
    const path: TreeStep[] = [];
    let node = this.#root;
    while (node?.kind === "inner") {
      const isRight = bitAt(id, node.bit);
      const sibling = isRight ? node.left : node.right;
      path.push({bit: node.bit, hash: hashOf(sibling), sum: sibling.sum});
      node = isRight ? node.right : node.left;
    }
    assert(node !== undefined, "a lookup in an empty tree");
    return {leaf: {id: node.id, valueHash: node.valueHash, sum: node.sum}, path: path.reverse()};
  }
}

/**
 * True when a lookup of `id` takes every turn of this path, which leads to the leaf `end`. With `end` other
 * than `id`, and the path verified, `id` has no leaf: one that it had would stand where the lookup ends.
 */
export function pathLeadsTo(id: Uint8Array, end: Uint8Array, path: readonly TreeStep[]): boolean {
  return path.every(({bit}) => bitAt(id, bit) === bitAt(end, bit));
}

/** True when the leaf is in the tree of this root, whose leaves sum to `total`. */
export function verifyProof(root: Uint8Array, total: bigint, {leaf, path}: TreeProof): boolean {
  if (path.length > 256 || leaf.id.length !== 32 || leaf.valueHash.length !== 32) return false;
  if (leaf.sum < 0n || leaf.sum > U128_MAX) return false;
  let hash = leafHash(leaf);
  let sum = leaf.sum;
  let below = 256;
  for (const step of path) {
    if (!Number.isInteger(step.bit) || step.bit < 0 || step.bit >= below) return false;
    if (step.hash.length !== 32 || step.sum < 0n || sum + step.sum > U128_MAX) return false;
    below = step.bit;
    const self = {hash, sum};
    hash = bitAt(leaf.id, step.bit) ? innerHash(step.bit, step, self) : innerHash(step.bit, self, step);
    sum += step.sum;
  }
  return sum === total && equalBytes(hash, root);
}

/** Filled anew for each hash: there are two for every cell that changes, and dozens above it. */
const LEAF = scratch(81);
const INNER = scratch(98);

export function leafHash({id, valueHash, sum}: TreeLeaf): Uint8Array {
  const {bytes} = LEAF;
  bytes.set(id, 1);
  bytes.set(valueHash, 33);
  writeSum(LEAF, 65, sum);
  return sha256(bytes);
}

export type Summed = {readonly hash: Uint8Array; readonly sum: bigint};

export function innerHash(bit: number, left: Summed, right: Summed): Uint8Array {
  const {bytes} = INNER;
  bytes[0] = 1;
  bytes[1] = bit;
  bytes.set(left.hash, 2);
  writeSum(INNER, 34, left.sum);
  bytes.set(right.hash, 50);
  writeSum(INNER, 82, right.sum);
  return sha256(bytes);
}

type Scratch = {readonly bytes: Uint8Array; readonly view: DataView};

function scratch(length: number): Scratch {
  const bytes = new Uint8Array(length);
  return {bytes, view: new DataView(bytes.buffer)};
}

function writeSum({view}: Scratch, at: number, sum: bigint): void {
  view.setBigUint64(at, sum <= U64_MAX ? 0n : sum >> 64n);
  view.setBigUint64(at + 8, BigInt.asUintN(64, sum));
}

function isUnhashed({hash}: Node): boolean {
  return hash === undefined;
}

/** Recursion is as deep as a path: ids are hashes, so about log2 of the leaves. */
function hashOf(node: Node): Uint8Array {
  if (node.hash !== undefined) return node.hash;
  if (node.kind === "leaf") {
    node.hash = leafHash(node);
  } else {
    const {bit, left, right} = node;
    node.hash = innerHash(bit, {hash: hashOf(left), sum: left.sum}, {hash: hashOf(right), sum: right.sum});
  }
  return node.hash;
}

function inserted(root: Node | undefined, leaf: LeafNode): Node {
  if (root === undefined) return leaf;
  let near = root;
  while (near.kind === "inner") near = bitAt(leaf.id, near.bit) ? near.right : near.left;
  return put(root, leaf, firstDifference(near.id, leaf.id));
}

/** `bit` is where the new leaf parts from its nearest neighbour; 256 replaces the leaf of the same id. */
function put(node: Node, leaf: LeafNode, bit: number): Node {
  const isRight = bit < 256 && bitAt(leaf.id, bit);
  if (node.kind === "leaf")
    return bit === 256 ? leaf : isRight ? inner(bit, node, leaf) : inner(bit, leaf, node);
  if (node.bit > bit) return isRight ? inner(bit, node, leaf) : inner(bit, leaf, node);
  return bitAt(leaf.id, node.bit)
    ? inner(node.bit, node.left, put(node.right, leaf, bit))
    : inner(node.bit, put(node.left, leaf, bit), node.right);
}

function removed(node: Node | undefined, id: Uint8Array): Node | undefined {
  if (node === undefined) return undefined;
  if (node.kind === "leaf") return equalBytes(node.id, id) ? undefined : node;
  const isRight = bitAt(id, node.bit);
  const before = isRight ? node.right : node.left;
  const after = removed(before, id);
  if (after === before) return node;
  if (after === undefined) return isRight ? node.left : node.right;
  return isRight ? inner(node.bit, node.left, after) : inner(node.bit, after, node.right);
}

function inner(bit: number, left: Node, right: Node): InnerNode {
  return {kind: "inner", bit, left, right, sum: left.sum + right.sum, hash: undefined};
}

/** Where two ids part, the second being the higher; `undefined` when it is not. */
export function gapBetween(lower: Uint8Array, higher: Uint8Array): number | undefined {
  const gap = firstDifference(lower, higher);
  return gap < 256 && bitAt(higher, gap) ? gap : undefined;
}

/** True for an id that stands right of an inner node with this bit. */
export function bitAt(id: Uint8Array, bit: number): boolean {
  return (((id[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
}

function firstDifference(left: Uint8Array, right: Uint8Array): number {
  for (let byte = 0; byte < 32; byte += 1) {
    const difference = (left[byte] ?? 0) ^ (right[byte] ?? 0);
    if (difference !== 0) return byte * 8 + Math.clz32(difference) - 24;
  }
  return 256;
}
