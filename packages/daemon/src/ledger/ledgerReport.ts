/** What `ctz ledger verify` checks: a full recount of the agreed state, and the chain of checkpoints. */
import type {LockCell} from "@catalyze/core/ledger/cell";
import {encodeCell, leafIdOf, leafOf, treasuryLeaf} from "@catalyze/core/ledger/cellCodec";
import {type Checkpoint, checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {checkInvariants, isConserved, type Violation} from "@catalyze/core/ledger/invariants";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {SumTree, type TreeProof} from "@catalyze/core/ledger/sumTree";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {CellId, Hash} from "@catalyze/core/primitives/id";

export type LedgerReport = {
  readonly isSound: boolean;
  readonly height: bigint;
  readonly epoch: number;
  readonly stateRoot: Hash;
  /** From every cell, not from the tree that is kept up to date. */
  readonly recomputedRoot: Hash;
  readonly accounts: number;
  readonly locksOpen: number;
  readonly isConserved: boolean;
  readonly violations: readonly Violation[];
  readonly checkpoints: {readonly verified: number; readonly problem: string | undefined};
};

export type ChainCheck = {readonly verified: number; readonly problem: string | undefined};

export function ledgerReport(base: LedgerState, checkpoint: Checkpoint, chain: ChainCheck): LedgerReport {
  const violations = checkInvariants(base);
  const recomputedRoot = toHex(recomputedTree(base).root()) as Hash;
  const isConservedNow = isConserved(base.totals);
  const isSound =
    violations.length === 0 &&
    isConservedNow &&
    recomputedRoot === checkpoint.stateRoot &&
    chain.problem === undefined;
  return {
    isSound,
    height: checkpoint.height,
    epoch: checkpoint.epoch,
    stateRoot: checkpoint.stateRoot,
    recomputedRoot,
    accounts: count(base.accounts(), () => true),
    locksOpen: count(base.locks(), (lock: LockCell) => !lock.isClosed),
    isConserved: isConservedNow,
    violations,
    checkpoints: chain,
  };
}

export type CellProof = {
  readonly height: bigint;
  readonly epoch: number;
  readonly checkpointHash: Hash;
  readonly stateRoot: Hash;
  /** Sum of all leaves: what the proof must add up to. */
  readonly liabilities: bigint;
  readonly cell: Uint8Array;
  readonly proof: TreeProof;
};

/** Proof of a cell in the state that `checkpoint` names; `undefined` for a cell that is not in it. */
export function cellProof(base: LedgerState, checkpoint: Checkpoint, id: CellId): CellProof | undefined {
  const cell = base.account(id) ?? base.lock(id);
  if (cell === undefined) return undefined;
  const tree = base.tree();
  const proof = tree.prove(leafIdOf(cell.kind, id));
  if (proof === undefined) return undefined;
  return {
    height: checkpoint.height,
    epoch: checkpoint.epoch,
    checkpointHash: checkpointHash(checkpoint),
    stateRoot: checkpoint.stateRoot,
    liabilities: tree.sum(),
    cell: encodeCell(cell),
    proof,
  };
}

function recomputedTree(base: LedgerState): SumTree {
  const treasury = treasuryLeaf(base.totals.treasury);
  const leaves = [treasury, ...[...base.accounts(), ...base.locks()].map(leafOf)];
  return SumTree.EMPTY.with(leaves.map((leaf) => ({id: leaf.id, leaf})));
}

function count<T>(items: Iterable<T>, isCounted: (item: T) => boolean): number {
  let total = 0;
  for (const item of items) if (isCounted(item)) total += 1;
  return total;
}
