/**
 * What the anchor contract asks of an epoch's last checkpoint, signatures apart: a copy of its predicate, so
 * that witnesses never sign what the chain would refuse. `test/e2e/chain.test.ts` compares the two on random
 * anchors. Figures are cumulative from genesis on.
 */
import type {Hash} from "../primitives/id.ts";
import {U128_MAX} from "./canonical.ts";
import {liabilitiesOf, ZERO_HASH} from "./cell.ts";
import {type Checkpoint, checkpointHash} from "./checkpoint.ts";

export type Anchor = {
  readonly epoch: number;
  readonly height: bigint;
  readonly depositCursor: bigint;
  /** Hash of the checkpoint that the previous epoch anchored; the genesis hash for epoch 1. */
  readonly previousHash: Hash;
  readonly checkpointHash: Hash;
  readonly stateRoot: Hash;
  readonly withdrawalRoot: Hash;
  readonly liabilities: bigint;
  readonly minted: bigint;
  readonly burned: bigint;
  readonly withdrawn: bigint;
  /** Of the contract's list (keccak), not the ledger's own hash of the committee. */
  readonly nextCommitteeHash: Hash;
};

/** What the contract remembers of the anchor before. */
export type LastAnchor = Pick<
  Anchor,
  "epoch" | "height" | "depositCursor" | "checkpointHash" | "minted" | "burned" | "withdrawn"
>;

export type AnchorContext = {
  /** Sum of the first `cursor` deposits; `undefined` beyond the list. */
  readonly depositedUpTo: (cursor: bigint) => bigint | undefined;
  /** What may have been minted after genesis by now. */
  readonly emissionAllowed: bigint;
};

/** In the order in which the contract looks. */
export type AnchorProblem =
  | "epochNotNext"
  | "previousMismatch"
  | "rootMissing"
  | "committeeMissing"
  | "heightNotGreater"
  | "cursorInvalid"
  | "counterFell"
  | "beyondSchedule"
  | "backingMismatch"
  | "outOfRange";

/** `undefined` when the contract accepts it, given signatures. */
export function checkAnchor(
  last: LastAnchor,
  next: Anchor,
  {depositedUpTo, emissionAllowed}: AnchorContext,
): AnchorProblem | undefined {
  const figures = [next.liabilities, next.minted, next.burned, next.withdrawn];
  if (figures.some((figure) => figure < 0n || figure > U128_MAX)) return "outOfRange";
  if (next.epoch !== last.epoch + 1) return "epochNotNext";
  if (next.previousHash !== last.checkpointHash) return "previousMismatch";
  if (next.stateRoot === ZERO_HASH || next.checkpointHash === ZERO_HASH) return "rootMissing";
  if (next.nextCommitteeHash === ZERO_HASH) return "committeeMissing";
  if (next.height <= last.height) return "heightNotGreater";
  const deposited = next.depositCursor < last.depositCursor ? undefined : depositedUpTo(next.depositCursor);
  if (deposited === undefined) return "cursorInvalid";
  if (next.minted < last.minted || next.burned < last.burned || next.withdrawn < last.withdrawn) {
    return "counterFell";
  }
  if (next.minted > emissionAllowed) return "beyondSchedule";
  const owed = next.liabilities + next.burned + next.withdrawn;
  return owed === deposited + next.minted ? undefined : "backingMismatch";
}

export type AnchorLinks = Pick<Anchor, "previousHash" | "nextCommitteeHash">;

/** The anchor of an epoch's last checkpoint. */
export function anchorOf(checkpoint: Checkpoint, {previousHash, nextCommitteeHash}: AnchorLinks): Anchor {
  const {totals} = checkpoint;
  return {
    epoch: checkpoint.epoch,
    height: checkpoint.height,
    depositCursor: checkpoint.depositCursor,
    previousHash,
    checkpointHash: checkpointHash(checkpoint),
    stateRoot: checkpoint.stateRoot,
    withdrawalRoot: checkpoint.withdrawalRoot,
    liabilities: liabilitiesOf(totals),
    minted: totals.minted,
    burned: totals.burned,
    withdrawn: totals.withdrawn,
    nextCommitteeHash,
  };
}

/** More than 2/3 of the weight, as the contract counts. */
export function isQuorum(signedWeight: bigint, totalWeight: bigint): boolean {
  return signedWeight * 3n > totalWeight * 2n;
}
