/** Writing and reading the field types of signed ledger items, with the checks that `ByteWriter` leaves out. */
import {assert} from "../errors/assert.ts";
import {CodedError} from "../errors/codedError.ts";
import {U64_MAX} from "../primitives/amount.ts";
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {isHex} from "../primitives/bytes.ts";

export const U32_MAX = 0xffff_ffff;
export const U128_MAX = (1n << 128n) - 1n;
const U192_MAX = (1n << 192n) - 1n;
/** An EVM address; zeros for none. */
export const ADDRESS_BYTES = 20;

/** 64 hex digits as 32 bytes. */
export function writeId(writer: ByteWriter, hex: string): void {
  writeHex(writer, hex, 32);
}

/** 32 bytes as the hex id that the caller names. */
export function readId<Id extends string>(reader: ByteReader): Id {
  return reader.hex(32) as Id;
}

/** Lower-case hex digits of a fixed number of bytes. */
export function writeHex(writer: ByteWriter, hex: string, length: number): void {
  assert(hex.length === 2 * length && isHex(hex), "a field of fixed width is other hex digits");
  writer.hex(hex);
}

/** Bytes of a fixed width. */
export function writeFixed(writer: ByteWriter, bytes: Uint8Array, length: number): void {
  assert(bytes.length === length, "a field of fixed width has another width");
  writer.raw(bytes);
}

export function writeU64(writer: ByteWriter, value: bigint): void {
  assert(value >= 0n && value <= U64_MAX, "does not fit u64");
  writer.u64(value);
}

export function writeU128(writer: ByteWriter, value: bigint): void {
  assert(value >= 0n && value <= U128_MAX, "does not fit u128");
  writer.u128(value);
}

export function writeU192(writer: ByteWriter, value: bigint): void {
  assert(value >= 0n && value <= U192_MAX, "does not fit u192");
  writer.u64(value >> 128n).u128(value & U128_MAX);
}

export function readU192(reader: ByteReader): bigint {
  const high = reader.u64();
  return (high << 128n) | reader.u128();
}

export function writeU32(writer: ByteWriter, value: number): void {
  assert(Number.isInteger(value) && value >= 0 && value <= U32_MAX, "does not fit u32");
  writer.u32(value);
}

export function writeU16(writer: ByteWriter, value: number): void {
  assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, "does not fit u16");
  writer.u16(value);
}

export function writeU8(writer: ByteWriter, value: number): void {
  assert(Number.isInteger(value) && value >= 0 && value <= 0xff, "does not fit u8");
  writer.u8(value);
}

/** 0 or 1, nothing else: one byte string per value. */
export function readBoolean(reader: ByteReader): boolean {
  const value = reader.u8();
  return value === 1 || (value !== 0 && refuse("boolean"));
}

const NOTHING: readonly never[] = Object.freeze([]);

/** u8 ≤ `max`, then so many items. Most lists of most cells are empty, and there are many cells. */
export function readList<Item>(reader: ByteReader, max: number, read: () => Item): readonly Item[] {
  const length = reader.count(reader.u8(), max);
  return length === 0 ? NOTHING : Array.from({length}, read);
}

/** Ends a decoder: the bytes are not a canonical item. */
export function refuse(reason: string): never {
  throw new CodedError("DECODE_INVALID", {evidence: {reason}});
}
