/**
 * Numbers of entries: the epoch in which the entry votes above 32 bits, and below them its place, from 1, among
 * those that its author writes in that epoch:
 *
 *   n = epoch × 2³² + place
 *
 * The first of an epoch follows on its author's end in the cut that closed the epoch before. What no cut covered by
 * then is void, and nothing follows on it. So a number says in which epoch it binds: two entries of one number are
 * two votes in one epoch, and whoever forgot what it signed in an epoch that is closed signs no number again.
 */
import type {Head} from "./checkpoint.ts";

const PLACE_BITS = 32n;
const PLACE_MASK = (1n << PLACE_BITS) - 1n;

export function entryNumber(epoch: number, place: bigint): bigint {
  return (BigInt(epoch) << PLACE_BITS) | place;
}

export function epochOfEntry(n: bigint): number {
  return Number(n >> PLACE_BITS);
}

/** From 1. */
export function placeOfEntry(n: bigint): bigint {
  return n & PLACE_MASK;
}

/** Below every number of its epoch, and above those of the epochs before. */
export function beforeEpochOf(n: bigint): bigint {
  return n & ~PLACE_MASK;
}

/** Of the entry after this end of a log, written in this epoch. */
export function nextNumber(end: Pick<Head, "n"> | undefined, epoch: number): bigint {
  return end !== undefined && epochOfEntry(end.n) === epoch ? end.n + 1n : entryNumber(epoch, 1n);
}

/** How many entries of this epoch the log has that ends here. */
export function placeIn(epoch: number, end: Pick<Head, "n"> | undefined): bigint {
  return end !== undefined && epochOfEntry(end.n) === epoch ? placeOfEntry(end.n) : 0n;
}

/** For people: epoch and place. */
export function entryName(n: bigint): string {
  return `${epochOfEntry(n)}/${placeOfEntry(n)}`;
}
