/** SHA-256 of the platform: ten times a JavaScript one, and the only `node:` import of core. */
import {createHash} from "node:crypto";
import type {Hash} from "../primitives/id.ts";

/** SHA-256 of the parts, one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** The same as 64 hex digits. */
export function hashHex(...parts: readonly Uint8Array[]): Hash {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex") as Hash;
}
