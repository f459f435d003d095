import {constructedCases, paperCases, selfTest} from "@catalyze/core/crypto/speccheck";
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import type {Log} from "@catalyze/core/ports/log";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {opensslBackend, sodiumBackend} from "../../src/identity/ed25519Backend.ts";
import {createSigner, openVerifier} from "../../src/identity/signatures.ts";

const bytes32 = fc.uint8Array({minLength: 32, maxLength: 32});
const message = fc.uint8Array({maxLength: 200});
const quiet: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => quiet};

describe("Ed25519 backends", () => {
  const sodium = sodiumBackend();
  const openssl = opensslBackend();
  const all = sodium === undefined ? [openssl] : [sodium, openssl];

  it("take libsodium where the tests run", () => {
    expect(sodium?.name).toBe("libsodium");
    expect(openVerifier(quiet).backend).toBe("libsodium");
  });

  for (const backend of all) {
    it(`${backend.name} never accepts what the rule refuses, and with it the verifier follows the rule`, () => {
      selfTest(createVerifier(backend.verify));
      const cases = [...paperCases(), ...constructedCases()];
      expect(cases.length).toBeGreaterThan(20);
    });

    it(`${backend.name} takes exactly 64 and 32 bytes`, () => {
      const signer = backend.signerOf(new Uint8Array(32).fill(7));
      const signature = signer.sign(Uint8Array.of(1));
      expect(backend.verify(signature, Uint8Array.of(1), signer.publicKey)).toBe(true);
      expect(backend.verify(Uint8Array.of(...signature, 0), Uint8Array.of(1), signer.publicKey)).toBe(false);
      expect(backend.verify(signature, Uint8Array.of(1), Uint8Array.of(...signer.publicKey, 0))).toBe(false);
    });
  }

  it("sign alike, and each accepts what the other signed", () => {
    fc.assert(
      fc.property(bytes32, message, (seed, text) => {
        const signers = all.map((backend) => backend.signerOf(seed));
        for (const signer of signers) {
          expect(signer.publicKey).toEqual(signers[0]!.publicKey);
          const signature = signer.sign(text);
          expect(signature).toEqual(signers[0]!.sign(text));
          for (const backend of all) expect(backend.verify(signature, text, signer.publicKey)).toBe(true);
        }
      }),
      {numRuns: 50},
    );
  });
});

describe("createSigner", () => {
  it("keeps its own copy of the seed", () => {
    const seed = new Uint8Array(32).fill(9);
    const signer = createSigner(seed);
    const before = signer.sign(Uint8Array.of(1, 2));
    seed.fill(0);
    expect(signer.sign(Uint8Array.of(1, 2))).toEqual(before);
    expect(openVerifier(quiet).verifier.verify(before, Uint8Array.of(1, 2), signer.publicKey).valid).toBe(
      true,
    );
  });
});
