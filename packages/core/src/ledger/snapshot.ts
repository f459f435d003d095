/**
 * A snapshot: the whole state of the last checkpoint of an epoch, for a node that joins late. There no vote
 * is pending (`closing.ts`), so the state and the logs above the cut are all that computes what follows.
 *
 * It is a head and chunks. The head names the first leaf of each chunk, and a chunk shows the leaf after its
 * own last one too, so each is verified alone and in any order: it begins where the head says, holds every
 * leaf up to where the head says, and what is wrong with it is its sender's fault.
 *
 *   head  = version u8 | final checkpoint: u32 length | register: u32 length | governance: u32 length | handovers before it: u16 ≤ 1024, …
 *           | withdrawals: u32, (address 20 | cumulative u64)…, ascending
 *           | first leaf ids of the chunks: u32 ≥ 1, 32…, ascending
 *   chunk = version u8 | checkpoint hash 32 | index u32 | cells: u32 ≥ 1, u32 length…, by leaf id; empty: the treasury
 *           | next leaf: u8 0 or 1, (id 32 | valueHash 32 | sum u128)
 *           | siblings left of the first leaf, from the root down | siblings right of the last one shown, from it up
 *   id    = SHA256(0x50 ‖ checkpoint hash ‖ first leaf ids…)      nodes with the same state cut the same chunks
 */
import {LIMITS} from "@catalyze/proto/limits";
import {hashHex} from "../crypto/sha256.ts";
import {CodedError} from "../errors/codedError.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {compareBytes, fromHex} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";
import {
  ADDRESS_BYTES,
  readBoolean,
  readId,
  refuse,
  writeFixed,
  writeId,
  writeU16,
  writeU32,
  writeU64,
  writeU128,
} from "./canonical.ts";
import {decodeFinalCheckpoint, encodeFinalCheckpoint, type FinalCheckpoint} from "./finality.ts";
import type {Governance} from "./governance.ts";
import {decodeGovernance, encodeGovernance, GOVERNANCE_BYTES_MAX} from "./governanceCodec.ts";
import {HANDOVERS_MAX, type Handover, readHandover, writeHandover} from "./handover.ts";
import type {Register} from "./register.ts";
import {decodeRegister, encodeRegister, REGISTER_BYTES_MAX} from "./registerCodec.ts";
import type {TreeLeaf, TreeStep} from "./sumTree.ts";
import {readTreeSteps, writeTreeSteps} from "./treeSteps.ts";
import type {Withdrawal} from "./withdrawals.ts";

const VERSION = 2;
const TAG_SNAPSHOT = Uint8Array.of(0x50);
/** Of 16 MiB to some GiB of state; and 2.7 MiB of withdrawals. */
export const SNAPSHOT_CHUNKS_MAX = 16_384;
export const SNAPSHOT_WITHDRAWALS_MAX = 100_000;
/** The smallest cell, a pot, takes 114 bytes and its length. */
const CHUNK_CELLS_MAX = 8_700;

export type SnapshotHead = {
  readonly final: FinalCheckpoint;
  /** Of witnesses: the checkpoint names its hash. */
  readonly register: Register;
  /** Parameters, proposals and votes: the checkpoint names their hash. */
  readonly governance: Governance;
  /** Every change of committee from the genesis to the checkpoint. */
  readonly handovers: readonly Handover[];
  /** By address. */
  readonly withdrawals: readonly Withdrawal[];
  /** Id of the first leaf of each chunk. */
  readonly firsts: readonly Uint8Array[];
};

export type SnapshotChunk = {
  readonly checkpoint: Hash;
  readonly index: number;
  /** Encoded, by leaf id; empty for the treasury's leaf. */
  readonly cells: readonly Uint8Array[];
  /** The leaf after the last one; `undefined` in the last chunk. */
  readonly next: TreeLeaf | undefined;
  /** Siblings left of the first leaf, from the root down. */
  readonly left: readonly TreeStep[];
  /** Siblings right of the next leaf (in the last chunk: none), from it up. */
  readonly right: readonly TreeStep[];
};

/** The same for all that hold this state, whichever quorum's signatures they have. */
export function snapshotIdOf({final, firsts}: Pick<SnapshotHead, "final" | "firsts">): Hash {
  return hashHex(TAG_SNAPSHOT, fromHex(final.hash), ...firsts);
}

export function encodeSnapshotHead(head: SnapshotHead): Uint8Array {
  const {final, register, governance, handovers, withdrawals, firsts} = head;
  const writer = new ByteWriter().u8(VERSION).bytes(encodeFinalCheckpoint(final));
  writer.bytes(encodeRegister(register)).bytes(encodeGovernance(governance));
  writeU16(writer, handovers.length);
  for (const handover of handovers) writeHandover(writer, handover);
  writeU32(writer, withdrawals.length);
  for (const {address, cumulative} of withdrawals) {
    writeFixed(writer, address, ADDRESS_BYTES);
    writeU64(writer, cumulative);
  }
  writeU32(writer, firsts.length);
  for (const id of firsts) writeFixed(writer, id, 32);
  return writer.finish();
}

/** Throws `DECODE_INVALID`. Nothing is verified here: see `checkSnapshotHead`. */
export function decodeSnapshotHead(bytes: Uint8Array): SnapshotHead {
  if (bytes.length > LIMITS.snapshotHeadBytesMax) refuse("tooLong");
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const final = decodeFinalCheckpoint(reader.bytes(LIMITS.marketFrameBytesMax));
  const register = decodeRegister(reader.bytes(REGISTER_BYTES_MAX));
  const governance = decodeGovernance(reader.bytes(GOVERNANCE_BYTES_MAX));
  const handovers: Handover[] = [];
  for (let left = reader.count(reader.u16(), HANDOVERS_MAX); left > 0; left -= 1)
    handovers.push(readHandover(reader));
  const withdrawals = listOf(reader, SNAPSHOT_WITHDRAWALS_MAX, () => ({
    address: reader.raw(ADDRESS_BYTES),
    cumulative: reader.u64(),
  }));
  const firsts = listOf(reader, SNAPSHOT_CHUNKS_MAX, () => reader.raw(32));
  reader.finish();
  if (!isAscending(withdrawals.map(({address}) => address))) refuse("withdrawalOrder");
  if (firsts.length === 0 || !isAscending(firsts)) refuse("firsts");
  return {final, register, governance, handovers, withdrawals, firsts};
}

export function encodeSnapshotChunk(chunk: SnapshotChunk): Uint8Array {
  const {checkpoint, index, cells, next, left, right} = chunk;
  const writer = new ByteWriter().u8(VERSION);
  writeId(writer, checkpoint);
  writeU32(writer, index);
  writeU32(writer, cells.length);
  for (const bytes of cells) writer.bytes(bytes);
  writer.u8(next === undefined ? 0 : 1);
  if (next !== undefined) {
    writeFixed(writer, next.id, 32);
    writeFixed(writer, next.valueHash, 32);
    writeU128(writer, next.sum);
  }
  writeTreeSteps(writer, left);
  writeTreeSteps(writer, right);
  return writer.finish();
}

/** Throws `DECODE_INVALID`. Nothing is verified here: see `SnapshotBuilder`. */
export function decodeSnapshotChunk(bytes: Uint8Array): SnapshotChunk {
  if (bytes.length > LIMITS.snapshotChunkBytesMax) refuse("tooLong");
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const chunk = {
    checkpoint: readId<Hash>(reader),
    index: reader.u32(),
    cells: listOf(reader, CHUNK_CELLS_MAX, () => reader.bytes(LIMITS.snapshotChunkBytesMax)),
    next: readBoolean(reader) ? readLeaf(reader) : undefined,
    left: readTreeSteps(reader),
    right: readTreeSteps(reader),
  };
  reader.finish();
  if (chunk.cells.length === 0) refuse("cells");
  return chunk;
}

export type SnapshotFault = {
  readonly part: "head" | "chunk";
  readonly index?: number;
  readonly reason: string;
};

/** Throws `SNAPSHOT_INVALID`: whoever sent this part lied. */
export function refuseSnapshot({part, index, reason}: SnapshotFault): never {
  const evidence = {part, reason, ...(index === undefined ? {} : {index})};
  throw new CodedError("SNAPSHOT_INVALID", {
    message: `The snapshot's ${part} does not hold: ${reason}.`,
    evidence,
  });
}

function readLeaf(reader: ByteReader): TreeLeaf {
  return {id: reader.raw(32), valueHash: reader.raw(32), sum: reader.u128()};
}

/** Grows as it reads: a count that the bytes do not bear out allocates nothing. */
function listOf<T>(reader: ByteReader, max: number, read: () => T): T[] {
  const items: T[] = [];
  for (let left = reader.count(reader.u32(), max); left > 0; left -= 1) items.push(read());
  return items;
}

function isAscending(items: readonly Uint8Array[]): boolean {
  return items.every((item, index) => index === 0 || compareBytes(items[index - 1] ?? item, item) < 0);
}
