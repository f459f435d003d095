/**
 * Checkpoints (reference/ledger 2.6): the agreed cut of the witnesses' logs and everything computed from
 * it. Canonical bytes:
 *
 *   version u8 | network u32 | epoch u32 | height u64 | parent 32 | heads: u8 ≤ 64, (witness u16 | n u64 | hash 32)…
 *   | depositCursor u64 | timeMs u64 | stateRoot 32 | totals 9 × u128 | withdrawalRoot 32 | paramsHash 32
 *   | isLastOfEpoch u8 | nextCommitteeHash 32
 *   hash = SHA256(0x43 ‖ bytes)
 */
import {hashHex} from "../crypto/sha256.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {Hash} from "../primitives/id.ts";
import {readBoolean, readId, refuse, writeId, writeU8, writeU16, writeU32, writeU64} from "./canonical.ts";
import type {Totals} from "./cell.ts";
import {readTotals, writeTotals} from "./cellCodec.ts";

const VERSION = 2;
const TAG_CHECKPOINT = Uint8Array.of(0x43);
/** Room above the committee's limit of 21. */
export const HEADS_MAX = 64;

/** The last entry of a witness's log inside the cut; `witness` is its seat in the register. */
export type Head = {readonly witness: number; readonly n: bigint; readonly hash: Hash};

export type Checkpoint = {
  readonly network: number;
  readonly epoch: number;
  readonly height: bigint;
  /** The genesis hash at height 0. */
  readonly parent: Hash;
  /** Of the members of its epoch's committee, by seat, ascending. */
  readonly heads: readonly Head[];
  /** Deposits of the contract that are credited; the genesis supply is the first. */
  readonly depositCursor: bigint;
  /** Weighted median of the heads' times. */
  readonly timeMs: number;
  readonly stateRoot: Hash;
  readonly totals: Totals;
  readonly withdrawalRoot: Hash;
  /** Of the parameters, the proposals and the votes on them (`governanceCodec.ts`). */
  readonly paramsHash: Hash;
  readonly isLastOfEpoch: boolean;
  /** Of the register of witnesses: it says who agrees on the next checkpoint (`registerCodec.ts`). */
  readonly nextCommitteeHash: Hash;
};

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const writer = new ByteWriter().u8(VERSION);
  writeU32(writer, checkpoint.network);
  writeU32(writer, checkpoint.epoch);
  writeU64(writer, checkpoint.height);
  writeId(writer, checkpoint.parent);
  writeU8(writer, checkpoint.heads.length);
  for (const {witness, n, hash} of checkpoint.heads) {
    writeU16(writer, witness);
    writeU64(writer, n);
    writeId(writer, hash);
  }
  writeU64(writer, checkpoint.depositCursor);
  writeU64(writer, BigInt(checkpoint.timeMs));
  writeId(writer, checkpoint.stateRoot);
  writeTotals(writer, checkpoint.totals);
  writeId(writer, checkpoint.withdrawalRoot);
  writeId(writer, checkpoint.paramsHash);
  writer.u8(checkpoint.isLastOfEpoch ? 1 : 0);
  writeId(writer, checkpoint.nextCommitteeHash);
  return writer.finish();
}

/** Throws `DECODE_INVALID`. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const checkpoint = {
    network: reader.u32(),
    epoch: reader.u32(),
    height: reader.u64(),
    parent: readId<Hash>(reader),
    heads: readHeads(reader),
    depositCursor: reader.u64(),
    timeMs: readTime(reader),
    stateRoot: readId<Hash>(reader),
    totals: readTotals(reader),
    withdrawalRoot: readId<Hash>(reader),
    paramsHash: readId<Hash>(reader),
    isLastOfEpoch: readBoolean(reader),
    nextCommitteeHash: readId<Hash>(reader),
  };
  reader.finish();
  return checkpoint;
}

export function checkpointHash(checkpoint: Checkpoint): Hash {
  return hashHex(TAG_CHECKPOINT, encodeCheckpoint(checkpoint));
}

/** Genesis is the only checkpoint of epoch 0; epoch 1 is heights 1 to `checkpointsPerEpoch`. */
export function epochOfHeight(height: bigint, checkpointsPerEpoch: number): number {
  const length = BigInt(checkpointsPerEpoch);
  return Number((height + length - 1n) / length);
}

/** The epoch in which an entry with this stamp votes: that of the checkpoint after it. */
export function voteEpochOf(
  {stampH}: {readonly stampH: bigint},
  {checkpointsPerEpoch}: {readonly checkpointsPerEpoch: number},
): number {
  return epochOfHeight(stampH + 1n, checkpointsPerEpoch);
}

/** Height of the cut that closed the epoch before the next checkpoint's; 0 for none. */
export function closedBelow(
  {height}: Pick<Checkpoint, "height">,
  {checkpointsPerEpoch}: {readonly checkpointsPerEpoch: number},
): bigint {
  return height - (height % BigInt(checkpointsPerEpoch));
}

/** True for the height whose checkpoint is anchored. */
export function isLastOfEpoch(height: bigint, checkpointsPerEpoch: number): boolean {
  return height % BigInt(checkpointsPerEpoch) === 0n;
}

function readHeads(reader: ByteReader): Head[] {
  const count = reader.count(reader.u8(), HEADS_MAX);
  const heads = Array.from({length: count}, () => ({
    witness: reader.u16(),
    n: reader.u64(),
    hash: readId<Hash>(reader),
  }));
  const isAscending = heads.every((head, index) => (heads[index - 1]?.witness ?? -1) < head.witness);
  return isAscending ? heads : refuse("headOrder");
}

function readTime(reader: ByteReader): number {
  const value = reader.u64();
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : refuse("time");
}
