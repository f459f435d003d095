/**
 * The record, signed by payer and provider, of what ran and for how much. Both derive the same canonical
 * bytes from what they already hold, so only signatures travel. The voucher's context chains its hash
 * (`nextContext` of the ledger's vouchers), so a payment names every receipt that it pays.
 */
import {DOMAIN} from "@catalyze/proto/domains";
import {hashHex} from "../crypto/sha256.ts";
import {signDomain, verifyDomain} from "../crypto/signed.ts";
import {CodedError} from "../errors/codedError.ts";
import type {SignContext, VerifyContext} from "../market/envelope.ts";
import {PRICE_MAX, UNITS_MAX} from "../market/fields.ts";
import {LEG_ROLE, type Leg, type LegRole, legsProblem} from "../market/legs.ts";
import type {Signer} from "../ports/signer.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {fromHex, fromUtf8, utf8} from "../primitives/bytes.ts";
import type {AccountId, AttemptId, Hash, LockId, TaskClass, TaskHash} from "../primitives/id.ts";

export const RECEIPT_VERSION = 1;
const TASK_CLASS_BYTES_MAX = 256;
const LEGS_MAX = 4;

export type Receipt = {
  readonly taskHash: TaskHash;
  readonly attemptId: AttemptId;
  readonly taskClass: TaskClass;
  readonly payer: AccountId;
  readonly provider: AccountId;
  readonly lockId: LockId;
  /** The quote's or ask's signed body. */
  readonly termsHash: Hash;
  /** The result commit's signed body. */
  readonly commitHash: Hash;
  readonly outputHash: Hash;
  readonly units: bigint;
  /** µCTZ paid for this task. */
  readonly charge: bigint;
  readonly legs: readonly Leg[];
};

export type SignedReceipt = {
  readonly receipt: Receipt;
  readonly payerSignature: Uint8Array;
  /** Absent until the provider's acknowledgement arrived. */
  readonly providerSignature: Uint8Array | undefined;
};

export function encodeReceipt(receipt: Receipt): Uint8Array {
  const writer = new ByteWriter()
    .u8(RECEIPT_VERSION)
    .raw(fromHex(receipt.taskHash))
    .raw(fromHex(receipt.attemptId))
    .bytes(utf8(receipt.taskClass))
    .raw(fromHex(receipt.payer))
    .raw(fromHex(receipt.provider))
    .raw(fromHex(receipt.lockId))
    .raw(fromHex(receipt.termsHash))
    .raw(fromHex(receipt.commitHash))
    .raw(fromHex(receipt.outputHash))
    .u64(receipt.units)
    .u64(receipt.charge)
    .u8(receipt.legs.length);
  for (const {role, cell, bps} of receipt.legs) {
    writer.u8(LEG_ROLE[role]).u16(bps);
    if (cell !== undefined) writer.raw(fromHex(cell));
  }
  return writer.finish();
}

/** Throws `DECODE_INVALID`. */
export function decodeReceipt(bytes: Uint8Array): Receipt {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== RECEIPT_VERSION) invalid("version");
  const receipt: Receipt = {
    taskHash: readHex(reader, 32),
    attemptId: readHex(reader, 16),
    taskClass: readClass(reader),
    payer: readHex(reader, 32),
    provider: readHex(reader, 32),
    lockId: readHex(reader, 32),
    termsHash: readHex(reader, 32),
    commitHash: readHex(reader, 32),
    outputHash: readHex(reader, 32),
    units: readUpTo(reader, UNITS_MAX, "units"),
    charge: readUpTo(reader, PRICE_MAX, "charge"),
    legs: readLegs(reader),
  };
  reader.finish();
  return receipt;
}

export function hashReceipt(receipt: Receipt): Hash {
  return hashHex(encodeReceipt(receipt));
}

export function signReceipt(receipt: Receipt, signer: Signer, {genesisHash}: SignContext): Uint8Array {
  return signDomain(signer, DOMAIN.receipt, genesisHash, encodeReceipt(receipt));
}

export type ReceiptSignature = {readonly signature: Uint8Array; readonly publicKey: Uint8Array};

/** The caller knows whose key it is; a wrong signature is the sender's fault. */
export function isReceiptSigned(
  receipt: Receipt,
  {signature, publicKey}: ReceiptSignature,
  {genesisHash, verifier}: VerifyContext,
): boolean {
  const body = encodeReceipt(receipt);
  return verifyDomain(verifier, {domain: DOMAIN.receipt, genesisHash, body, signature, publicKey}).valid;
}

function readHex<Id extends string>(reader: ByteReader, length: number): Id {
  return reader.hex(length) as Id;
}

function readClass(reader: ByteReader): TaskClass {
  const bytes = reader.bytes(TASK_CLASS_BYTES_MAX);
  let text: string;
  try {
    text = fromUtf8(bytes);
  } catch (cause) {
    throw new CodedError("DECODE_INVALID", {evidence: {field: "taskClass"}, cause});
  }
  // A leading byte-order mark is dropped by the decoder: such bytes are not canonical.
  return utf8(text).length !== bytes.length ? invalid("taskClass") : (text as TaskClass);
}

function readUpTo(reader: ByteReader, max: bigint, field: string): bigint {
  const value = reader.u64();
  return value <= max ? value : invalid(field);
}

function readLegs(reader: ByteReader): readonly Leg[] {
  const legs: Leg[] = [];
  for (let left = reader.count(reader.u8(), LEGS_MAX); left > 0; left -= 1) {
    const number = reader.u8();
    const role = ROLES.find((each) => LEG_ROLE[each] === number) ?? invalid("legs.role");
    const bps = reader.u16();
    legs.push({role, cell: role === "protocol" ? undefined : readHex<AccountId>(reader, 32), bps});
  }
  return legsProblem(legs) === undefined ? legs : invalid("legs");
}

const ROLES = Object.keys(LEG_ROLE) as readonly LegRole[];

function invalid(field: string): never {
  throw new CodedError("DECODE_INVALID", {evidence: {field}});
}
