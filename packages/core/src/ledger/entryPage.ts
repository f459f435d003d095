/** Which entries go into one answer of a sync: something of each log, whatever the others hold. */
import type {Entry} from "./entry.ts";

/** What an answer has room for. */
export type PageRoom = {
  readonly itemsMax: number;
  /** Of the entries with their framing. Twice that of the largest entry at least, or some may never fit. */
  readonly bytesMax: number;
  /** By chance, another one for each page: so each log comes first at times, and each entry of a forked one. */
  readonly turn: number;
};

export type EntryPage = {
  readonly entries: Entry[];
  /** Something had no room. */
  readonly hasMore: boolean;
};

/** Tag and length in the answer, rounded up. */
const FRAMING_BYTES = 8;

/**
 * As many of each log as of any other, while it has some and they fit. In another order, by the times that authors
 * give or by when entries came, those of a bad member would fill every page and leave out the next one of an honest
 * member. What is out of order waits at the peer for a moment.
 */
export function fromEach(
  logs: readonly (readonly Entry[])[],
  {itemsMax, bytesMax, turn}: PageRoom,
): EntryPage {
  const entries: Entry[] = [];
  let room = bytesMax;
  let open = startingAt(logs, turn);
  for (let at = 0; open.length > 0; at += 1) {
    open = open.filter((log) => {
      const entry = log[at];
      const bytes = (entry?.bytes.length ?? 0) + FRAMING_BYTES;
      if (entry === undefined || entries.length >= itemsMax || bytes > room) return false;
      entries.push(entry);
      room -= bytes;
      return true;
    });
  }
  return {entries, hasMore: entries.length < logs.reduce((sum, log) => sum + log.length, 0)};
}

/**
 * The order in which entries of a forked log go out. A peer names what stands just below the lowest entry that it
 * lacks, so every other page begins there. But where branches have large entries of the same number, or the peer wants
 * a link's end first, one that it has would for ever keep out one that it lacks: the other pages begin anywhere.
 */
export function branchesInTurn(ascending: readonly Entry[], turn: number): readonly Entry[] {
  return turn % 2 === 0 ? ascending : startingAt(ascending, (turn - 1) / 2);
}

export function startingAt<T>(items: readonly T[], turn: number): readonly T[] {
  const start = items.length === 0 ? 0 : turn % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
