import type {Hash} from "../primitives/id.ts";
import type {Head} from "./checkpoint.ts";
import type {Entry} from "./entry.ts";
import {beforeEpochOf} from "./entryNumber.ts";

/** Entries below the cut held of each witness after a start: for peers that lag. */
export const COVERED_PER_WITNESS = 256;

/** Number below those that are held of the log that ends here: none of an earlier epoch. */
export function coveredFloor({n}: Pick<Head, "n">): bigint {
  const [first, lowest] = [beforeEpochOf(n), n - BigInt(COVERED_PER_WITNESS)];
  return first > lowest ? first : lowest;
}

/**
 * The latest entries of the logs that a cut ends, out of what a peer sent, each log ascending; `undefined` when
 * one is missing. Each is named by the one after it and the last by the checkpoint, so none can be another.
 */
export function coveredLogs(sent: Iterable<Entry>, heads: readonly Head[]): readonly Entry[] | undefined {
  const byHash = new Map<Hash, Entry>();
  for (const entry of sent) byHash.set(entry.hash, entry);
  const logs: Entry[] = [];
  for (const head of heads) {
    const log: Entry[] = [];
    const floor = coveredFloor(head);
    let wanted = head.hash;
    for (let n = head.n; n > floor; n -= 1n) {
      const entry = byHash.get(wanted);
      if (entry?.header.n !== n || entry.header.witness !== head.witness) return undefined;
      log.push(entry);
      wanted = entry.header.prev;
    }
    logs.push(...log.reverse());
  }
  return logs;
}
