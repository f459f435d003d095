/**
 * The one predicate of signature validity (DESIGN §5): ZIP 215 over public keys that are canonical and
 * not of small order, with exact lengths. Libraries disagree on crafted signatures, and one library with
 * itself between versions, so nothing else in the project decides validity.
 *
 * `@noble/ed25519` is the authority. A native accept is final, because after the checks here it implies
 * ZIP 215; a native refusal is confirmed by noble, which costs about 1.2 ms and is charged to the sender.
 */
import * as ed25519 from "@noble/ed25519";
import {sha512} from "@noble/hashes/sha2.js";
import type {SignatureVerifier} from "../ports/signer.ts";
import {toHex} from "../primitives/bytes.ts";

ed25519.hashes.sha512 = sha512;

/** A backend that may refuse what ZIP 215 accepts, but never accepts what it refuses. */
export type NativeVerify = (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array) => boolean;

/** y of the points of order 1, 2, 4 and 8, and the two that have a second encoding; sign bit cleared. */
const SMALL_ORDER_Y = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
] as const;

/** Both sign bits of each: 14 encodings. */
export const SMALL_ORDER_ENCODINGS: ReadonlySet<string> = new Set(
  SMALL_ORDER_Y.flatMap((y) => [
    y,
    `${y.slice(0, 62)}${(Number.parseInt(y.slice(62), 16) | 0x80).toString(16)}`,
  ]),
);

/** What may be tried at all: 32 bytes, y below the field's prime, not of small order. */
export function isPublicKeyAllowed(publicKey: Uint8Array): boolean {
  return publicKey.length === 32 && isCanonicalY(publicKey) && !SMALL_ORDER_ENCODINGS.has(toHex(publicKey));
}

/** Whether the backend alone is enough to say that a signature is valid. False says nothing. */
export function isSurelyValid(native: NativeVerify, ...args: Parameters<NativeVerify>): boolean {
  const [signature, , publicKey] = args;
  return signature.length === 64 && isPublicKeyAllowed(publicKey) && accepts(native, args);
}

/** The predicate over some backend; without one noble decides alone. */
export function createVerifier(native?: NativeVerify): SignatureVerifier {
  return {
    verify(signature, message, publicKey) {
      if (signature.length !== 64 || !isPublicKeyAllowed(publicKey)) return {valid: false, slow: false};
      if (native !== undefined && accepts(native, [signature, message, publicKey]))
        return {valid: true, slow: false};
      const valid = accepts(ed25519.verify, [signature, message, publicKey]);
      // Without a backend every check takes this path: then only a wrong signature costs its sender.
      return {valid, slow: native !== undefined || !valid};
    },
  };
}

/** A backend that throws has refused: noble throws on a point that does not decode. */
function accepts(verify: NativeVerify, args: Parameters<NativeVerify>): boolean {
  try {
    return verify(...args);
  } catch {
    return false;
  }
}

/** y < 2^255 − 19, little endian, sign bit apart. */
function isCanonicalY(publicKey: Uint8Array): boolean {
  if (((publicKey[31] ?? 0) & 0x7f) !== 0x7f || (publicKey[0] ?? 0) < 0xed) return true;
  return publicKey.subarray(1, 31).some((byte) => byte !== 0xff);
}
