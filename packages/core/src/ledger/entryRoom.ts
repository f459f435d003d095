/**
 * How far the log of one member may go. An entry costs every node a signature check, disk, and its place in the
 * graph until the epoch ends, and no fee pays for it. So its place in its epoch is bounded by what every node has,
 * heights: it is at most `uncoveredMax`, and `perHeight` more for each height from the epoch's first to its stamp.
 *
 * One that goes further is not taken in, by anybody, and nobody is blamed for it. A stamp counts to one height above
 * ours at most, so that no false one brings an epoch's room at once; whoever lags takes the entry when it is there.
 *
 * Why nobody honest is stopped for good: a writer puts votes into at most `ownUncoveredMax` entries above the last
 * cut and, where checkpoints do not come, waits for one. Beyond that it writes the one stamp that each height needs,
 * and each height brings room for more than a stamp.
 */
import type {CarryLimits} from "./carryRoom.ts";

export type EntryRoom = CarryLimits & {
  /** Entries of an epoch, whatever their stamps. */
  readonly uncoveredMax: bigint;
  /** More of them for each height of the epoch. */
  readonly perHeight: bigint;
  /** Entries above the last cut into which an honest writer puts votes. */
  readonly ownUncoveredMax: bigint;
};

/** At full pace 250 entries are written in a checkpoint's 5 s. */
export const ENTRY_ROOM: EntryRoom = {
  uncoveredMax: 32_768n,
  perHeight: 512n,
  ownUncoveredMax: 8_192n,
  wasteBytesMax: 16 * 1024 * 1024,
  aheadBytesMax: 64 * 1024 * 1024,
  ownAheadBytesMax: 60 * 1024 * 1024,
};

/** Where a node stands: the height of its last checkpoint, and how many make an epoch. */
export type RoomMoment = EntryRoom & {readonly height: bigint; readonly checkpointsPerEpoch: number};

/** How far a log may go in the present epoch with an entry of this stamp. */
export function roomAt(stampH: bigint, moment: RoomMoment): bigint {
  const {height, checkpointsPerEpoch, uncoveredMax, perHeight} = moment;
  const floorH = height - (height % BigInt(checkpointsPerEpoch));
  const known = stampH > height + 1n ? height + 1n : stampH;
  return uncoveredMax + perHeight * (known - floorH + 1n);
}

/** Places in the epoch of the last entry that was written, and of the last one that a cut covers; 0 for none. */
export type LogEnds = {readonly written: bigint; readonly covered: bigint};

/** By how much a writer slows down: entries with votes, and stamps. 1 while there is room; `Infinity` without. */
export type WriterPace = {readonly votes: number; readonly stamps: number};

export function writerPace({written, covered}: LogEnds, moment: RoomMoment): WriterPace {
  const {height, uncoveredMax, perHeight, ownUncoveredMax} = moment;
  const last = roomAt(height, moment);
  const easy = Number(ownUncoveredMax) / 2;
  const paceOf = (left: bigint) => (left <= 0n ? Number.POSITIVE_INFINITY : Math.max(1, easy / Number(left)));
  return {
    // The room that this height brought is for stamps.
    votes: paceOf(smaller(last - perHeight, covered + ownUncoveredMax) - written),
    stamps: paceOf(smaller(last, covered + uncoveredMax) - written),
  };
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
