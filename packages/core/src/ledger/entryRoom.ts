/**
 * How far the log of one member may go. An entry costs every node a signature check, disk, and its place in the
 * graph until the epoch ends, and no fee pays for it. So its number is bounded by what every node has: the end of
 * the log in the cut that closed the epoch before (the floor), and heights.
 *
 *   - of the present epoch:  n <= floor + `uncoveredMax` + `perHeight` for each height from the floor's to its stamp
 *   - of an epoch before:    n <= floor + `uncoveredMax`
 *
 * One that goes further is not taken in during this epoch, by anybody, and nobody is blamed for it: at a later floor
 * it may fit. A stamp counts to one height above ours at most, so that no false one brings an epoch's room at once;
 * whoever lags takes the entry when it is there.
 *
 * Why nobody honest is stopped for good: a writer puts votes into at most `ownUncoveredMax` entries above the last
 * cut and, where checkpoints do not come, waits for one. Beyond that it writes the one stamp that each height needs,
 * and the room up to `uncoveredMax` is for those. So what it wrote before any floor fits above that floor, and each
 * height brings room for more than a stamp.
 */
import type {Head} from "./checkpoint.ts";

export type EntryRoom = {
  /** Entries above a floor, whatever their stamps. */
  readonly uncoveredMax: bigint;
  /** More of them for each height of the epoch. */
  readonly perHeight: bigint;
  /** Entries above the last cut into which an honest writer puts votes. */
  readonly ownUncoveredMax: bigint;
};

/**
 * At full pace 250 entries are written in a checkpoint's 5 s. The day after which a member that nobody hears has
 * lost its seat, and the epoch in which it loses it, have 18,720 heights, and so many stamps.
 */
export const ENTRY_ROOM: EntryRoom = {uncoveredMax: 32_768n, perHeight: 512n, ownUncoveredMax: 8_192n};

/** Where a node stands: the height of its last checkpoint, and how many make an epoch. */
export type RoomMoment = EntryRoom & {readonly height: bigint; readonly checkpointsPerEpoch: number};

/** Numbers above the floor that an entry of this stamp may have. */
export function roomAbove(stampH: bigint, moment: RoomMoment): bigint {
  const {height, checkpointsPerEpoch, uncoveredMax, perHeight} = moment;
  const floorH = height - (height % BigInt(checkpointsPerEpoch));
  if (stampH < floorH) return uncoveredMax;
  const known = stampH > height + 1n ? height + 1n : stampH;
  return uncoveredMax + perHeight * (known - floorH + 1n);
}

/** Ends of one log: what was written, what the last cut covers, what the one before the epoch covered. */
export type LogEnds = Readonly<Record<"head" | "covered" | "floor", Pick<Head, "n"> | undefined>>;

/** By how much a writer slows down: entries with votes, and stamps. 1 while there is room; `Infinity` without. */
export type WriterPace = {readonly votes: number; readonly stamps: number};

export function writerPace({head, covered, floor}: LogEnds, moment: RoomMoment): WriterPace {
  const {height, uncoveredMax, perHeight, ownUncoveredMax} = moment;
  const [n, coveredN] = [head?.n ?? 0n, covered?.n ?? 0n];
  const last = (floor?.n ?? 0n) + roomAbove(height, moment);
  const easy = Number(ownUncoveredMax) / 2;
  const paceOf = (left: bigint) => (left <= 0n ? Number.POSITIVE_INFINITY : Math.max(1, easy / Number(left)));
  return {
    // The room that this height brought is for stamps.
    votes: paceOf(smaller(last - perHeight, coveredN + ownUncoveredMax) - n),
    stamps: paceOf(smaller(last, coveredN + uncoveredMax) - n),
  };
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
