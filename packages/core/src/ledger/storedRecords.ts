/** The records of a store in the order in which they can be verified; nothing of them is checked here. */
import {CodedError} from "../errors/codedError.ts";
import type {StoreReader} from "../ports/store.ts";
import type {CellId, Hash} from "../primitives/id.ts";
import type {CellName} from "./cell.ts";
import {cellKindOf} from "./cellCodec.ts";
import type {Checkpoint} from "./checkpoint.ts";
import {decodeFinalCheckpoint} from "./finality.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";
import {coveredHeads} from "./register.ts";
import {decodeSnapshotHead} from "./snapshot.ts";
import {logBelow} from "./storedBranches.ts";
import {type LogsStart, StoredLogs, type StoredLogsOptions, storedSeats} from "./storedLogs.ts";
import {type StoredStart, storedChunks, storedStart} from "./storedStart.ts";
import {checkpointKey, heightInKey, KEY, numberInKey} from "./storeKeys.ts";
import {storePages} from "./storePages.ts";

/**
 * `store` must not change meanwhile: hand in a snapshot. Rejects as the store does and as `storedStart` does,
 * and with `STORE_CORRUPT` for keys that nobody wrote.
 */
export async function* storedRecords(
  store: StoreReader,
  options: Pick<StoredLogsOptions, "breathe">,
): AsyncGenerator<LedgerRecord> {
  const start = await storedStart(store);
  const from = start === undefined ? undefined : yield* startRecords(store, start);
  const logs = new StoredLogs(store, await storedSeats(store), {...options, ...(from && {start: from})});
  const after = start === undefined ? {} : {after: checkpointKey(start.height)};
  for await (const [key, bytes] of storePages(store, KEY.checkpoints, {...after, pageMax: PAGE})) {
    await options.breathe();
    const checkpoint = checkpointIn(bytes);
    for (const {witness, n} of checkpoint?.heads ?? []) yield* logs.through(witness, n);
    yield {kind: "checkpoint", height: heightInKey(key), bytes};
    if (checkpoint?.isLastOfEpoch === true) logs.closed(checkpoint.height);
  }
  yield* logs.rest();
  yield* singleRecords(store);
  for await (const [key, bytes] of storePages(store, KEY.cells, {pageMax: PAGE})) {
    await options.breathe();
    yield {kind: "cell", name: cellIn(key), bytes};
  }
  for await (const [key, bytes] of storePages(store, KEY.withdrawals, {pageMax: PAGE})) {
    yield {kind: "withdrawal", address: nameIn(key, KEY.withdrawals, /^[0-9a-f]{40}$/), bytes};
  }
}

/** What is one value, and what a restart needs beside the logs and the state. */
async function* singleRecords(store: StoreReader): AsyncGenerator<LedgerRecord> {
  const head = await store.get(KEY.meta);
  if (head !== undefined) yield {kind: "head", bytes: head};
  for (const kind of ["register", "governance"] as const) {
    const bytes = await store.get(KEY[kind]);
    if (bytes !== undefined) yield {kind, bytes};
  }
  if (head !== undefined) yield {kind: "carried", bytes: (await store.get(KEY.carried)) ?? new Uint8Array()};
  for await (const [key, bytes] of storePages(store, KEY.places, {pageMax: PAGE}))
    yield {kind: "places", height: placeHeight(key), bytes};
}

/** The snapshot, and the latest entries below its cut: see `rederiveStart.ts`. */
async function* startRecords(
  store: StoreReader,
  {height, bytes}: StoredStart,
): AsyncGenerator<LedgerRecord, LogsStart> {
  yield {kind: "snapshot", height, bytes};
  // Of a damaged one nobody takes more than these bytes.
  const head = decodeSnapshotHead(bytes);
  for await (const chunk of storedChunks(store, head)) yield {kind: "chunk", ...chunk};
  const heads = coveredHeads(head.final.checkpoint, head.register);
  const told = new Set<Hash>();
  for (const end of heads) {
    for (const [key, entry] of await logBelow(store, end)) {
      told.add(entry.hash);
      yield {kind: "entry", witness: end.witness, n: numberInKey(key), bytes: entry.bytes};
    }
  }
  return {height, heads, told};
}

const PAGE = 64;

function checkpointIn(bytes: Uint8Array): Checkpoint | undefined {
  try {
    return decodeFinalCheckpoint(bytes).checkpoint;
  } catch {
    // Told as it is; its entries come with the next one, which nobody will look at.
    return undefined;
  }
}

function placeHeight(key: string): bigint {
  return BigInt(nameIn(key, KEY.places, /^\d{12,20}$/));
}

function cellIn(key: string): CellName {
  const [id, tag] = nameIn(key, KEY.cells, /^[0-9a-f]{64}\/\d$/).split("/");
  const kind = cellKindOf(Number(tag));
  if (kind === undefined)
    throw new CodedError("STORE_CORRUPT", {evidence: {reason: "key", prefix: KEY.cells}});
  return {kind, id: id as CellId};
}

function nameIn(key: string, prefix: string, form: RegExp): string {
  const name = key.slice(prefix.length);
  if (!form.test(name)) throw new CodedError("STORE_CORRUPT", {evidence: {reason: "key", prefix}});
  return name;
}
