/**
 * SHA-256 of the platform: ten times a JavaScript one, and the only `node:` import of core. The one-shot
 * call that answers with a string is twice as fast as a hash object for the short inputs of trees and ids.
 */
import {createHash, hash} from "node:crypto";
import {concat} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";

/** Above this, copying the parts together costs more than a hash object. */
const ONE_SHOT_BYTES_MAX = 4096;

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

function shortInput(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return length <= ONE_SHOT_BYTES_MAX ? concat(...parts) : undefined;
}

function hashed(parts: readonly Uint8Array[]) {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest;
}
