/**
 * Canonical bytes of entries.
 *
 *   header = version u8 | network u32 | epoch u32 | witness u16 | n u64 | prev 32 | stampH u64 | stampHash 32
 *          | timeMs u64 | isSeal u8 | refs: u8 ≤ 64, (witness u16 | n u64 | hash 32)… | carryRoot 32 | ackRoot 32
 *   carry  = u16 ≤ 512, (u32 length | op)…
 *   acks   = u16 ≤ 1024, (hash 32 | exceptions: u16 ≤ 512, u16…)…
 *   entry  = u32 header length | header | signature 64 | carry | acks
 *
 * The signature covers "CTZ-ENTRY\0" ‖ genesis hash ‖ header; the roots are of hash trees (`merkle.ts`) over
 * the bytes of each op and each ack, so an entry is one signature whatever it carries.
 */
import {DOMAIN} from "@catalyze/proto/domains";
import {LIMITS} from "@catalyze/proto/limits";
import {hashHex} from "../crypto/sha256.ts";
import {signDomain, verifyDomain} from "../crypto/signed.ts";
import type {SignatureVerifier, Signer} from "../ports/signer.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {equalBytes} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";
import {
  readBoolean,
  readId,
  refuse,
  writeFixed,
  writeId,
  writeU8,
  writeU16,
  writeU32,
  writeU64,
} from "./canonical.ts";
import {ZERO_HASH} from "./cell.ts";
import {HEADS_MAX, type Head} from "./checkpoint.ts";
import type {Ack, Entry, EntryHeader} from "./entry.ts";
import {placeOfEntry} from "./entryNumber.ts";
import {merkleRoot} from "./merkle.ts";
import type {Op} from "./op.ts";
import {readOp} from "./opCodec.ts";

export const ENTRY_OPS_MAX = 512;
export const ENTRY_ACKS_MAX = 1_024;
const VERSION = 2;
const TAG_ENTRY = Uint8Array.of(0x45);
/** Leaves of the trees of ops and of acks. */
export const TAG_CARRY = 0x72;
export const TAG_ACKS = 0x61;
export const HEADER_BYTES_MAX = 4_096;

export type EntryDraft = {
  readonly header: EntryHeader;
  readonly carry: readonly Op[];
  readonly acks: readonly Ack[];
};

/** Encodes and signs. */
export function signEntry(draft: EntryDraft, signer: Signer, genesisHash: Uint8Array): Entry {
  const acks = draft.acks.map(encodeAck);
  const headerBytes = encodeHeader(draft.header, carryRoot(draft.carry), merkleRoot(TAG_ACKS, acks));
  const signature = signDomain(signer, DOMAIN.entry, genesisHash, headerBytes);
  const writer = new ByteWriter().bytes(headerBytes);
  writeFixed(writer, signature, 64);
  writeU16(writer, draft.carry.length);
  for (const op of draft.carry) writer.bytes(op.bytes);
  writeU16(writer, acks.length);
  for (const ack of acks) writer.raw(ack);
  return {...draft, hash: entryHashOf(headerBytes), signature, bytes: writer.finish(), headerBytes};
}

/** Throws `DECODE_INVALID` for anything but the one encoding of an entry. The signature is not checked here. */
export function decodeEntry(bytes: Uint8Array): Entry {
  if (bytes.length > LIMITS.entryBytesMax) refuse("tooLong");
  const reader = new ByteReader(bytes);
  const headerBytes = reader.bytes(HEADER_BYTES_MAX);
  const {header, roots} = decodeEntryHeader(headerBytes);
  const signature = reader.raw(64);
  const opCount = reader.count(reader.u16(), ENTRY_OPS_MAX);
  const carry = Array.from({length: opCount}, () => readOp(reader, reader.u32()));
  const acks = readAcks(reader);
  reader.finish();
  if (!equalBytes(roots.carry, carryRoot(carry))) refuse("carryRoot");
  if (!equalBytes(roots.acks, merkleRoot(TAG_ACKS, acks.map(encodeAck)))) refuse("ackRoot");
  if (new Set(carry.map(({id}) => id)).size !== carry.length) refuse("duplicateOp");
  if (new Set(acks.map(({hash}) => hash)).size !== acks.length) refuse("duplicateAck");
  return {header, carry, acks, hash: entryHashOf(headerBytes), signature, bytes: bytes.slice(), headerBytes};
}

/** The hash of encoded entry bytes, or `undefined` when they are no entry: to drop known ones unread. */
export function peekEntryHash(bytes: Uint8Array): Hash | undefined {
  if (bytes.length < 4 || bytes.length > LIMITS.entryBytesMax) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  return length + 4 > bytes.length ? undefined : entryHashOf(bytes.subarray(4, 4 + length));
}

/** Ops that encoded entry bytes carry, unread and as far as they are there. Share their memory. */
export function peekCarriedOps(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length < 4 || bytes.length > LIMITS.entryBytesMax) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 4 + view.getUint32(0) + 64 + 2;
  if (at > bytes.length) return [];
  const ops: Uint8Array[] = [];
  for (let left = Math.min(view.getUint16(at - 2), ENTRY_OPS_MAX); left > 0; left -= 1) {
    if (at + 4 > bytes.length) break;
    const end = at + 4 + view.getUint32(at);
    if (end > bytes.length) break;
    ops.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return ops;
}

/**
 * An entry of our own disk without its ops: for those that nobody votes for any more, and for putting entries
 * in order. Costs a tenth of `decodeEntry`. Throws `DECODE_INVALID`.
 */
export function decodeWithoutOps(bytes: Uint8Array): Entry {
  if (bytes.length > LIMITS.entryBytesMax) refuse("tooLong");
  const reader = new ByteReader(bytes);
  const headerBytes = reader.bytes(HEADER_BYTES_MAX);
  const {header} = decodeEntryHeader(headerBytes);
  const signature = reader.raw(64);
  const opCount = reader.count(reader.u16(), ENTRY_OPS_MAX);
  for (let op = 0; op < opCount; op += 1) reader.skipBytes(LIMITS.evidenceOpBytesMax);
  const acks = readAcks(reader);
  return {header, carry: [], acks, hash: entryHashOf(headerBytes), signature, bytes, headerBytes};
}

/** The one check of an entry's author. */
export function verifyEntry(
  verifier: SignatureVerifier,
  entry: Pick<Entry, "headerBytes" | "signature">,
  key: {readonly genesisHash: Uint8Array; readonly voteKey: Uint8Array},
): {valid: boolean; slow: boolean} {
  return verifyDomain(verifier, {
    domain: DOMAIN.entry,
    genesisHash: key.genesisHash,
    body: entry.headerBytes,
    signature: entry.signature,
    publicKey: key.voteKey,
  });
}

/** Bytes that an op adds to the entry that carries it. */
export function carriedBytes(op: Op): number {
  return op.bytes.length + 4;
}

/** SHA256(0x45 ‖ header bytes). */
export function entryHashOf(headerBytes: Uint8Array): Hash {
  return hashHex(TAG_ENTRY, headerBytes);
}

function carryRoot(carry: readonly Op[]): Uint8Array {
  return merkleRoot(
    TAG_CARRY,
    carry.map(({bytes}) => bytes),
  );
}

function encodeHeader(header: EntryHeader, carry: Uint8Array, acks: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writeU8(writer, VERSION);
  writeU32(writer, header.network);
  writeU32(writer, header.epoch);
  writeU16(writer, header.witness);
  writeU64(writer, header.n);
  writeId(writer, header.prev);
  writeU64(writer, header.stampH);
  writeId(writer, header.stampHash);
  writeU64(writer, BigInt(header.timeMs));
  writer.u8(header.isSeal ? 1 : 0);
  writeU8(writer, header.refs.length);
  for (const {witness, n, hash} of header.refs) {
    writeU16(writer, witness);
    writeU64(writer, n);
    writeId(writer, hash);
  }
  writeFixed(writer, carry, 32);
  writeFixed(writer, acks, 32);
  return writer.finish();
}

export type EntryRoots = {readonly carry: Uint8Array; readonly acks: Uint8Array};

/** Throws `DECODE_INVALID`. */
export function decodeEntryHeader(bytes: Uint8Array): {header: EntryHeader; roots: EntryRoots} {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const header = {
    network: reader.u32(),
    epoch: reader.u32(),
    witness: reader.u16(),
    n: reader.u64(),
    prev: readId<Hash>(reader),
    stampH: reader.u64(),
    stampHash: readId<Hash>(reader),
    timeMs: readTime(reader),
    isSeal: readBoolean(reader),
    refs: readRefs(reader),
  };
  const roots = {carry: reader.raw(32), acks: reader.raw(32)};
  reader.finish();
  if (placeOfEntry(header.n) === 0n) refuse("n");
  if (header.prev === ZERO_HASH && placeOfEntry(header.n) !== 1n) refuse("prev");
  if (header.refs.some(({witness}) => witness === header.witness)) refuse("selfRef");
  return {header, roots};
}

function readRefs(reader: ByteReader): Head[] {
  const count = reader.count(reader.u8(), HEADS_MAX);
  const refs = Array.from({length: count}, () => ({
    witness: reader.u16(),
    n: reader.u64(),
    hash: readId<Hash>(reader),
  }));
  const isAscending = refs.every((ref, index) => (refs[index - 1]?.witness ?? -1) < ref.witness);
  return isAscending ? refs : refuse("refOrder");
}

/** Hash and exceptions: what the entry's tree of acks has as a leaf. */
export function encodeAck({hash, exceptions}: Ack): Uint8Array {
  const writer = new ByteWriter();
  writeId(writer, hash);
  writeU16(writer, exceptions.length);
  for (const index of exceptions) writeU16(writer, index);
  return writer.finish();
}

function readAcks(reader: ByteReader): Ack[] {
  return Array.from({length: reader.count(reader.u16(), ENTRY_ACKS_MAX)}, () => readAck(reader));
}

/** Throws `DECODE_INVALID`. */
export function readAck(reader: ByteReader): Ack {
  const hash = readId<Hash>(reader);
  const length = reader.count(reader.u16(), ENTRY_OPS_MAX);
  const exceptions = Array.from({length}, () => reader.u16());
  const isAscending = exceptions.every((each, index) => (exceptions[index - 1] ?? -1) < each);
  return isAscending ? {hash, exceptions} : refuse("exceptionOrder");
}

function readTime(reader: ByteReader): number {
  const value = reader.u64();
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : refuse("time");
}
