/**
 * Moves a witness's signing table to another machine, as EIP-3076 does it for validators: the machine that it
 * leaves never votes with it again, so that no two machines ever sign with one key.
 *
 *   {format, version, voteKey, genesis, records}    records: base64, oldest first
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {encodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import {readSigningTable} from "@catalyze/core/ledger/signingTable";
import type {AppendLog} from "@catalyze/core/ports/store";
import type {Hash} from "@catalyze/core/primitives/id";

/** Whose table it is. */
export type TableOwner = {
  /** Hex. */
  readonly voteKey: string;
  /** Of its network; a restored home joins one only when it starts. */
  readonly genesis: Hash | undefined;
};

const FORMAT = "ctz-signing-table";
const VERSION = 1;
/** A table is shortened at the checkpoint after it reached 4 MiB; base64 takes a third more. */
export const TABLE_FILE_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Locks the table, then returns it. Locked first: after a crash in between it is asked for again, and never
 * are there two that may sign. Throws `NOT_FOUND` when nothing was ever signed.
 */
export async function exportTable(log: AppendLog, {voteKey, genesis}: TableOwner): Promise<Uint8Array> {
  const records = await log.read();
  const {isMoved, entries} = readSigningTable(records);
  if (entries.length === 0 || genesis === undefined)
    throw new CodedError("NOT_FOUND", {
      message: "This home has signed nothing as a witness: there is no table to move.",
    });
  const moved = encodeSigningRecord({kind: "moved"});
  if (!isMoved) await log.append([moved]);
  const kept = records.filter((record) => Buffer.compare(record, moved) !== 0);
  const base64 = kept.map((record) => Buffer.from(record).toString("base64"));
  return Buffer.from(
    `${JSON.stringify({format: FORMAT, version: VERSION, voteKey, genesis, records: base64})}\n`,
  );
}

/**
 * Takes the table over where there is none, or one that was moved away. Throws `TABLE_INVALID` for one of
 * another key or network, or that nobody exported; `HOME_INVALID` over one that may sign.
 */
export async function importTable(log: AppendLog, bytes: Uint8Array, owner: TableOwner): Promise<number> {
  const {voteKey, genesis, records} = parse(bytes);
  if (voteKey !== owner.voteKey) throw invalid("it belongs to another vote key");
  if (owner.genesis !== undefined && genesis !== owner.genesis)
    throw invalid("it belongs to another network");
  const here = readSigningTable(await log.read());
  if (here.entries.length > 0 && !here.isMoved)
    throw new CodedError("HOME_INVALID", {
      message:
        "This home has a signing table of its own; it may not be replaced. Import into a restored home.",
    });
  const {entries, isMoved} = read(records);
  if (entries.length === 0 || isMoved) throw invalid("it holds nothing that was signed");
  await log.compact(records);
  return records.length;
}

type TableFile = TableOwner & {readonly records: readonly Uint8Array[]};

function parse(bytes: Uint8Array): TableFile {
  if (bytes.length > TABLE_FILE_BYTES_MAX) throw new CodedError("INPUT_TOO_LARGE");
  let file: Record<string, unknown>;
  try {
    file = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw invalid("it is no JSON", cause);
  }
  const {format, version, voteKey, genesis, records} = file ?? {};
  if (format !== FORMAT) throw invalid("it is none");
  if (version !== VERSION) throw invalid("another version wrote it");
  const areTexts = typeof voteKey === "string" && typeof genesis === "string";
  if (!areTexts || !Array.isArray(records) || !records.every((each) => typeof each === "string"))
    throw invalid("it is damaged");
  return {voteKey, genesis: genesis as Hash, records: records.map((each) => Buffer.from(each, "base64"))};
}

function read(records: readonly Uint8Array[]): ReturnType<typeof readSigningTable> {
  try {
    return readSigningTable(records);
  } catch (cause) {
    throw invalid("it is damaged", cause);
  }
}

function invalid(why: string, cause?: unknown): CodedError {
  return new CodedError("TABLE_INVALID", {message: `No signing table for this home: ${why}.`, cause});
}
