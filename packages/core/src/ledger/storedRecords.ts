/** The records of a store in the order in which they can be verified; nothing of them is checked here. */
import {CodedError} from "../errors/codedError.ts";
import type {StoreReader} from "../ports/store.ts";
import {ByteReader} from "../primitives/binary.ts";
import type {CellId} from "../primitives/id.ts";
import type {Head} from "./checkpoint.ts";
import {decodeFinalCheckpoint} from "./finality.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";
import {StoredLogs, type StoredLogsOptions, storedSeats} from "./storedLogs.ts";
import {KEY} from "./storeKeys.ts";
import {storePages} from "./storePages.ts";

/** Throws `LEDGER_INCOMPLETE` for the store of a node that began with a snapshot: nothing leads to its first records. */
export async function checkWhole(store: StoreReader): Promise<void> {
  const begun = await store.get(KEY.begun);
  if (begun === undefined) return;
  throw new CodedError("LEDGER_INCOMPLETE", {evidence: {height: new ByteReader(begun).u64()}});
}

/**
 * `store` must not change meanwhile: hand in a snapshot. Rejects as the store does and as `checkWhole` does,
 * and with `STORE_CORRUPT` for keys that nobody wrote.
 */
export async function* storedRecords(
  store: StoreReader,
  options: StoredLogsOptions,
): AsyncGenerator<LedgerRecord> {
  await checkWhole(store);
  const logs = new StoredLogs(store, await storedSeats(store), options);
  for await (const [key, bytes] of storePages(store, KEY.checkpoints, {pageMax: PAGE})) {
    await options.breathe();
    for (const {witness, n} of headsOf(bytes)) yield* logs.through(witness, n);
    yield {kind: "checkpoint", height: heightIn(key), bytes};
  }
  yield* logs.rest();
  const head = await store.get(KEY.meta);
  if (head !== undefined) yield {kind: "head", bytes: head};
  for (const kind of ["register", "governance"] as const) {
    const bytes = await store.get(KEY[kind]);
    if (bytes !== undefined) yield {kind, bytes};
  }
  for await (const [key, bytes] of storePages(store, KEY.cells, {pageMax: PAGE})) {
    await options.breathe();
    yield {kind: "cell", id: nameIn(key, KEY.cells, /^[0-9a-f]{64}$/) as CellId, bytes};
  }
  for await (const [key, bytes] of storePages(store, KEY.withdrawals, {pageMax: PAGE})) {
    yield {kind: "withdrawal", address: nameIn(key, KEY.withdrawals, /^[0-9a-f]{40}$/), bytes};
  }
}

const PAGE = 64;

function headsOf(bytes: Uint8Array): readonly Head[] {
  try {
    return decodeFinalCheckpoint(bytes).checkpoint.heads;
  } catch {
    // Told as it is; its entries come with the next one, which nobody will look at.
    return [];
  }
}

function nameIn(key: string, prefix: string, form: RegExp): string {
  const name = key.slice(prefix.length);
  if (!form.test(name)) throw new CodedError("STORE_CORRUPT", {evidence: {reason: "key", prefix}});
  return name;
}

/** 0 for a damaged key, which no stored checkpoint has. */
function heightIn(key: string): bigint {
  const number = key.slice(KEY.checkpoints.length);
  return /^\d{12,20}$/.test(number) ? BigInt(number) : 0n;
}
