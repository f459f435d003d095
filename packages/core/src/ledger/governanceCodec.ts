/**
 * Canonical bytes of what votes decide, and its hash, which every checkpoint names as `paramsHash`.
 *
 *   governance = version u8 | terms: u16 ≤ 1024, term… | proposals: u8 ≤ 16, proposal… | payments: u8 ≤ 16, payment…
 *   term       = sinceEpoch u32 | values of all parameters
 *   proposal   = id 32 | proposer 32 | deposit u64 | untilEpoch u32 | motion | ballots: u16 ≤ 256, (account 32 | isYes u8)…
 *   payment    = proposal 32 | epoch u32 | to 32 | amount u64
 *   motion     = values: 8 at most | hasPayment u8 | when 1: to 32 | amount u64
 *   values     = u8, (parameter u8 | value u64)…            by number of the parameter, ascending
 *   hash       = SHA256(0x47 ‖ bytes)
 *
 * Terms stand by epoch, proposals by id, ballots by account, all ascending.
 */
import {hashHex} from "../crypto/sha256.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {AccountId, Hash, OpId} from "../primitives/id.ts";
import {
  readBoolean,
  readId,
  refuse,
  U32_MAX,
  writeId,
  writeU8,
  writeU16,
  writeU32,
  writeU64,
} from "./canonical.ts";
import type {Ballot, DuePayment, Governance, Motion, ParamTerm, Payment, Proposal} from "./governance.ts";
import {BALLOTS_MAX, PROPOSALS_MAX} from "./governing.ts";
import {type LedgerParams, PARAMS_PRODUCTION} from "./params.ts";
import {
  isAmount,
  nameOfTag,
  PARAM_NAMES,
  type ParamChange,
  paramsProblem,
  rowOf,
  withValues,
} from "./paramTable.ts";

const VERSION = 1;
const TAG_GOVERNANCE = Uint8Array.of(0x47);
const TERMS_MAX = 1_024;
/** Of one proposal. */
export const CHANGES_MAX = 8;
/** 1,024 terms, and 16 proposals with 256 votes each. */
export const GOVERNANCE_BYTES_MAX = 512 * 1024;

export function encodeGovernance({terms, proposals, payments}: Governance): Uint8Array {
  const writer = new ByteWriter().u8(VERSION);
  writeU16(writer, terms.length);
  for (const {sinceEpoch, params} of terms) {
    writeU32(writer, sinceEpoch);
    writeValues(
      writer,
      PARAM_NAMES.map((name) => ({name, value: BigInt(params[name])})),
    );
  }
  writeU8(writer, proposals.length);
  for (const proposal of proposals) writeProposal(writer, proposal);
  writeU8(writer, payments.length);
  for (const {proposal, epoch, to, amount} of payments) {
    writeId(writer, proposal);
    writeU32(writer, epoch);
    writePayment(writer, {to, amount});
  }
  return writer.finish();
}

/** Throws `DECODE_INVALID`. */
export function decodeGovernance(bytes: Uint8Array): Governance {
  if (bytes.length > GOVERNANCE_BYTES_MAX) refuse("tooLong");
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const terms = listOf(reader, reader.count(reader.u16(), TERMS_MAX), readTerm);
  const proposals = listOf(reader, reader.count(reader.u8(), PROPOSALS_MAX), readProposal);
  const payments = listOf(reader, reader.count(reader.u8(), PROPOSALS_MAX), readDuePayment);
  reader.finish();
  if (terms.length === 0 || !isAscending(terms, ({sinceEpoch}) => sinceEpoch)) refuse("termOrder");
  if (!isAscending(proposals, ({id}) => id)) refuse("proposalOrder");
  return {terms, proposals, payments};
}

const hashes = new WeakMap<Governance, Hash>();

export function governanceHash(governance: Governance): Hash {
  const known = hashes.get(governance);
  if (known !== undefined) return known;
  const hash = hashHex(TAG_GOVERNANCE, encodeGovernance(governance));
  hashes.set(governance, hash);
  return hash;
}

/** Also the payload of the op that proposes it. */
export function writeMotion(writer: ByteWriter, {changes, payment}: Motion): void {
  writeValues(writer, changes);
  writer.u8(payment === undefined ? 0 : 1);
  if (payment !== undefined) writePayment(writer, payment);
}

export function readMotion(reader: ByteReader): Motion {
  const changes = readValues(reader, CHANGES_MAX);
  return {changes, payment: readBoolean(reader) ? readPayment(reader) : undefined};
}

function writeProposal(writer: ByteWriter, proposal: Proposal): void {
  const {id, proposer, deposit, untilEpoch, ballots} = proposal;
  writeId(writer, id);
  writeId(writer, proposer);
  writeU64(writer, deposit);
  writeU32(writer, untilEpoch);
  writeMotion(writer, proposal);
  writeU16(writer, ballots.length);
  for (const {account, isYes} of ballots) {
    writeId(writer, account);
    writer.u8(isYes ? 1 : 0);
  }
}

function readProposal(reader: ByteReader): Proposal {
  const head = {
    id: readId<OpId>(reader),
    proposer: readId<AccountId>(reader),
    deposit: reader.u64(),
    untilEpoch: reader.u32(),
    ...readMotion(reader),
  };
  const ballots = listOf(reader, reader.count(reader.u16(), BALLOTS_MAX), readBallot);
  return isAscending(ballots, ({account}) => account) ? {...head, ballots} : refuse("ballotOrder");
}

function readBallot(reader: ByteReader): Ballot {
  return {account: readId<AccountId>(reader), isYes: readBoolean(reader)};
}

function readTerm(reader: ByteReader): ParamTerm {
  const sinceEpoch = reader.u32();
  const values = readValues(reader, PARAM_NAMES.length);
  if (values.length !== PARAM_NAMES.length) refuse("parameters");
  const params: LedgerParams = withValues(PARAMS_PRODUCTION, values);
  return paramsProblem(params) === undefined ? {sinceEpoch, params} : refuse("parameters");
}

function writePayment(writer: ByteWriter, {to, amount}: Payment): void {
  writeId(writer, to);
  writeU64(writer, amount);
}

function readPayment(reader: ByteReader): Payment {
  return {to: readId<AccountId>(reader), amount: reader.u64()};
}

function readDuePayment(reader: ByteReader): DuePayment {
  const [proposal, epoch] = [readId<OpId>(reader), reader.u32()];
  return {proposal, epoch, ...readPayment(reader)};
}

function writeValues(writer: ByteWriter, values: readonly ParamChange[]): void {
  writeU8(writer, values.length);
  for (const {name, value} of values) {
    writer.u8(rowOf(name).tag);
    writeU64(writer, value);
  }
}

function readValues(reader: ByteReader, max: number): readonly ParamChange[] {
  const values = listOf(reader, reader.count(reader.u8(), max), (): ParamChange => {
    const name = nameOfTag(reader.u8());
    const value = reader.u64();
    if (name === undefined) return refuse("parameter");
    // Beyond that a number of JavaScript is another one.
    return isAmount(name) || value <= BigInt(U32_MAX) ? {name, value} : refuse("value");
  });
  return isAscending(values, ({name}) => rowOf(name).tag) ? values : refuse("parameterOrder");
}

function listOf<Item>(reader: ByteReader, count: number, read: (reader: ByteReader) => Item): Item[] {
  return Array.from({length: count}, () => read(reader));
}

function isAscending<Item>(items: readonly Item[], keyOf: (item: Item) => string | number): boolean {
  return items.every((item, index) => {
    const before = items[index - 1];
    return before === undefined || keyOf(before) < keyOf(item);
  });
}
