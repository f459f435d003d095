/**
 * Cuts a state into the chunks of a snapshot. A generator, because a large state takes seconds: between two
 * steps its caller may do other things. What it reads is a copy of references, so the ledger may go on.
 */
import {LIMITS} from "@catalyze/proto/limits";
import {assert} from "../errors/assert.ts";
import {equalBytes, fromHex, toHex} from "../primitives/bytes.ts";
import type {Cell} from "./cell.ts";
import {encodeCell, leafIdOf} from "./cellCodec.ts";
import type {FinalCheckpoint} from "./finality.ts";
import type {Governance} from "./governance.ts";
import type {Handover} from "./handover.ts";
import type {Register} from "./register.ts";
import {encodeSnapshotChunk, type SnapshotHead} from "./snapshot.ts";
import type {LedgerState} from "./state.ts";
import {bitAt, type SumTree, type TreeLeaf, type TreeStep} from "./sumTree.ts";
import type {Withdrawal} from "./withdrawals.ts";

/** Room for two paths of 256 steps, the next leaf and what stands before the cells. */
const CELLS_BYTES_MAX = LIMITS.snapshotChunkBytesMax - 32 * 1024;
/** Cells of one step: some milliseconds. */
const STEP_CELLS = 1_024;

export type SnapshotSource = {
  readonly final: FinalCheckpoint;
  readonly tree: SumTree;
  readonly cells: readonly Cell[];
  readonly withdrawals: readonly Withdrawal[];
  readonly register: Register;
  readonly governance: Governance;
  /** Of the changes of committee before this checkpoint. */
  readonly handovers: readonly Handover[];
};

export type SnapshotStep = {readonly index: number; readonly chunk: Uint8Array} | undefined;

/** `state` must be the very state of this checkpoint, the last of its epoch. */
export function snapshotSource(
  state: LedgerState,
  final: FinalCheckpoint,
  handovers: readonly Handover[] = [],
): SnapshotSource {
  const {isLastOfEpoch, stateRoot} = final.checkpoint;
  const tree = state.tree();
  assert(isLastOfEpoch, "a snapshot is of an epoch's end");
  assert(equalBytes(tree.root(), fromHex(stateRoot)), "the state is not the checkpoint's");
  const cells = [...state.cells()];
  const {register, governance} = state;
  return {final, tree, cells, withdrawals: state.withdrawals(), register, governance, handovers};
}

/** Yields the chunks by index, and `undefined` where it has worked for a while; returns the head. */
export function* makeSnapshot(
  {final, tree, cells, withdrawals, register, governance, handovers}: SnapshotSource,
  cellsBytesMax = CELLS_BYTES_MAX,
): Generator<SnapshotStep, SnapshotHead> {
  const byLeaf = new Map<string, Cell>();
  for (const [at, cell] of cells.entries()) {
    byLeaf.set(toHex(leafIdOf(cell.kind, cell.id)), cell);
    if (at % STEP_CELLS === STEP_CELLS - 1) yield undefined;
  }
  const firsts: Uint8Array[] = [];
  let run = emptyRun();
  const cut = (next: TreeLeaf | undefined) => {
    const index = firsts.length;
    firsts.push(run.leaves[0]?.id ?? new Uint8Array());
    const edges = edgesOf(tree, run.leaves, next);
    const chunk = encodeSnapshotChunk({checkpoint: final.hash, index, cells: run.cells, next, ...edges});
    run = emptyRun();
    return {index, chunk};
  };
  for (const leaf of tree.leaves()) {
    const cell = byLeaf.get(toHex(leaf.id));
    // The one leaf that is no cell's is the treasury's.
    const bytes = cell === undefined ? new Uint8Array() : encodeCell(cell);
    if (run.bytes > 0 && run.bytes + 4 + bytes.length > cellsBytesMax) yield cut(leaf);
    run.leaves.push(leaf);
    run.cells.push(bytes);
    run.bytes += 4 + bytes.length;
    if (run.leaves.length % STEP_CELLS === 0) yield undefined;
  }
  yield cut(undefined);
  return {final, register, governance, handovers, withdrawals, firsts};
}

type Run = {readonly leaves: TreeLeaf[]; readonly cells: Uint8Array[]; bytes: number};

function emptyRun(): Run {
  return {leaves: [], cells: [], bytes: 0};
}

function edgesOf(
  tree: SumTree,
  leaves: readonly TreeLeaf[],
  next: TreeLeaf | undefined,
): {readonly left: TreeStep[]; readonly right: TreeStep[]} {
  const [first, last] = [leaves[0], next ?? leaves.at(-1)];
  assert(first !== undefined && last !== undefined, "a chunk has a leaf");
  const left = tree.lookUp(first.id).path.filter(({bit}) => bitAt(first.id, bit));
  const right = tree.lookUp(last.id).path.filter(({bit}) => !bitAt(last.id, bit));
  return {left: left.reverse(), right};
}
