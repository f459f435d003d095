/**
 * The canonical encoding of signed ledger items (reference: BCS, SSZ): fixed-width big-endian
 * integers, length-prefixed lists with hard maxima, no optional fields, no maps. Exactly one byte
 * string per value; `finish()` of the reader refuses trailing bytes.
 */
import {assert} from "../errors/assert.ts";
import {CodedError} from "../errors/codedError.ts";

const LOW = (1n << 64n) - 1n;

type Scratch = {readonly bytes: Buffer; readonly view: DataView};

/**
 * Of writers that finished, for the next ones: a fresh typed array costs more than most of what is written
 * into it. Writers nest, so there are a few.
 */
const spares: Scratch[] = [];
const SPARES_MAX = 16;
const SPARE_BYTES_MAX = 64 * 1024;

function scratchOf(size: number): Scratch {
  const bytes = Buffer.allocUnsafeSlow(size);
  return {bytes, view: new DataView(bytes.buffer)};
}

/** Ends with `finish()`: nothing can be written then. */
export class ByteWriter {
  #scratch = spares.pop() ?? scratchOf(512);
  #length = 0;
  #isFinished = false;

  u8(value: number): this {
    const at = this.#grow(1);
    this.#scratch.view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#scratch.view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#scratch.view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#scratch.view.setBigUint64(at, value);
    return this;
  }

  u128(value: bigint): this {
    // Nearly every amount fits the low half, and each shift makes a new bigint.
    return value <= LOW ? this.u64(0n).u64(value) : this.u64(value >> 64n).u64(value & LOW);
  }

  /** Raw bytes, no length: for fields of fixed width. */
  raw(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#scratch.bytes.set(value, at);
    return this;
  }

  /** Lower-case hex as half as many raw bytes. Whoever calls has checked the digits. */
  hex(value: string): this {
    const at = this.#grow(value.length / 2);
    this.#scratch.bytes.write(value, at, "hex");
    return this;
  }

  /** u32 length, then the bytes. */
  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  finish(): Uint8Array {
    assert(!this.#isFinished, "a writer is finished once");
    this.#isFinished = true;
    const scratch = this.#scratch;
    const bytes = new Uint8Array(this.#length);
    bytes.set(scratch.bytes.subarray(0, this.#length));
    if (spares.length < SPARES_MAX && scratch.bytes.length <= SPARE_BYTES_MAX) spares.push(scratch);
    return bytes;
  }

  #grow(size: number): number {
    assert(!this.#isFinished, "a finished writer writes no more");
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#scratch.bytes.length) {
      const next = scratchOf(Math.max(this.#scratch.bytes.length * 2, this.#length));
      next.bytes.set(this.#scratch.bytes);
      this.#scratch = next;
    }
    return at;
  }
}

/** Every method throws `DECODE_INVALID` when bytes are missing or a bound is passed. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #digits: Buffer | undefined;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
    const at = this.#take(16);
    const low = this.#view.getBigUint64(at + 8);
    // Nearly every amount fits the low half, and each bigint is a new one.
    if (this.#view.getUint32(at) === 0 && this.#view.getUint32(at + 4) === 0) return low;
    return (this.#view.getBigUint64(at) << 64n) | low;
  }

  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  /** Passes over so many bytes. */
  skip(length: number): void {
    this.#take(length);
  }

  /** A copy of what was read from `start` up to here. */
  since(start: number): Uint8Array {
    return this.#bytes.slice(start, this.#at);
  }

  /** So many bytes as lower-case hex. */
  hex(length: number): string {
    const at = this.#take(length);
    const {buffer, byteOffset, byteLength} = this.#bytes;
    this.#digits ??= Buffer.from(buffer, byteOffset, byteLength);
    return this.#digits.toString("hex", at, at + length);
  }

  bytes(lengthMax: number): Uint8Array {
    return this.raw(this.count(this.u32(), lengthMax));
  }

  /** Passes over what `bytes` would return. */
  skipBytes(lengthMax: number): void {
    this.#take(this.count(this.u32(), lengthMax));
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
