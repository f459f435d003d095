import {sha256} from "@catalyze/core/crypto/sha256";
import {
  EMPTY_ROOT,
  innerHash,
  leafHash,
  SumTree,
  type TreeLeaf,
  verifyProof,
} from "@catalyze/core/ledger/sumTree";
import {compareBytes, concat, equalBytes, toHex} from "@catalyze/core/primitives/bytes";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

type Summed = {hash: Uint8Array; sum: bigint};

function u128(value: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(32, "0"), "hex"));
}

function bit(id: Uint8Array, at: number): boolean {
  return (((id[Math.floor(at / 8)] ?? 0) << (at % 8)) & 0x80) !== 0;
}

/** Written from the text of the specification: split all leaves at the first bit in which they differ. */
function naive(leaves: readonly TreeLeaf[], from = 0): Summed {
  const [only] = leaves;
  if (only === undefined) return {hash: new Uint8Array(32), sum: 0n};
  if (leaves.length === 1) {
    return {hash: sha256(concat(Uint8Array.of(0), only.id, only.valueHash, u128(only.sum))), sum: only.sum};
  }
  const left = leaves.filter(({id}) => !bit(id, from));
  const right = leaves.filter(({id}) => bit(id, from));
  if (left.length === 0 || right.length === 0) return naive(leaves, from + 1);
  const l = naive(left, from + 1);
  const r = naive(right, from + 1);
  return {
    hash: sha256(concat(Uint8Array.of(1, from), l.hash, u128(l.sum), r.hash, u128(r.sum))),
    sum: l.sum + r.sum,
  };
}

// Few distinct bytes on purpose: long common prefixes, and updates and removals of what is there.
const idArb = fc
  .tuple(fc.constantFrom(0, 1, 128, 255), fc.constantFrom(0, 1, 2), fc.constantFrom(0, 1, 3))
  .map(([first, middle, last]) => {
    const id = new Uint8Array(32);
    id[0] = first;
    id[15] = middle;
    id[31] = last;
    return id;
  });
const leafArb = fc.record({
  valueHash: fc.uint8Array({minLength: 32, maxLength: 32}),
  sum: fc.bigInt({min: 0n, max: 1n << 80n}),
});
const changesArb = fc.array(fc.record({id: idArb, leaf: fc.option(leafArb, {nil: undefined})}), {
  maxLength: 40,
});

function leavesAfter(
  changes: readonly {id: Uint8Array; leaf: Omit<TreeLeaf, "id"> | undefined}[],
): TreeLeaf[] {
  const map = new Map<string, TreeLeaf>();
  for (const {id, leaf} of changes) {
    if (leaf === undefined) map.delete(toHex(id));
    else map.set(toHex(id), {id, ...leaf});
  }
  return [...map.values()].sort((left, right) => compareBytes(left.id, right.id));
}

describe("SumTree", () => {
  it("is empty at zero", () => {
    expect(SumTree.EMPTY.root()).toEqual(EMPTY_ROOT);
    expect(SumTree.EMPTY.sum()).toBe(0n);
    expect(SumTree.EMPTY.prove(new Uint8Array(32))).toBeUndefined();
  });

  it("is the same tree made at once from its leaves in order, and gives them back so", () => {
    fc.assert(
      fc.property(changesArb, (changes) => {
        const leaves = leavesAfter(changes);
        const tree = SumTree.ofAscending(leaves);
        expect(tree.root()).toEqual(SumTree.EMPTY.with(changes).root());
        expect(tree.sum()).toBe(leaves.reduce((sum, leaf) => sum + leaf.sum, 0n));
        expect([...tree.leaves()]).toEqual(leaves);
        if (leaves.length > 1) expect(() => SumTree.ofAscending(leaves.toReversed())).toThrow(/ascend/);
      }),
    );
  });

  it("equals the naive tree after any inserts, updates and removals, in one step or many", () => {
    fc.assert(
      fc.property(changesArb, (changes) => {
        const expected = naive(leavesAfter(changes));
        const atOnce = SumTree.EMPTY.with(changes);
        let steps = SumTree.EMPTY;
        for (const change of changes) {
          steps = steps.with([change]);
          steps.root();
        }
        for (const tree of [atOnce, steps]) {
          expect(toHex(tree.root())).toBe(toHex(expected.hash));
          expect(tree.sum()).toBe(expected.sum);
        }
      }),
      {numRuns: 300},
    );
  });

  it("does not change the tree it was made from", () => {
    fc.assert(
      fc.property(changesArb, changesArb, (before, after) => {
        const tree = SumTree.EMPTY.with(before);
        const root = toHex(tree.root());
        tree.with(after).root();
        expect(toHex(tree.root())).toBe(root);
      }),
    );
  });

  it("proves every leaf it has and no other", () => {
    fc.assert(
      fc.property(changesArb, idArb, (changes, other) => {
        const leaves = leavesAfter(changes);
        const tree = SumTree.EMPTY.with(changes);
        for (const leaf of leaves) {
          const proof = tree.prove(leaf.id)!;
          expect(proof.leaf).toEqual(leaf);
          expect(verifyProof(tree.root(), tree.sum(), proof)).toBe(true);
        }
        const isHere = leaves.some(({id}) => equalBytes(id, other));
        expect(tree.prove(other) !== undefined).toBe(isHere);
      }),
    );
  });

  it("refuses a path whose bits do not fall towards the root, even where its hashes fit", () => {
    const leaf = {id: new Uint8Array(32), valueHash: new Uint8Array(32), sum: 1n};
    const step = (bit: number) => ({bit, hash: new Uint8Array(32).fill(9), sum: 2n});
    const rootOf = (first: number, second: number) => {
      const lower = innerHash(first, {hash: leafHash(leaf), sum: 1n}, step(first));
      return innerHash(second, {hash: lower, sum: 3n}, step(second));
    };
    expect(verifyProof(rootOf(5, 3), 5n, {leaf, path: [step(5), step(3)]})).toBe(true);
    expect(verifyProof(rootOf(3, 5), 5n, {leaf, path: [step(3), step(5)]})).toBe(false);
    expect(verifyProof(rootOf(3, 3), 5n, {leaf, path: [step(3), step(3)]})).toBe(false);
  });

  it("refuses a proof in which anything was changed", () => {
    const flip = (bytes: Uint8Array, at: number) =>
      bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
    fc.assert(
      fc.property(changesArb, fc.nat(31), fc.nat(), (changes, at, pick) => {
        const tree = SumTree.EMPTY.with(changes);
        const leaves = leavesAfter(changes);
        fc.pre(leaves.length > 1);
        const {leaf, path} = tree.prove(leaves[pick % leaves.length]!.id)!;
        const step = path[pick % path.length]!;
        const change = (changed: typeof step) => path.map((each) => (each === step ? changed : each));
        const root = tree.root();
        const total = tree.sum();
        const bad = [
          {leaf: {...leaf, sum: leaf.sum + 1n}, path},
          {leaf: {...leaf, valueHash: flip(leaf.valueHash, at)}, path},
          {leaf: {...leaf, id: flip(leaf.id, at)}, path},
          {leaf, path: change({...step, sum: step.sum + 1n})},
          {leaf, path: change({...step, hash: flip(step.hash, at)})},
          {leaf, path: change({...step, bit: (step.bit + 1) % 256})},
          {leaf, path: path.slice(1)},
          {leaf, path: [...path, step]},
          // Value moved from a sibling to the leaf: the total still fits, the hashes do not.
          {leaf: {...leaf, sum: leaf.sum + step.sum}, path: change({...step, sum: 0n})},
        ];
        for (const proof of bad) {
          const isSame = step.sum === 0n && proof === bad[8];
          expect(verifyProof(root, total, proof)).toBe(isSame);
        }
        expect(verifyProof(root, total + 1n, {leaf, path})).toBe(false);
      }),
    );
  });
});
