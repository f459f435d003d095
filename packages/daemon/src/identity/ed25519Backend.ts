/**
 * Native Ed25519: libsodium where its prebuilt binary loads, else OpenSSL through node:crypto. Both may
 * refuse what the protocol's rule accepts (core confirms refusals); neither accepts what it refuses once
 * core's checks have passed, which `selfTest` proves at start.
 */
import {createPrivateKey, createPublicKey, type KeyObject, sign, verify} from "node:crypto";
import {createRequire} from "node:module";
import type {NativeVerify} from "@catalyze/core/crypto/verifySignature";
import type {Signer} from "@catalyze/core/ports/signer";

export type Ed25519Backend = {
  readonly name: "libsodium" | "openssl";
  readonly verify: NativeVerify;
  /** A signer over a 32-byte seed. */
  signerOf(seed: Uint8Array): Signer;
};

/** What we use of `sodium-native`, which has no types. */
type Sodium = {
  crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void;
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void;
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
};

/** libsodium, or `undefined` where its binary does not load. */
export function sodiumBackend(): Ed25519Backend | undefined {
  let sodium: Sodium;
  try {
    sodium = createRequire(import.meta.url)("sodium-native") as Sodium;
  } catch {
    // No prebuilt binary for this platform: OpenSSL serves.
    return undefined;
  }
  return {
    name: "libsodium",
    // It reads 64 bytes of a longer signature, so lengths are checked here.
    verify: (signature, message, publicKey) =>
      signature.length === 64 &&
      publicKey.length === 32 &&
      sodium.crypto_sign_verify_detached(signature, message, publicKey),
    signerOf(seed) {
      const publicKey = new Uint8Array(32);
      const secretKey = new Uint8Array(64);
      sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed);
      return {
        publicKey,
        sign(message) {
          const signature = new Uint8Array(64);
          sodium.crypto_sign_detached(signature, message, secretKey);
          return signature;
        },
      };
    },
  };
}

/** PKCS #8 of an Ed25519 seed is this prefix and the seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** OpenSSL through node:crypto: always there. */
export function opensslBackend(): Ed25519Backend {
  return {
    name: "openssl",
    verify: (signature, message, publicKey) =>
      signature.length === 64 &&
      publicKey.length === 32 &&
      verify(null, message, publicKeyOf(publicKey), signature),
    signerOf(seed) {
      const key = createPrivateKey({key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8"});
      const {x} = createPublicKey(key).export({format: "jwk"});
      return {
        publicKey: new Uint8Array(Buffer.from(x ?? "", "base64url")),
        sign: (message) => new Uint8Array(sign(null, message, key)),
      };
    },
  };
}

/** JWK import takes 6 µs where DER takes 79, little beside the verification of 95, so nothing is cached. */
function publicKeyOf(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength).toString("base64url");
  return createPublicKey({key: {kty: "OKP", crv: "Ed25519", x}, format: "jwk"});
}
