/** Where the logs of a store start: at the genesis, or at a snapshot that is kept for that. */
import {CodedError} from "../errors/codedError.ts";
import type {StoreReader} from "../ports/store.ts";
import type {SnapshotHead} from "./snapshot.ts";
import {heightInKey, KEY, snapshotChunkKey, snapshotHeadKey, storedHeight} from "./storeKeys.ts";

/** The head of a snapshot as it is in the store: it may be damaged. */
export type StoredStart = {readonly height: bigint; readonly bytes: Uint8Array};

/**
 * `undefined` for the genesis. Rejects as the store does, and with `LEDGER_INCOMPLETE` for a node that began
 * a moment ago and has no snapshot of its own yet.
 */
export async function storedStart(store: StoreReader): Promise<StoredStart | undefined> {
  const begun = await storedHeight(store, KEY.begun);
  if (begun === undefined) return undefined;
  const [found] = await store.range(KEY.snapshotHeads, {after: snapshotHeadKey(begun - 1n), limit: 1});
  if (found === undefined)
    throw new CodedError("LEDGER_INCOMPLETE", {evidence: {height: begun}, retryAfterMs: 60_000});
  const [key, bytes] = found;
  return {height: heightInKey(key), bytes};
}

/** In order. Ends early where one is missing. Rejects as the store does. */
export async function* storedChunks(
  store: StoreReader,
  {final, firsts}: Pick<SnapshotHead, "final" | "firsts">,
): AsyncGenerator<{readonly index: number; readonly bytes: Uint8Array}> {
  for (const index of firsts.keys()) {
    const bytes = await store.get(snapshotChunkKey(final.checkpoint.height, index));
    if (bytes === undefined) return;
    yield {index, bytes};
  }
}
