/** Small byte operations. Hex is lower case; ids are hex strings in memory and raw bytes on the wire. */
import {assert} from "../errors/assert.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", {fatal: true});

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Throws on invalid UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Short arrays live inside the heap of the engine; asking for their buffer moves them out, at ten times the cost. */
const SHORT_BYTES_MAX = 64;
const short = Buffer.allocUnsafeSlow(SHORT_BYTES_MAX);

export function toHex(bytes: Uint8Array): string {
  if (bytes.length <= SHORT_BYTES_MAX) {
    short.set(bytes);
    return short.toString("hex", 0, bytes.length);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Throws unless `hex` is an even number of lower-case hex digits. */
export function fromHex(hex: string): Uint8Array {
  assert(isHex(hex), "not lower-case hex");
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** An even number of lower-case hex digits. */
export function isHex(text: string): boolean {
  return text.length % 2 === 0 && /^[0-9a-f]*$/.test(text);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && Buffer.compare(left, right) === 0;
}
