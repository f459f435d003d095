/** What a peer that syncs lacks, from memory. */
import type {Head} from "./checkpoint.ts";
import type {Dag} from "./dag.ts";
import type {Entry} from "./entry.ts";
import {branchesInTurn, type EntryPage, fromEach, type PageRoom, startingAt} from "./entryPage.ts";

/** Of one forked log, from below what the peer names. */
const BRANCHES_BELOW_MAX = 64;

export type HeldEntries = {
  readonly dag: Dag;
  /** Own ones that the graph has no place for yet. */
  readonly unplaced: readonly Entry[];
};

type HeldLog = {readonly above: Entry[]; readonly below: Entry[]; isForked: boolean};

/** Entries that a peer with these heads lacks, causes before effects. */
export function entriesAfter(
  {dag, unplaced}: HeldEntries,
  heads: readonly Head[],
  room: PageRoom,
): EntryPage {
  const known = new Map(heads.map(({witness, n}) => [witness, n]));
  const isAbove = ({header: {witness, n}}: Entry) => n > (known.get(witness) ?? 0n);
  const logs = [...heldLogs(dag, isAbove).values()].map((log) => inOrder(log, room.turn));
  const {entries, hasMore} = fromEach([...logs, unplaced.filter(isAbove)], room);
  const chosen = new Set(entries);
  const placed: Entry[] = [];
  if (chosen.size > 0) for (const {entry} of dag.nodes()) if (chosen.delete(entry)) placed.push(entry);
  return {entries: [...placed, ...chosen], hasMore};
}

/**
 * Of a forked log from below what the peer names too: its branch may be another than ours, then both must get around.
 */
function heldLogs(dag: Dag, isAbove: (entry: Entry) => boolean): ReadonlyMap<number, HeldLog> {
  const logs = new Map<number, HeldLog>();
  for (const {entry, isMain, isCovered} of dag.nodes()) {
    const {witness} = entry.header;
    const isHigh = isAbove(entry);
    if (!isHigh && isMain && (isCovered || !dag.isForked(witness))) continue;
    const log = logs.get(witness) ?? {above: [], below: [], isForked: dag.isForked(witness)};
    logs.set(witness, log);
    // It may have been in an epoch that is over.
    log.isForked ||= !isMain;
    (isHigh ? log.above : log.below).push(entry);
  }
  return logs;
}

function inOrder({above, below, isForked}: HeldLog, turn: number): readonly Entry[] {
  const ascending = above.sort((left, right) => Number(left.header.n - right.header.n));
  if (!isForked) return ascending;
  return branchesInTurn([...ascending, ...startingAt(below, turn).slice(0, BRANCHES_BELOW_MAX)], turn);
}
