/**
 * The canonical encoding of signed ledger items (reference: BCS, SSZ): fixed-width big-endian
 * integers, length-prefixed lists with hard maxima, no optional fields, no maps. Exactly one byte
 * string per value; `finish()` of the reader refuses trailing bytes.
 */
import {assert} from "../errors/assert.ts";
import {CodedError} from "../errors/codedError.ts";
import {LOWER_HEX} from "./bytes.ts";

const FIRST_BYTES = 512;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** What a writer fills, under the three names by which it is fast. */
type Room = {readonly bytes: Uint8Array; readonly buffer: Buffer; readonly view: DataView};

/** Of finished writers, for the next ones: items are small, and every hash and signature needs one. */
const spare: Room[] = [];
const SPARE_MAX = 8;
const SPARE_BYTES_MAX = 64 * 1024;

/** Good for one item: `finish` ends it. */
export class ByteWriter {
  #room: Room | undefined = spare.pop() ?? roomOf(FIRST_BYTES);
  #length = 0;

  u8(value: number): this {
    const at = this.#grow(1);
    this.#open().view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#open().view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#open().view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#open().view.setBigUint64(at, value);
    return this;
  }

  u128(value: bigint): this {
    // Nearly every amount fits the low half, and a shift makes a new bigint.
    return value <= U64_MAX ? this.u64(0n).u64(value) : this.u64(value >> 64n).u64(BigInt.asUintN(64, value));
  }

  /** Raw bytes, no length: for fields of fixed width. */
  raw(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#open().bytes.set(value, at);
    return this;
  }

  /** Lower-case hex digits as the bytes that they name, no length. */
  hex(value: string): this {
    const size = value.length / 2;
    const at = this.#grow(size);
    assert(LOWER_HEX.test(value), "not lower-case hex");
    this.#open().buffer.write(value, at, size, "hex");
    return this;
  }

  /** u32 length, then the bytes. */
  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  finish(): Uint8Array {
    const room = this.#open();
    this.#room = undefined;
    if (spare.length < SPARE_MAX && room.bytes.length <= SPARE_BYTES_MAX) spare.push(room);
    return room.bytes.slice(0, this.#length);
  }

  #open(): Room {
    assert(this.#room !== undefined, "this writer has finished");
    return this.#room;
  }

  #grow(size: number): number {
    const {bytes} = this.#open();
    const at = this.#length;
    this.#length += size;
    if (this.#length > bytes.length) {
      this.#room = roomOf(Math.max(bytes.length * 2, this.#length));
      this.#room.bytes.set(bytes.subarray(0, at));
    }
    return at;
  }
}

function roomOf(size: number): Room {
  const bytes = new Uint8Array(size);
  return {bytes, buffer: Buffer.from(bytes.buffer), view: new DataView(bytes.buffer)};
}

/** Every method throws `DECODE_INVALID` when bytes are missing or a bound is passed. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  u128(): bigint {
    const high = this.u64();
    return high === 0n ? this.u64() : (high << 64n) | this.u64();
  }

  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  /** So many bytes as lower-case hex digits. */
  hex(length: number): string {
    const at = this.#take(length);
    return this.#buffer.toString("hex", at, at + length);
  }

  bytes(lengthMax: number): Uint8Array {
    return this.raw(this.count(this.u32(), lengthMax));
  }

  /** Checks a list length against its maximum before anything is allocated for it. */
  count(value: number, max: number): number {
    if (value > max) throw new CodedError("DECODE_INVALID", {evidence: {reason: "tooLong", value, max}});
    return value;
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) {
      throw new CodedError("DECODE_INVALID", {evidence: {reason: "trailingBytes"}});
    }
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) {
      throw new CodedError("DECODE_INVALID", {evidence: {reason: "truncated", need: at + size}});
    }
    this.#at = at + size;
    return at;
  }
}
