/** What a peer that syncs lacks, from the store: where it stands further back than memory goes. */
import type {Store} from "../ports/store.ts";
import type {Head} from "./checkpoint.ts";
import type {Entry} from "./entry.ts";
import {decodeEntry} from "./entryCodec.ts";
import {epochOfEntry} from "./entryNumber.ts";
import {branchesInTurn, type EntryPage, fromEach, type PageRoom} from "./entryPage.ts";
import {checkpointKey, entryKeyAt, entryPrefix, KEY, storedHeight} from "./storeKeys.ts";

export type StoredRoom = PageRoom & {
  readonly seats: number;
  readonly checkpointsMax: number;
};

export type StoredAfter = EntryPage & {readonly checkpoints: Uint8Array[]};

/** `undefined` when the store does not go back so far. */
export async function storedAfter(
  store: Store,
  peer: {readonly heads: readonly Head[]; readonly height: bigint},
  {seats, checkpointsMax, ...room}: StoredRoom,
): Promise<StoredAfter | undefined> {
  const begun = (await storedHeight(store, KEY.begun)) ?? 0n;
  if (peer.height < begun) return undefined;
  const checkpoints = await store.range(KEY.checkpoints, {
    after: checkpointKey(peer.height),
    limit: checkpointsMax,
  });
  const logs: (readonly Entry[])[] = [];
  for (let witness = 0; witness < seats; witness += 1) {
    const n = peer.heads.find((head) => head.witness === witness)?.n ?? 0n;
    const range = {after: entryKeyAt(witness, n), limit: room.itemsMax};
    const rows = await store.range(entryPrefix(witness), range);
    const log = rows.map(([, bytes]) => decodeEntry(bytes));
    logs.push(isForked(log) ? branchesInTurn(log, room.turn) : log);
  }
  const {entries, hasMore} = fromEach(logs, room);
  return {
    checkpoints: checkpoints.map(([, bytes]) => bytes),
    // A peer takes no entry of a witness that it gets to know by a later epoch's end.
    entries: entries.sort((left, right) => epochOfEntry(left.header.n) - epochOfEntry(right.header.n)),
    hasMore: hasMore || logs.some((log) => log.length === room.itemsMax),
  };
}

function isForked(ascending: readonly Entry[]): boolean {
  return ascending.some(({header}, at) => header.n === ascending[at + 1]?.header.n);
}
