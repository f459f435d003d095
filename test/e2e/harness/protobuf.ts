/** Protobuf by hand, for messages that no encoder would write. */
import {concat} from "@catalyze/core/primitives/bytes";
import {varint} from "./enemy.ts";

export function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return concat(varint(field * 8 + 2), varint(bytes.length), bytes);
}

export function numberField(field: number, value: number): Uint8Array {
  return concat(varint(field * 8), varint(value));
}

export function textField(field: number, text: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(text));
}

/** The message behind its length, as every protocol of the library frames it. */
export function framed(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(Buffer.concat(parts));
  return concat(varint(bytes.length), bytes);
}

/** The fields of a message that hold bytes, in order. Reads what honest encoders write. */
export function readFields(bytes: Uint8Array): {readonly field: number; readonly value: Uint8Array}[] {
  const fields: {field: number; value: Uint8Array}[] = [];
  let at = 0;
  const number = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    const length = number();
    if (tag % 8 !== 2) continue;
    fields.push({field: Math.floor(tag / 8), value: bytes.slice(at, at + length)});
    at += length;
  }
  return fields;
}

/** The first message of what a peer said. */
export function unframed(bytes: Uint8Array): Uint8Array {
  const prefix = bytes.findIndex((byte) => byte < 0x80) + 1;
  return bytes.slice(prefix);
}
