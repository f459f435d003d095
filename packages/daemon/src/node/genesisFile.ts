/**
 * Which network a home belongs to: its genesis file, once there, for ever. Without one it is read from a
 * file, fetched from the first peer and pinned, or made: a private network of one witness.
 */
import {readFile, rename, writeFile} from "node:fs/promises";
import {CodedError} from "@catalyze/core/errors/codedError";
import {encodeGenesis, type Genesis, type GenesisWitness, genesisHash} from "@catalyze/core/ledger/genesis";
import {PARAMS_PRODUCTION} from "@catalyze/core/ledger/params";
import {GENESIS_BYTES_MAX, parseGenesis} from "@catalyze/core/ledger/parseGenesis";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import {fetchGenesis} from "../net/genesisExchange.ts";

export type GenesisSource = {
  /** `<home>/genesis.json`. */
  readonly path: string;
  /** A file to take it from. */
  readonly stated: string | undefined;
  /** Addresses of peers to ask. */
  readonly join: readonly string[];
  /** The only witness of a private network. */
  readonly self: GenesisWitness;
};

/** `isMade`: a private network that did not exist a moment ago. */
export type OpenedGenesis = {readonly genesis: Genesis; readonly isMade: boolean};

/** A home account starts with this much on its own private network: tokens without value. */
const PRIVATE_BALANCE = 1_000_000_000_000n;
const FETCH_MS = 15_000;

/** Throws `GENESIS_INVALID`, `NETWORK_MISMATCH`, or why no peer gave one. */
export async function openGenesis(
  source: GenesisSource,
  {clock, log}: {clock: Clock; log: Log},
): Promise<OpenedGenesis> {
  const pinned = await readOptional(source.path);
  const stated = source.stated === undefined ? undefined : parseGenesis(await readText(source.stated));
  if (pinned !== undefined) {
    const genesis = parseGenesis(pinned);
    if (stated !== undefined && genesisHash(stated) !== genesisHash(genesis))
      throw new CodedError("NETWORK_MISMATCH");
    return {genesis, isMade: false};
  }
  const found = stated ?? (await fetched(source.join, clock));
  const genesis = found ?? privateGenesis(source.self);
  await writeGenesis(source.path, genesis);
  log.info("network pinned", {network: genesis.name, genesis: genesisHash(genesis)});
  return {genesis, isMade: found === undefined};
}

/** Of the network that a home belongs to; `undefined` before its first start. Throws `GENESIS_INVALID`. */
export async function pinnedGenesis(path: string): Promise<Genesis | undefined> {
  const text = await readOptional(path);
  return text === undefined ? undefined : parseGenesis(text);
}

/** Renamed into place: half a genesis would lock the home out of its network. */
export async function writeGenesis(path: string, genesis: Genesis): Promise<void> {
  await writeFile(`${path}.partial`, encodeGenesis(genesis), {mode: 0o600, flush: true});
  await rename(`${path}.partial`, path);
}

async function fetched(join: readonly string[], clock: Clock): Promise<Genesis | undefined> {
  let failure: unknown;
  for (const address of join) {
    try {
      const {bytes} = await fetchGenesis(address, {clock, timeoutMs: FETCH_MS});
      return parseGenesis(Buffer.from(bytes).toString("utf8"));
    } catch (error) {
      failure = error;
    }
  }
  // Asked to join and could not: a private network instead would only look like success.
  if (failure !== undefined) throw failure;
  return undefined;
}

/** As much as all its CTZ staked: whoever earns a few thousand must not get hold of the network with them. */
const FOUNDER_WEIGHT = Number(PRIVATE_BALANCE / PARAMS_PRODUCTION.witnessStakeMin);

function privateGenesis(self: GenesisWitness): Genesis {
  return {
    v: 1,
    name: "private",
    accounts: [{id: self.account, balance: PRIVATE_BALANCE}],
    witnesses: [{...self, weight: FOUNDER_WEIGHT}],
    params: PARAMS_PRODUCTION,
    aliases: {},
  };
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readText(path);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function readText(path: string): Promise<string> {
  const text = await readFile(path, "utf8");
  if (text.length > GENESIS_BYTES_MAX) throw new CodedError("GENESIS_INVALID", {evidence: {path}});
  return text;
}
