/**
 * Collects the chunks of a snapshot into the state of its checkpoint. Takes them in any order, since each is
 * verified alone (see `snapshot.ts`): several peers can be asked at once, and a refusal always names the one
 * whose part is wrong. Memory is bounded by the state itself: what is kept hangs from the checkpoint's root.
 */
import {assert} from "../errors/assert.ts";
import {equalBytes, fromHex} from "../primitives/bytes.ts";
import {U128_MAX} from "./canonical.ts";
import {type Cell, liabilitiesOf} from "./cell.ts";
import {decodeCell, leafOfEncoded, treasuryLeaf} from "./cellCodec.ts";
import {governanceHash} from "./governanceCodec.ts";
import {registerHash} from "./registerCodec.ts";
import {refuseSnapshot, type SnapshotChunk, type SnapshotHead} from "./snapshot.ts";
import {LedgerState} from "./state.ts";
import {
  gapBetween,
  innerHash,
  leafHash,
  type Summed,
  SumTree,
  type TreeLeaf,
  type TreeStep,
} from "./sumTree.ts";
import {TreeFold} from "./treeFold.ts";
import {withdrawalRoot} from "./withdrawals.ts";

/** One cell of a verified chunk; `undefined` for the treasury's leaf. */
type Placed = {readonly leaf: TreeLeaf; readonly cell: Cell | undefined};

export class SnapshotBuilder {
  readonly #head: SnapshotHead;
  readonly #chunks = new Map<number, readonly Placed[]>();

  /** Whoever calls this has checked that the checkpoint is final. Throws `SNAPSHOT_INVALID`. */
  constructor(head: SnapshotHead) {
    checkSnapshotHead(head);
    this.#head = head;
  }

  get isComplete(): boolean {
    return this.#chunks.size === this.#head.firsts.length;
  }

  has(index: number): boolean {
    return this.#chunks.has(index);
  }

  /** Throws `SNAPSHOT_INVALID`, and takes nothing then. `index` is what was asked for. */
  take(index: number, chunk: SnapshotChunk): void {
    const placed = checkChunk(index, chunk, this.#head);
    this.#chunks.set(index, placed);
  }

  /** The checkpoint's state. Every chunk must be here. */
  finish(): LedgerState {
    assert(this.isComplete, "chunks are missing");
    const {final, register, governance, withdrawals} = this.#head;
    const {totals, stateRoot} = final.checkpoint;
    const placed = this.#head.firsts.flatMap((_, index) => this.#chunks.get(index) ?? []);
    const tree = SumTree.ofAscending(placed.map(({leaf}) => leaf));
    assert(equalBytes(tree.root(), fromHex(stateRoot)), "verified chunks make another root");
    const cells = placed.flatMap(({cell}) => cell ?? []);
    return LedgerState.load({cells, totals, withdrawals, register, governance, tree});
  }
}

/** Throws `SNAPSHOT_INVALID`. That the checkpoint is final is not looked at. */
export function checkSnapshotHead(head: SnapshotHead): void {
  const {register, governance, withdrawals} = head;
  const {checkpoint} = head.final;
  const wrong = (reason: string) => refuseSnapshot({part: "head", reason});
  if (!checkpoint.isLastOfEpoch || checkpoint.height === 0n) wrong("not an epoch's end");
  if (registerHash(register) !== checkpoint.nextCommitteeHash) wrong("register of witnesses");
  if (governanceHash(governance) !== checkpoint.paramsHash) wrong("parameters and votes");
  // Sums are cheap, hashes are not.
  const sum = withdrawals.reduce((total, {cumulative}) => total + cumulative, 0n);
  if (sum !== checkpoint.totals.withdrawn) wrong("sum of withdrawals");
  if (!equalBytes(withdrawalRoot(withdrawals), fromHex(checkpoint.withdrawalRoot))) wrong("withdrawals");
}

function checkChunk(index: number, chunk: SnapshotChunk, {final, firsts}: SnapshotHead): readonly Placed[] {
  const wrong = (reason: string) => refuseSnapshot({part: "chunk", index, reason});
  const {checkpoint, hash} = final;
  if (chunk.checkpoint !== hash) wrong("of another checkpoint");
  if (chunk.index !== index) wrong("another chunk than asked for");
  const placed = chunk.cells.map((bytes) => placedOf(bytes, checkpoint.totals.treasury, wrong));
  if (!isAt(placed[0]?.leaf, firsts[index])) wrong("begins elsewhere");
  if (!isAt(chunk.next, firsts[index + 1])) wrong("ends elsewhere");
  // Else the first or the last chunk of a head that lies could leave out what stands beside it.
  if (index === 0 && chunk.left.length > 0) wrong("leaves out what stands left of it");
  if (chunk.next === undefined && chunk.right.length > 0) wrong("leaves out what stands right of it");
  const root = rootOf(placed, chunk);
  if (root === undefined) wrong("order of its leaves");
  else if (root.sum !== liabilitiesOf(checkpoint.totals)) wrong("sum of its leaves");
  else if (!equalBytes(root.hash, fromHex(checkpoint.stateRoot))) wrong("not under the checkpoint's root");
  return placed;
}

/** Both, or neither. */
function isAt(leaf: TreeLeaf | undefined, id: Uint8Array | undefined): boolean {
  return leaf === undefined || id === undefined
    ? leaf === undefined && id === undefined
    : equalBytes(leaf.id, id);
}

function placedOf(bytes: Uint8Array, treasury: bigint, wrong: (reason: string) => never): Placed {
  if (bytes.length === 0) return {leaf: treasuryLeaf(treasury), cell: undefined};
  const cell = decodedCell(bytes, wrong);
  const leaf = leafOfEncoded(cell, bytes);
  // A sum outside of u128 would be hashed as another one.
  return leaf.sum < 0n || leaf.sum > U128_MAX ? wrong("sum of a cell") : {leaf, cell};
}

function decodedCell(bytes: Uint8Array, wrong: (reason: string) => never): Cell {
  try {
    return decodeCell(bytes);
  } catch {
    return wrong("bytes of a cell");
  }
}

/** What the chunk's leaves, the next one and the siblings on both sides hash and add up to. */
function rootOf(placed: readonly Placed[], {next, left, right}: SnapshotChunk): Summed | undefined {
  const shown = [...placed.map(({leaf}) => leaf), ...(next === undefined ? [] : [next])];
  const fold = new TreeFold<Summed>(joined);
  // A sibling on the left parts from what comes after it at its bit, one on the right from what came before.
  const parts = [
    ...left.map((step, at) => ({gap: left[at - 1]?.bit ?? 0, node: summed(step)})),
    ...shown.map((leaf, at) => ({
      gap: gapBefore(shown[at - 1], leaf, left),
      node: {hash: leafHash(leaf), sum: leaf.sum},
    })),
    ...right.map((step) => ({gap: step.bit, node: summed(step)})),
  ];
  const isTree = parts.every(({gap, node}) => gap !== undefined && fold.push(gap, node));
  const root = isTree ? fold.finish() : undefined;
  return root === undefined || root.sum > U128_MAX ? undefined : root;
}

function gapBefore(
  before: TreeLeaf | undefined,
  leaf: TreeLeaf,
  left: readonly TreeStep[],
): number | undefined {
  return before === undefined ? (left.at(-1)?.bit ?? 0) : gapBetween(before.id, leaf.id);
}

function summed({hash, sum}: TreeStep): Summed {
  return {hash, sum};
}

function joined(bit: number, left: Summed, right: Summed): Summed {
  return {hash: innerHash(bit, left, right), sum: left.sum + right.sum};
}
