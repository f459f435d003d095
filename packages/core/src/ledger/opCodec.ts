/**
 * Canonical bytes of ops (reference/ledger 2.2, amendments 7 and 9).
 *
 *   body = version u8 | type u8 | network u32 | cell 32 | seq u64 | prev 32 | validFromEpoch u32
 *        | validUntilEpoch u32 | fee u32 | deps: u8 ≤ 4, 32 each | payload
 *   op   = body | signatures: u8 ≤ 16, (publicKey 32 | signature 64)…, keys ascending
 *
 * Signatures cover "CTZ-OP\0" ‖ genesis hash ‖ body; ids hash the body only, because one signer can make
 * several valid signatures of one body.
 */
import {DOMAIN} from "@catalyze/proto/domains";
import {LIMITS} from "@catalyze/proto/limits";
import {ACCOUNT_KEYS_MAX} from "../crypto/accountId.ts";
import {hashHex} from "../crypto/sha256.ts";
import {signDomain} from "../crypto/signed.ts";
import type {Signer} from "../ports/signer.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {compareBytes, fromHex, toHex} from "../primitives/bytes.ts";
import type {CellId, LockId, OpId} from "../primitives/id.ts";
import {readId, readList, refuse, writeFixed, writeId, writeU8, writeU32, writeU64} from "./canonical.ts";
import {OP_TYPE, OP_VERSION, type Op, type OpBody, type OpSignature} from "./op.ts";
import {readPayload, writePayload} from "./payloadCodec.ts";

export const DEPS_MAX = 4;
/** `prev` of a cell's first op. */
export const NO_OP = "0".repeat(64) as OpId;

const TAG_OP = Uint8Array.of(0x4f);
const TAG_LOCK = Uint8Array.of(0x4c);

/** The bytes that are hashed and signed. Asserts every bound: it is for our own values. */
export function encodeOpBody(body: OpBody): Uint8Array {
  const writer = new ByteWriter();
  writeU8(writer, body.version);
  writer.u8(OP_TYPE[body.payload.kind]);
  writeU32(writer, body.network);
  writeId(writer, body.cell);
  writeU64(writer, body.seq);
  writeId(writer, body.prev);
  writeU32(writer, body.validFromEpoch);
  writeU32(writer, body.validUntilEpoch);
  writeU32(writer, Number(body.fee));
  writeU8(writer, body.deps.length);
  for (const dep of body.deps) writeId(writer, dep);
  writePayload(writer, body.payload, body.cell);
  return writer.finish();
}

/** Body and signatures as they travel. */
export function encodeOp(op: Pick<Op, "body" | "signatures">): Uint8Array {
  const writer = new ByteWriter().raw(encodeOpBody(op.body));
  writeU8(writer, op.signatures.length);
  for (const {publicKey, signature} of op.signatures) {
    writeFixed(writer, publicKey, 32);
    writeFixed(writer, signature, 64);
  }
  return writer.finish();
}

/** Throws `DECODE_INVALID` for anything but the one encoding of an op. Signatures are not checked here. */
export function decodeOp(bytes: Uint8Array): Op {
  if (bytes.length > LIMITS.evidenceOpBytesMax) refuse("tooLong");
  const reader = new ByteReader(bytes);
  const op = readOp(reader, bytes.length);
  reader.finish();
  return op;
}

/**
 * An op of so many bytes, in memory of its own: one that nothing settles would else keep the whole entry that it
 * came in. Throws `DECODE_INVALID`.
 */
export function readOp(reader: ByteReader, length: number): Op {
  if (length > LIMITS.evidenceOpBytesMax) refuse("tooLong");
  const start = reader.offset;
  const body = readBody(reader);
  if (length > LIMITS.opBytesMax && body.payload.kind !== "evidence") refuse("tooLong");
  const bodyLength = reader.offset - start;
  const count = reader.count(reader.u8(), ACCOUNT_KEYS_MAX);
  if (count === 0) refuse("unsigned");
  reader.skip(count * SIGNATURE_BYTES);
  if (reader.offset - start !== length) refuse("length");
  const own = reader.since(start);
  const bodyBytes = own.subarray(0, bodyLength);
  const signatures = signaturesIn(own.subarray(bodyLength + 1), count);
  return {id: opIdOf(bodyBytes), body, signatures, bytes: own, bodyBytes};
}

/** Key and signature. */
const SIGNATURE_BYTES = 32 + 64;
/** With their number, of an op with one. */
const ONE_SIGNATURE_BYTES = 1 + SIGNATURE_BYTES;

/** Behind version, type and network. */
const CELL_AT = 6;

/**
 * The signature of encoded op bytes that have just one, as nearly all have; nothing is checked, and bytes that
 * are no op may seem to have one too. Shares their memory.
 */
export function peekSignature(
  bytes: Uint8Array,
): (OpSignature & {readonly bodyBytes: Uint8Array; readonly cell: CellId}) | undefined {
  const end = bytes.length - ONE_SIGNATURE_BYTES;
  if (end < CELL_AT + 32 || bytes.length > LIMITS.opBytesMax || bytes[end] !== 1) return undefined;
  const keyEnd = end + 1 + 32;
  return {
    bodyBytes: bytes.subarray(0, end),
    cell: toHex(bytes.subarray(CELL_AT, CELL_AT + 32)) as CellId,
    publicKey: bytes.subarray(end + 1, keyEnd),
    signature: bytes.subarray(keyEnd),
  };
}

/** SHA256(0x4F ‖ body). */
export function opIdOf(bodyBytes: Uint8Array): OpId {
  return hashHex(TAG_OP, bodyBytes) as string as OpId;
}

/** SHA256(0x4C ‖ id of the `open` op ‖ index in it). */
export function lockIdOf(opId: OpId, index: number): LockId {
  return hashHex(TAG_LOCK, fromHex(opId), Uint8Array.of(index)) as string as LockId;
}

/** Ids of the locks with a log that an op makes, in order. */
export function locksMadeBy({id, body: {payload}}: Pick<Op, "id" | "body">): readonly LockId[] {
  return payload.kind === "open" ? payload.locks.map((_, index) => lockIdOf(id, index)) : [];
}

/** Ids of the sale locks that an op makes, in order. */
export function saleIdsOf({id, body: {payload}}: Pick<Op, "id" | "body">): readonly LockId[] {
  if (payload.kind !== "open") return [];
  return (payload.sales ?? []).map((_, index) => lockIdOf(id, payload.locks.length + index));
}

/** The op with one more signature; sign again with each further key of a shared account. */
export function signOp(body: OpBody, signer: Signer, genesisHash: Uint8Array): Op {
  return addSignature({body, bodyBytes: encodeOpBody(body), signatures: []}, signer, genesisHash);
}

/** Adds the signature of one more key of a t-of-n account; the id stays. */
export function addSignature(
  op: Pick<Op, "body" | "bodyBytes" | "signatures">,
  signer: Signer,
  genesisHash: Uint8Array,
): Op {
  const signature = signDomain(signer, DOMAIN.op, genesisHash, op.bodyBytes);
  const signatures = [...op.signatures, {publicKey: signer.publicKey, signature}];
  signatures.sort((left, right) => compareBytes(left.publicKey, right.publicKey));
  const bytes = encodeOp({body: op.body, signatures});
  return {id: opIdOf(op.bodyBytes), body: op.body, signatures, bytes, bodyBytes: op.bodyBytes};
}

function readBody(reader: ByteReader): OpBody {
  const version = reader.u8();
  if (version !== OP_VERSION) refuse("version");
  const type = reader.u8();
  const network = reader.u32();
  const cell = readId<CellId>(reader);
  // In the order of the bytes.
  return {
    version,
    network,
    cell,
    seq: reader.u64(),
    prev: readId<OpId>(reader),
    validFromEpoch: reader.u32(),
    validUntilEpoch: reader.u32(),
    fee: BigInt(reader.u32()),
    deps: readList(reader, DEPS_MAX, () => readId<OpId>(reader)),
    payload: readPayload(reader, type, cell),
  };
}

/** Shares the memory: views on short arrays of their own would move each of those out of the engine's heap. */
function signaturesIn(bytes: Uint8Array, count: number): OpSignature[] {
  const signatures: OpSignature[] = [];
  for (let at = 0; at < count * SIGNATURE_BYTES; at += SIGNATURE_BYTES)
    signatures.push({
      publicKey: bytes.subarray(at, at + 32),
      signature: bytes.subarray(at + 32, at + SIGNATURE_BYTES),
    });
  for (const [index, {publicKey}] of signatures.entries()) {
    const before = signatures[index - 1];
    if (before !== undefined && compareBytes(before.publicKey, publicKey) >= 0) refuse("signatureOrder");
  }
  return signatures;
}
