/**
 * Branches of the witnesses' logs in a store, by hash: a log that forks has several entries with one number, and
 * which of them a node holds for the main one says nothing about which a cut covers.
 */
import type {StoreReader} from "../ports/store.ts";
import type {Hash} from "../primitives/id.ts";
import type {Head} from "./checkpoint.ts";
import {COVERED_PER_WITNESS, coveredFloor} from "./coveredLogs.ts";
import type {Entry} from "./entry.ts";
import {decodeEntry, decodeWithoutOps, peekEntryHash} from "./entryCodec.ts";
import {epochOfEntry} from "./entryNumber.ts";
import {entryKeyAt, entryPrefix, forkedKeyAt} from "./storeKeys.ts";

/** Of whichever branch: what its log is known for may have changed since it was written. */
export async function storedEntry(store: StoreReader, place: Head): Promise<Uint8Array | undefined> {
  const main = await store.get(entryKeyAt(place.witness, place.n));
  return hashAt(main) === place.hash ? main : await store.get(forkedKeyAt(place));
}

/**
 * The latest entries of the log that ends at a head of the cut. Where the log is forked, the branch that this
 * node saw first is perhaps another one, and no part of the cut.
 */
export async function logBelow(store: StoreReader, {witness, n, hash}: Head): Promise<[string, Entry][]> {
  const first = coveredFloor({n});
  const range = {after: entryKeyAt(witness, first), limit: COVERED_PER_WITNESS};
  const stored = new Map(await store.range(entryPrefix(witness), range));
  const log: [string, Entry][] = [];
  let [at, wanted] = [n, hash];
  while (at > first) {
    const main = entryKeyAt(witness, at);
    const isMain = hashAt(stored.get(main)) === wanted;
    const key = isMain ? main : forkedKeyAt({witness, n: at, hash: wanted});
    const bytes = stored.get(key) ?? (await store.get(key));
    if (bytes === undefined) break;
    const entry = decodeWithoutOps(bytes);
    log.push([key, entry]);
    [at, wanted] = [at - 1n, entry.header.prev];
  }
  return log.reverse();
}

/**
 * Branches of forked logs that end below the cut and are no part of it, as far as what stands beyond it rests on
 * them. Perhaps nobody else has them: who forks a log shows a branch to whom it likes.
 */
export async function forksBelow(
  store: StoreReader,
  beyond: readonly Entry[],
  {
    epoch,
    heads,
    known,
  }: {readonly epoch: number; readonly heads: readonly Head[]; readonly known: readonly Head[]},
): Promise<Entry[]> {
  const ends = new Map(heads.map(({witness, n}) => [witness, n]));
  const seen = new Set(known.map(({hash}) => hash));
  const forks: Entry[] = [];
  const open = [...beyond];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const {witness, n, prev, refs} = entry.header;
    for (const link of [{witness, n: n - 1n, hash: prev}, ...refs]) {
      const isBelow = epochOfEntry(link.n) === epoch && link.n <= (ends.get(link.witness) ?? 0n);
      if (!isBelow || seen.has(link.hash)) continue;
      seen.add(link.hash);
      const bytes = await storedEntry(store, link);
      if (bytes === undefined) continue;
      const fork = decodeEntry(bytes);
      forks.push(fork);
      open.push(fork);
    }
  }
  return forks;
}

function hashAt(bytes: Uint8Array | undefined): Hash | undefined {
  return bytes === undefined ? undefined : peekEntryHash(bytes);
}
