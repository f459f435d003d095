/**
 * Evidence as it travels in an `evidence` op; what it proves is checked in `certificateProof.ts` and
 * `evidence.ts`. Canonical bytes:
 *
 *   certificate   = 1 u8 | ops: u8 ≤ 32, (u32 length | op)… | carriers: u8 ≤ 64, carrier… | votes: u8 ≤ 30, vote…
 *     carrier     = header: u32 length, bytes | op u8 | path
 *     vote        = carrier u8 | signature 64 | hasAck u8 | when 1: header: u32 length, bytes | ack | path
 *     path        = index u16 | count u16 | siblings: u8 ≤ 10, 32 each
 *   entryFork     = 2 u8 | (header: u32 length, bytes | signature 64) × 2
 *   agreementFork = 3 u8 | u32 length | message of `consensusCodec.ts` with two votes
 */
import {LIMITS} from "@catalyze/proto/limits";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {readBoolean, refuse, writeFixed, writeU8, writeU16} from "./canonical.ts";
import {type ConsensusVote, decodeConsensus, encodeConsensus} from "./consensusCodec.ts";
import type {Ack} from "./entry.ts";
import {encodeAck, HEADER_BYTES_MAX, readAck} from "./entryCodec.ts";
import {type MerklePath, SIBLINGS_MAX} from "./merkle.ts";
import type {Op} from "./op.ts";
import {decodeOp} from "./opCodec.ts";

export type SignedHeader = {readonly headerBytes: Uint8Array; readonly signature: Uint8Array};

/** An entry that carries one of the certificate's ops. */
export type Carrier = {
  readonly headerBytes: Uint8Array;
  /** Index into the certificate's ops. */
  readonly op: number;
  readonly path: MerklePath;
};

/** A vote by carrying, signed under the carrier's header; or by acknowledging the carrier. */
export type CertificateVote = {
  readonly carrier: number;
  readonly signature: Uint8Array;
  readonly ack: {readonly headerBytes: Uint8Array; readonly ack: Ack; readonly path: MerklePath} | undefined;
};

export type Certificate = {
  /** The certified op, in each of the copies that were voted for. */
  readonly ops: readonly Op[];
  readonly carriers: readonly Carrier[];
  readonly votes: readonly CertificateVote[];
};

export type Evidence =
  | {readonly kind: "certificate"; readonly certificate: Certificate}
  /** Two entries of one witness with one number. */
  | {readonly kind: "entryFork"; readonly entries: readonly [SignedHeader, SignedHeader]}
  /** Two votes of one witness in one iteration that exclude each other. */
  | {readonly kind: "agreementFork"; readonly votes: readonly [ConsensusVote, ConsensusVote]};

const CERTIFICATE_OPS_MAX = 32;
const CARRIERS_MAX = 64;
const VOTES_MAX = 30;
const TAG = {certificate: 1, entryFork: 2, agreementFork: 3} as const;

export function encodeEvidence(evidence: Evidence): Uint8Array {
  const writer = new ByteWriter().u8(TAG[evidence.kind]);
  switch (evidence.kind) {
    case "certificate":
      writeCertificate(writer, evidence.certificate);
      break;
    case "entryFork":
      for (const {headerBytes, signature} of evidence.entries) {
        writeFixed(writer.bytes(headerBytes), signature, 64);
      }
      break;
    case "agreementFork":
      writer.bytes(encodeConsensus({proposals: [], votes: evidence.votes}));
  }
  return writer.finish();
}

/** Throws `DECODE_INVALID`. Nothing is proven by that alone. */
export function decodeEvidence(bytes: Uint8Array): Evidence {
  const reader = new ByteReader(bytes);
  const evidence = readEvidence(reader);
  reader.finish();
  return evidence;
}

/** True for the canonical bytes of some evidence. */
export function isEvidence(bytes: Uint8Array): boolean {
  try {
    decodeEvidence(bytes);
    return true;
  } catch {
    return false;
  }
}

function readEvidence(reader: ByteReader): Evidence {
  switch (reader.u8()) {
    case TAG.certificate:
      return {kind: "certificate", certificate: readCertificate(reader)};
    case TAG.entryFork:
      return {kind: "entryFork", entries: [readSignedHeader(reader), readSignedHeader(reader)]};
    case TAG.agreementFork: {
      const {proposals, votes} = decodeConsensus(reader.bytes(LIMITS.opBytesMax));
      const [first, second] = votes;
      if (proposals.length > 0 || votes.length !== 2 || first === undefined || second === undefined)
        return refuse("votes");
      return {kind: "agreementFork", votes: [first, second]};
    }
    default:
      return refuse("evidence");
  }
}

function readSignedHeader(reader: ByteReader): SignedHeader {
  return {headerBytes: reader.bytes(HEADER_BYTES_MAX), signature: reader.raw(64)};
}

function writeCertificate(writer: ByteWriter, {ops, carriers, votes}: Certificate): void {
  writeU8(writer, ops.length);
  for (const {bytes} of ops) writer.bytes(bytes);
  writeU8(writer, carriers.length);
  for (const {headerBytes, op, path} of carriers) {
    writeU8(writer.bytes(headerBytes), op);
    writePath(writer, path);
  }
  writeU8(writer, votes.length);
  for (const {carrier, signature, ack} of votes) {
    writeU8(writer, carrier);
    writeFixed(writer, signature, 64);
    writer.u8(ack === undefined ? 0 : 1);
    if (ack === undefined) continue;
    writer.bytes(ack.headerBytes).raw(encodeAck(ack.ack));
    writePath(writer, ack.path);
  }
}

function readCertificate(reader: ByteReader): Certificate {
  const ops = many(reader, CERTIFICATE_OPS_MAX, () => decodeOp(reader.bytes(LIMITS.opBytesMax)));
  const carriers = many(reader, CARRIERS_MAX, () => ({
    headerBytes: reader.bytes(HEADER_BYTES_MAX),
    op: reader.u8(),
    path: readPath(reader),
  }));
  const votes = many(reader, VOTES_MAX, () => ({
    carrier: reader.u8(),
    signature: reader.raw(64),
    ack: readBoolean(reader)
      ? {headerBytes: reader.bytes(HEADER_BYTES_MAX), ack: readAck(reader), path: readPath(reader)}
      : undefined,
  }));
  return {ops, carriers, votes};
}

function many<Item>(reader: ByteReader, max: number, read: () => Item): Item[] {
  return Array.from({length: reader.count(reader.u8(), max)}, read);
}

function writePath(writer: ByteWriter, {index, count, siblings}: MerklePath): void {
  writeU16(writer, index);
  writeU16(writer, count);
  writeU8(writer, siblings.length);
  for (const sibling of siblings) writeFixed(writer, sibling, 32);
}

function readPath(reader: ByteReader): MerklePath {
  const [index, count] = [reader.u16(), reader.u16()];
  return {index, count, siblings: many(reader, SIBLINGS_MAX, () => reader.raw(32))};
}
