/**
 * SHA-256 of the platform: ten times a JavaScript one, and the only `node:` import of core. The one-shot
 * call that answers with a string is twice as fast as a hash object for the short inputs of trees and ids.
 */
import {createHash, hash} from "node:crypto";
import type {Hash} from "../primitives/id.ts";

/** Above this, copying the parts together costs more than a hash object. */
const ONE_SHOT_BYTES_MAX = 4096;
const pieces = Buffer.allocUnsafeSlow(ONE_SHOT_BYTES_MAX);
/** The beginnings of `pieces`, by length, made when they are needed first: each costs a tenth of a hash. */
const beginnings: Buffer[] = [];

/** SHA-256 of the parts, one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const short = shortInput(parts);
  if (short === undefined) return new Uint8Array(hashed(parts).digest());
  const text = hash("sha256", short, "binary");
  const digest = new Uint8Array(32);
  for (let at = 0; at < 32; at += 1) digest[at] = text.charCodeAt(at);
  return digest;
}

/** The same as 64 hex digits. */
export function hashHex(...parts: readonly Uint8Array[]): Hash {
  const short = shortInput(parts);
  return (short === undefined ? hashed(parts).digest("hex") : hash("sha256", short, "hex")) as Hash;
}

/** The parts in one piece that is void with the next call: the engine and the platform share it at no cost. */
function shortInput(parts: readonly Uint8Array[]): Uint8Array | undefined {
  let length = 0;
  for (const part of parts) {
    if (length + part.length > ONE_SHOT_BYTES_MAX) return undefined;
    pieces.set(part, length);
    length += part.length;
  }
  beginnings[length] ??= pieces.subarray(0, length);
  return beginnings[length];
}

function hashed(parts: readonly Uint8Array[]) {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest;
}
