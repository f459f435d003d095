/**
 * Keys of a simulated network. `cheap` signatures are keyed hashes that anybody could forge: no simulated
 * peer does, and whole networks run a hundred times faster. `real` is Ed25519.
 */
import {createHash, hash} from "node:crypto";
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import type {SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import {equalBytes} from "@catalyze/core/primitives/bytes";
import {opensslBackend} from "@catalyze/daemon/identity/ed25519Backend";

export type SimCrypto = {
  readonly verifier: SignatureVerifier;
  signer(name: string): Signer;
};

export const CHEAP_CRYPTO: SimCrypto = {
  verifier: {
    verify: (signature, message, publicKey) => ({
      valid: signature.length === 64 && equalBytes(signature, cheapSignature(publicKey, message)),
      slow: false,
    }),
  },
  signer(name) {
    const publicKey = digest(Buffer.from(`cheap key ${name}`));
    return {publicKey, sign: (message) => cheapSignature(publicKey, message)};
  },
};

export const REAL_CRYPTO: SimCrypto = {
  verifier: createVerifier(opensslBackend().verify),
  signer: (name) => opensslBackend().signerOf(digest(Buffer.from(`real key ${name}`))),
};

function cheapSignature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const whole = Buffer.allocUnsafe(publicKey.length + message.length);
  whole.set(publicKey);
  whole.set(message, publicKey.length);
  return new Uint8Array(hash("sha512", whole, "buffer"));
}

function digest(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
