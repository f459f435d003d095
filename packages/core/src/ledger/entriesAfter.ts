import type {Head} from "./checkpoint.ts";
import type {Dag} from "./dag.ts";
import type {Entry} from "./entry.ts";

/** Entries of forked logs sent in one answer: beyond what the peer names, and below it. */
const FORKS_SENT_MAX = 64;

export type HeldEntries = {
  readonly dag: Dag;
  /** Own ones that the graph has no place for yet. */
  readonly unplaced: readonly Entry[];
};

/** Entries that a peer with these heads lacks, causes before effects. */
export function entriesAfter(
  {dag, unplaced}: HeldEntries,
  heads: readonly Head[],
  entriesMax: number,
): Uint8Array[] {
  const known = new Map(heads.map(({witness, n}) => [witness, n]));
  const isAbove = ({header: {witness, n}}: Entry) => n > (known.get(witness) ?? 0n);
  const forks = forksFor(dag, isAbove);
  const found: Uint8Array[] = [];
  for (const {entry, isMain} of dag.nodes()) {
    if (found.length >= entriesMax) break;
    if ((isMain && isAbove(entry)) || forks.has(entry)) found.push(entry.bytes);
  }
  const waiting = unplaced.filter(isAbove);
  return [...found, ...waiting.slice(0, entriesMax - found.length).map(({bytes}) => bytes)];
}

/**
 * The peer's branch of a forked log may be another than ours: then both must get around. What it names stands below
 * everything that it waits for, so what it lacks of a branch comes first in the order of numbers: where the branches
 * are many and long, the same ones would else fill every answer.
 */
function forksFor(dag: Dag, isAbove: (entry: Entry) => boolean): ReadonlySet<Entry> {
  const forks: Entry[] = [];
  for (const {entry, isMain, isCovered} of dag.nodes()) {
    const isFork = !isMain || (!isCovered && dag.isForked(entry.header.witness));
    if (isFork && !(isMain && isAbove(entry))) forks.push(entry);
  }
  const above = forks.filter(isAbove).sort((left, right) => (left.header.n < right.header.n ? -1 : 1));
  const below = forks.filter((entry) => !isAbove(entry));
  return new Set([...above.slice(0, FORKS_SENT_MAX), ...below.slice(0, FORKS_SENT_MAX)]);
}
