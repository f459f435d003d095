/**
 * The canonical encoding of signed ledger items (reference: BCS, SSZ): fixed-width big-endian
 * integers, length-prefixed lists with hard maxima, no optional fields, no maps. Exactly one byte
 * string per value; `finish()` of the reader refuses trailing bytes.
 */
import {CodedError} from "../errors/codedError.ts";

export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  u128(value: bigint): this {
    return this.u64(value >> 64n).u64(value & ((1n << 64n) - 1n));
  }

  /** Raw bytes, no length: for fields of fixed width. */
  raw(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** u32 length, then the bytes. */
  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const next = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      next.set(this.#bytes);
      this.#bytes = next;
      this.#view = new DataView(next.buffer);
    }
    return at;
  }
}

/** Every method throws `DECODE_INVALID` when bytes are missing or a bound is passed. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
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
    return (this.u64() << 64n) | this.u64();
  }

  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
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
