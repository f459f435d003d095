/** Reading a genesis from outside, field by field: nothing missing, nothing unknown, everything bounded. */
import {isPublicKeyAllowed} from "../crypto/verifySignature.ts";
import {CodedError} from "../errors/codedError.ts";
import {U64_MAX} from "../primitives/amount.ts";
import {fromHex} from "../primitives/bytes.ts";
import {isRecord} from "../primitives/canonicalJson.ts";
import {type AccountId, type Cid, isCellId, type PeerId} from "../primitives/id.ts";
import type {Genesis, GenesisAccount, GenesisWitness} from "./genesis.ts";
import {type LedgerParams, PROTOCOL_VERSION, WITNESSES_MAX} from "./params.ts";
import {isAmount, PARAM_NAMES, paramsProblem} from "./paramTable.ts";
import {WEIGHT_MAX} from "./seating.ts";

const ACCOUNTS_MAX = 10_000;
const ALIASES_MAX = 256;
const NOTE_LENGTH_MAX = 200;
/** Bytes of a genesis file that are looked at. */
export const GENESIS_BYTES_MAX = 1024 * 1024;

/** Reads the JSON of a file or peer, in any layout. Throws `GENESIS_INVALID` naming the field. */
export function parseGenesis(text: string): Genesis {
  if (text.length > GENESIS_BYTES_MAX) throw new CodedError("GENESIS_INVALID", {evidence: {field: "size"}});
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CodedError("GENESIS_INVALID", {evidence: {field: "json"}, cause});
  }
  const genesis = readGenesis(json);
  const problem = genesisProblem(genesis);
  if (problem !== undefined) throw new CodedError("GENESIS_INVALID", {evidence: {field: problem}});
  return genesis;
}

function genesisProblem({accounts, witnesses}: Genesis): string | undefined {
  if (new Set(accounts.map(({id}) => id)).size !== accounts.length) return "accounts.id";
  if (accounts.reduce((sum, {balance}) => sum + balance, 0n) > U64_MAX) return "accounts.balance";
  for (const field of ["peerId", "voteKey", "evmAddress", "account"] as const) {
    if (new Set(witnesses.map((witness) => witness[field])).size !== witnesses.length)
      return `witnesses.${field}`;
  }
  return witnesses.length === 0 ? "witnesses" : undefined;
}

function readGenesis(json: unknown): Genesis {
  const fields = readObject(json, "genesis", ["v", "name", "accounts", "witnesses", "params", "aliases"]);
  if (fields.get("v") !== 1) bad("v");
  return {
    v: 1,
    name: readText(fields.get("name"), "name", /^[a-z0-9][a-z0-9-]{0,31}$/),
    accounts: readList(fields.get("accounts"), "accounts", ACCOUNTS_MAX).map(readAccount),
    witnesses: readList(fields.get("witnesses"), "witnesses", WITNESSES_MAX).map(readWitness),
    params: readParams(fields.get("params")),
    aliases: readAliases(fields.get("aliases")),
  };
}

function readAccount(json: unknown): GenesisAccount {
  const fields = readObject(json, "accounts", ["id", "balance"], ["note"]);
  const account = {
    id: readCell(fields.get("id"), "accounts.id"),
    balance: readAmount(fields.get("balance"), "accounts.balance"),
  };
  if (!fields.has("note")) return account;
  const note = fields.get("note");
  if (typeof note !== "string" || note.length > NOTE_LENGTH_MAX) return bad("accounts.note");
  return {...account, note};
}

function readWitness(json: unknown): GenesisWitness {
  const fields = readObject(json, "witnesses", ["peerId", "voteKey", "evmAddress", "weight", "account"]);
  const voteKey = readText(fields.get("voteKey"), "witnesses.voteKey", /^[0-9a-f]{64}$/);
  if (!isPublicKeyAllowed(fromHex(voteKey))) bad("witnesses.voteKey");
  return {
    peerId: readText(fields.get("peerId"), "witnesses.peerId", /^[1-9A-HJ-NP-Za-km-z]{20,80}$/) as PeerId,
    voteKey,
    evmAddress: readText(fields.get("evmAddress"), "witnesses.evmAddress", /^[0-9a-f]{40}$/),
    weight: readInteger(fields.get("weight"), "witnesses.weight", WEIGHT_MAX),
    account: readCell(fields.get("account"), "witnesses.account"),
  };
}

function readParams(json: unknown): LedgerParams {
  checkVersion(json);
  const fields = readObject(json, "params", PARAM_NAMES);
  const entries = PARAM_NAMES.map((name) => {
    const value = fields.get(name);
    const field = `params.${name}`;
    return [name, isAmount(name) ? readAmount(value, field) : readInteger(value, field, 1e9)];
  });
  const params = Object.fromEntries(entries) as LedgerParams;
  const problem = paramsProblem(params);
  return problem === undefined ? params : bad(`params.${problem}`);
}

/** First of all: a genesis of another version has other fields, and its owner should hear which one it is. */
function checkVersion(json: unknown): void {
  const version = isRecord(json) ? json["protocolVersion"] : undefined;
  if (version === PROTOCOL_VERSION) return;
  if (typeof version !== "number") bad("params.protocolVersion");
  throw new CodedError("GENESIS_INVALID", {
    message: `The genesis is of protocol version ${version}, this program speaks version ${PROTOCOL_VERSION}: its network needs another release.`,
    evidence: {field: "params.protocolVersion", version, speaks: PROTOCOL_VERSION},
  });
}

function readAliases(json: unknown): Readonly<Record<string, Cid>> {
  if (!isRecord(json)) return bad("aliases");
  const entries = Object.entries(json);
  if (entries.length > ALIASES_MAX) bad("aliases");
  return Object.fromEntries(
    entries.map(([alias, cid]) => [
      readText(alias, "aliases", /^[a-z][a-z0-9-]{0,31}$/),
      readText(cid, "aliases", /^b[a-z2-7]{20,120}$/) as Cid,
    ]),
  );
}

function readObject(
  json: unknown,
  field: string,
  required: readonly string[],
  optional: readonly string[] = [],
): ReadonlyMap<string, unknown> {
  if (!isRecord(json)) return bad(field);
  const fields = new Map(Object.entries(json));
  for (const name of required) if (!fields.has(name)) bad(`${field}.${name}`);
  for (const name of fields.keys())
    if (!required.includes(name) && !optional.includes(name)) bad(`${field}.${name}`);
  return fields;
}

function readList(json: unknown, field: string, max: number): readonly unknown[] {
  return Array.isArray(json) && json.length <= max ? json : bad(field);
}

function readText(value: unknown, field: string, pattern: RegExp): string {
  return typeof value === "string" && pattern.test(value) ? value : bad(field);
}

function readCell(value: unknown, field: string): AccountId {
  return typeof value === "string" && isCellId(value) ? value : bad(field);
}

/** A decimal string without leading zeros: JSON numbers lose amounts. */
function readAmount(value: unknown, field: string): bigint {
  const amount = BigInt(readText(value, field, /^(?:0|[1-9]\d{0,19})$/));
  return amount <= U64_MAX ? amount : bad(field);
}

function readInteger(value: unknown, field: string, max: number): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max
    ? value
    : bad(field);
}

function bad(field: string): never {
  throw new CodedError("GENESIS_INVALID", {evidence: {field}});
}
