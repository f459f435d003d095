/** An export as a stream of bytes, from records and back. Holds a piece at a time. */
import {CodedError} from "../errors/codedError.ts";
import {concat} from "../primitives/bytes.ts";
import {ExportReader, encodeExportEnd, encodeExportHeader, encodeExportRecord} from "./exportFile.ts";
import type {Genesis} from "./genesis.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";

const PIECE_BYTES = 64 * 1024;

/** Rejects as `records` does; what was told by then is no whole export, and reads as such. */
export async function* exportPieces(
  genesis: Genesis,
  records: AsyncIterable<LedgerRecord>,
): AsyncGenerator<Uint8Array> {
  let parts = [encodeExportHeader(genesis)];
  let bytes = 0;
  let count = 0n;
  for await (const record of records) {
    const part = encodeExportRecord(record);
    parts.push(part);
    bytes += part.length;
    count += 1n;
    if (bytes < PIECE_BYTES) continue;
    yield concat(...parts);
    parts = [];
    bytes = 0;
  }
  yield concat(...parts, encodeExportEnd(count));
}

export type OpenedExport = {
  /** What the export says that it is of. */
  readonly genesis: Genesis;
  /** Rejects with `LEDGER_FILE_INVALID`, or as the pieces do. */
  readonly records: AsyncGenerator<LedgerRecord>;
};

/** Reads as far as the genesis. Rejects with `LEDGER_FILE_INVALID`, or as the pieces do. */
export async function openExport(pieces: AsyncIterable<Uint8Array>): Promise<OpenedExport> {
  const reader = new ExportReader();
  const records = recordsIn(reader, pieces);
  // Nothing is told before the genesis is known.
  const first = await records.next();
  const {genesis} = reader;
  if (genesis === undefined) throw new CodedError("LEDGER_FILE_INVALID", {evidence: {reason: "truncated"}});
  return {genesis, records: withFirst(first, records)};
}

async function* recordsIn(
  reader: ExportReader,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<LedgerRecord> {
  for await (const piece of pieces) yield* reader.take(piece);
  reader.finish();
}

async function* withFirst(
  first: IteratorResult<LedgerRecord, unknown>,
  rest: AsyncGenerator<LedgerRecord>,
): AsyncGenerator<LedgerRecord> {
  try {
    if (first.done !== true) yield first.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
