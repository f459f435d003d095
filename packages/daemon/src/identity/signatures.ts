/** Signer and verifier of the node: the fastest backend that answers as the protocol's rule does. */

import {selfTest} from "@catalyze/core/crypto/speccheck";
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import {assert} from "@catalyze/core/errors/assert";
import type {Log} from "@catalyze/core/ports/log";
import type {SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import {type Ed25519Backend, opensslBackend, sodiumBackend} from "./ed25519Backend.ts";

const backends: readonly (() => Ed25519Backend | undefined)[] = [sodiumBackend, opensslBackend];

/** An Ed25519 signer over a 32-byte seed. The seed is copied. */
export function createSigner(seed: Uint8Array): Signer {
  assert(seed.length === 32, "an Ed25519 seed has 32 bytes");
  return (sodiumBackend() ?? opensslBackend()).signerOf(seed);
}

export type OpenedVerifier = {
  readonly verifier: SignatureVerifier;
  readonly backend: Ed25519Backend["name"] | "noble";
};

/**
 * Runs the known edge cases over each backend, best first, and takes the first that passes. Noble alone
 * is the last resort, thirty times slower; it too must pass, else this throws `INTERNAL`.
 */
export function openVerifier(log: Log): OpenedVerifier {
  for (const load of backends) {
    const backend = load();
    if (backend === undefined) continue;
    const verifier = createVerifier(backend.verify);
    try {
      selfTest(verifier);
      return {verifier, backend: backend.name};
    } catch (error) {
      log.error("signature backend refused by the self-test", {backend: backend.name, error});
    }
  }
  const verifier = createVerifier();
  selfTest(verifier);
  log.warn("signatures are verified in JavaScript, which is slow", {});
  return {verifier, backend: "noble"};
}
