/**
 * Where the records of a ledger come from: an export's file, the running daemon of this home, or the home
 * itself while no daemon runs on it.
 */
import {createReadStream} from "node:fs";
import {access, readFile} from "node:fs/promises";
import {resolve} from "node:path";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {openExport} from "@catalyze/core/ledger/exportStream";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import type {LedgerRecord} from "@catalyze/core/ledger/ledgerRecord";
import {GENESIS_BYTES_MAX, parseGenesis} from "@catalyze/core/ledger/parseGenesis";
import type {CommandContext} from "../context.ts";
import {openHomeStore} from "./homeStore.ts";

export type LedgerSource = {
  readonly where: "file" | "daemon" | "home";
  /** Stated, of the home, or of the file; the records are of a ledger that says it is of this one. */
  readonly genesis: Genesis;
  readonly records: AsyncIterable<LedgerRecord>;
  /** For a progress bar. */
  readonly heightsTotal: number | undefined;
  close(): Promise<void>;
};

export type LedgerSourceFlags = {readonly file: string | undefined; readonly genesis: string | undefined};

/**
 * Throws `NETWORK_MISMATCH` for the ledger of another genesis, `HOME_LOCKED` with the process that holds the
 * home, `NOT_FOUND` for a home without a ledger, and what the source throws.
 */
export async function openLedgerSource(
  context: CommandContext,
  flags: LedgerSourceFlags,
): Promise<LedgerSource> {
  const {io, layout, globals} = context;
  const stated = flags.genesis === undefined ? undefined : await readGenesis(resolve(io.cwd, flags.genesis));
  if (flags.file !== undefined) {
    const path = resolve(io.cwd, flags.file);
    return await opened({where: "file", pieces: piecesOf(path), trusted: stated, heightsTotal: undefined});
  }
  const own = (await isThere(layout.genesis)) ? await readGenesis(layout.genesis) : undefined;
  // A daemon elsewhere is of whatever network its home is of.
  const trusted = stated ?? (globals.api === undefined ? own : undefined);
  try {
    const client = await context.client();
    const {height} = await client.call("ledger", {});
    return await opened({
      ...{where: "daemon", pieces: client.ledgerExport(), trusted},
      heightsTotal: Number(height),
    });
  } catch (error) {
    if (toCodedError(error).code !== "DAEMON_UNREACHABLE" || globals.api !== undefined) throw error;
  }
  return await homeSource(context, trusted);
}

type Pieces = Pick<LedgerSource, "where" | "heightsTotal"> & {
  readonly pieces: AsyncGenerator<Uint8Array>;
  readonly trusted: Genesis | undefined;
};

async function opened({where, pieces, trusted, heightsTotal}: Pieces): Promise<LedgerSource> {
  const {genesis, records} = await openExport(pieces);
  const close = async (): Promise<void> => {
    await records.return(undefined);
    await pieces.return(undefined);
  };
  if (trusted !== undefined && genesisHash(trusted) !== genesisHash(genesis)) {
    await close();
    throw new CodedError("NETWORK_MISMATCH", {
      message: "That ledger is of another genesis.",
      evidence: {expected: genesisHash(trusted), found: genesisHash(genesis)},
    });
  }
  return {where, genesis: trusted ?? genesis, records, heightsTotal, close};
}

async function homeSource({layout}: CommandContext, genesis: Genesis | undefined): Promise<LedgerSource> {
  if (genesis === undefined || !(await isThere(layout.db)))
    throw new CodedError("NOT_FOUND", {
      message: `No daemon runs for ${layout.home}, and no ledger is there.`,
    });
  const store = await openHomeStore(layout);
  return {where: "home", genesis, ...store};
}

async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    const {code = "unknown"} = cause as NodeJS.ErrnoException;
    throw new CodedError("USAGE", {message: `Cannot read ${path} (${code}).`, cause});
  }
}

async function readGenesis(path: string): Promise<Genesis> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= GENESIS_BYTES_MAX) return parseGenesis(bytes.toString("utf8"));
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const {code = "unknown"} = cause as NodeJS.ErrnoException;
    throw new CodedError("USAGE", {message: `Cannot read ${path} (${code}).`, cause});
  }
  throw new CodedError("USAGE", {message: `${path} is too large.`});
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
