/** Ed25519 keys from a number, for tests. */
import {createPrivateKey, createPublicKey, verify as nativeVerify, sign} from "node:crypto";
import type {SignatureVerifier, Signer} from "@catalyze/core/ports/signer";

const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

export function testSigner(seed: number): Signer {
  const secret = Buffer.alloc(32, 1);
  secret.writeUInt32BE(seed, 4);
  const key = createPrivateKey({key: Buffer.concat([PKCS8, secret]), format: "der", type: "pkcs8"});
  const spki = createPublicKey(key).export({format: "der", type: "spki"});
  const publicKey = new Uint8Array(spki.subarray(spki.length - 32));
  return {publicKey, sign: (message) => new Uint8Array(sign(null, message, key))};
}

/** Honest signatures only: the edge cases of the predicate are tested in core. */
export const testVerifier: SignatureVerifier = {
  verify(signature, message, publicKey) {
    const key = createPublicKey({key: Buffer.concat([SPKI, publicKey]), format: "der", type: "spki"});
    return {valid: nativeVerify(null, message, key, signature), slow: false};
  },
};
