/**
 * Records of the signing table: whatever a witness signs is written here, whole, before it leaves. A
 * restart that finds an entry here but not in the store takes it from here, so nothing is ever signed
 * twice under one number.
 *
 *   entry     = 1 u8 | u32 length | entry | votes: u16 ≤ 65,535, (epoch u32 | cell 32 | seq u64 | op 32)…
 *   consensus = 2 u8 | u32 length | message of `consensusCodec.ts`
 *   votes     = 3 u8 | votes          (kept from older entries when the table is compacted)
 *   moved     = 4 u8                  (exported: from here on another machine signs with this key)
 *   shortened = 5 u8 | height u64     (what is missing here rests on this final checkpoint: see `SigningTable`)
 */
import {LIMITS} from "@catalyze/proto/limits";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {CellId, OpId} from "../primitives/id.ts";
import {readId, refuse, writeId, writeU16, writeU32, writeU64} from "./canonical.ts";
import {type ConsensusMessage, decodeConsensus, encodeConsensus} from "./consensusCodec.ts";
import type {Entry} from "./entry.ts";
import {decodeWithoutOps} from "./entryCodec.ts";
import type {SlotVote} from "./voter.ts";

const TAG = {entry: 1, consensus: 2, votes: 3, moved: 4, shortened: 5} as const;
const VOTES_MAX = 0xffff;

export type SigningRecord =
  | {readonly kind: "entry"; readonly entry: Entry; readonly votes: readonly SlotVote[]}
  | {readonly kind: "consensus"; readonly message: ConsensusMessage}
  | {readonly kind: "votes"; readonly votes: readonly SlotVote[]}
  | {readonly kind: "moved"}
  | {readonly kind: "shortened"; readonly height: bigint};

export function encodeSigningRecord(record: SigningRecord): Uint8Array {
  const writer = new ByteWriter().u8(TAG[record.kind]);
  if (record.kind === "moved") return writer.finish();
  if (record.kind === "shortened") return writer.u64(record.height).finish();
  if (record.kind === "consensus") return writer.bytes(encodeConsensus(record.message)).finish();
  if (record.kind === "entry") writer.bytes(record.entry.bytes);
  writeU16(writer, record.votes.length);
  for (const {epoch, cell, seq, opId} of record.votes) {
    writeU32(writer, epoch);
    writeId(writer, cell);
    writeU64(writer, seq);
    writeId(writer, opId);
  }
  return writer.finish();
}

/** An entry comes without its ops; its bytes have them. Throws `DECODE_INVALID`. */
export function decodeSigningRecord(bytes: Uint8Array): SigningRecord {
  const reader = new ByteReader(bytes);
  const record = readRecord(reader);
  reader.finish();
  return record;
}

/** Votes in records that hold as many as fit. */
export function voteRecords(votes: readonly SlotVote[]): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < votes.length; at += VOTES_MAX) {
    records.push(encodeSigningRecord({kind: "votes", votes: votes.slice(at, at + VOTES_MAX)}));
  }
  return records;
}

function readRecord(reader: ByteReader): SigningRecord {
  const tag = reader.u8();
  if (tag === TAG.consensus) {
    return {kind: "consensus", message: decodeConsensus(reader.bytes(LIMITS.gossipBytesMax))};
  }
  if (tag === TAG.moved) return {kind: "moved"};
  if (tag === TAG.shortened) return {kind: "shortened", height: reader.u64()};
  if (tag === TAG.votes) return {kind: "votes", votes: readVotes(reader)};
  if (tag !== TAG.entry) refuse("record");
  return {
    kind: "entry",
    entry: decodeWithoutOps(reader.bytes(LIMITS.entryBytesMax)),
    votes: readVotes(reader),
  };
}

function readVotes(reader: ByteReader): SlotVote[] {
  return Array.from({length: reader.u16()}, () => ({
    epoch: reader.u32(),
    cell: readId<CellId>(reader),
    seq: reader.u64(),
    opId: readId<OpId>(reader),
  }));
}
