import type {Head} from "./checkpoint.ts";
import type {Dag} from "./dag.ts";
import type {Entry} from "./entry.ts";

/** Alternate branches of forked logs sent in one answer. */
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
  const found: Uint8Array[] = [];
  let forks = 0;
  for (const {entry, isMain, isCovered} of dag.nodes()) {
    if (found.length >= entriesMax) break;
    const {witness, n} = entry.header;
    const isNew = isMain && n > (known.get(witness) ?? 0n);
    // The peer's branch of a forked log may be another than ours: then both must get around.
    const isFork = !isNew && (!isMain || (!isCovered && dag.isForked(witness)));
    if (isFork) forks += 1;
    if (isNew || (isFork && forks <= FORKS_SENT_MAX)) found.push(entry.bytes);
  }
  const waiting = unplaced.filter(({header}) => header.n > (known.get(header.witness) ?? 0n));
  return [...found, ...waiting.slice(0, entriesMax - found.length).map(({bytes}) => bytes)];
}
