import {createPrivateKey, createPublicKey, sign, verify} from "node:crypto";
import {accountIdOf, accountIdOfKeys} from "@catalyze/core/crypto/accountId";
import {hashHex} from "@catalyze/core/crypto/sha256";
import {signDomain, verifyDomain} from "@catalyze/core/crypto/signed";
import {constructedCases, paperCases, selfTest} from "@catalyze/core/crypto/speccheck";
import {
  createVerifier,
  isPublicKeyAllowed,
  type NativeVerify,
  SMALL_ORDER_ENCODINGS,
} from "@catalyze/core/crypto/verifySignature";
import {concat, fromHex, utf8} from "@catalyze/core/primitives/bytes";
import {DOMAIN} from "@catalyze/proto/domains";
import * as ed25519 from "@noble/ed25519";
import {describe, expect, it} from "vitest";

const nodeVerify: NativeVerify = (signature, message, publicKey) => {
  const key = createPublicKey({
    key: {kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url")},
    format: "jwk",
  });
  return verify(null, message, key, signature);
};

const backends: [string, NativeVerify | undefined][] = [
  ["noble alone", undefined],
  ["node:crypto", nodeVerify],
  ["a backend that refuses everything", () => false],
];

describe.each(backends)("the signature predicate over %s", (_name, native) => {
  const verifier = createVerifier(native);
  it.each([...paperCases(), ...constructedCases()])("$name", ({message, publicKey, signature, isValid}) => {
    expect(verifier.verify(signature, message, publicKey).valid).toBe(isValid);
  });
  it("passes the self test", () => selfTest(verifier));
});

describe("the signature predicate", () => {
  it("fails the self test when a backend accepts too much", () => {
    expect(() => selfTest({verify: () => ({valid: true, slow: false})})).toThrow(/backend/);
    // Strict RFC verification is the other way to disagree.
    const strict = (s: Uint8Array, m: Uint8Array, k: Uint8Array) => ed25519.verify(s, m, k, {zip215: false});
    expect(() => selfTest({verify: (s, m, k) => ({valid: strict(s, m, k), slow: false})})).toThrow(/backend/);
  });
  it("knows the 14 small-order encodings, and only small-order points are among them", () => {
    expect(SMALL_ORDER_ENCODINGS.size).toBe(14);
    for (const hex of SMALL_ORDER_ENCODINGS) {
      expect(isPublicKeyAllowed(fromHex(hex))).toBe(false);
      expect(ed25519.Point.fromBytes(fromHex(hex), true).isSmallOrder()).toBe(true);
    }
  });
  it("refuses every key whose y is not below the prime", () => {
    const p = 2n ** 255n - 19n;
    const encoded = (y: bigint, sign: number) => {
      const bytes = Uint8Array.from({length: 32}, (_, index) => Number((y >> BigInt(8 * index)) & 0xffn));
      bytes[31]! |= sign;
      return bytes;
    };
    for (const sign of [0, 0x80]) {
      for (let y = p; y < 2n ** 255n; y += 1n) expect(isPublicKeyAllowed(encoded(y, sign))).toBe(false);
      expect(isPublicKeyAllowed(encoded(p - 2n, sign))).toBe(true);
      expect(isPublicKeyAllowed(encoded(2n ** 254n, sign))).toBe(true);
    }
  });
  it("charges the sender for what needed the slow confirmation", () => {
    const verifier = createVerifier(nodeVerify);
    const cases = constructedCases();
    const answer = (name: string) => {
      const found = cases.find((one) => one.name === name)!;
      return verifier.verify(found.signature, found.message, found.publicKey);
    };
    expect(answer("honest signature")).toEqual({valid: true, slow: false});
    expect(answer("honest key, R + torsion")).toEqual({valid: true, slow: true});
    expect(answer("one bit of R flipped")).toEqual({valid: false, slow: true});
    expect(answer("65 bytes")).toEqual({valid: false, slow: false});
  });
});

describe("signing under a domain", () => {
  const secret = new Uint8Array(32).fill(7);
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), secret]),
    format: "der",
    type: "pkcs8",
  });
  const signer = {
    publicKey: ed25519.getPublicKey(secret),
    sign: (message: Uint8Array) => new Uint8Array(sign(null, message, key)),
  };
  const genesisHash = new Uint8Array(32).fill(9);
  const body = utf8("body");
  it("verifies, and only for its domain, network and body", () => {
    const verifier = createVerifier(nodeVerify);
    const signature = signDomain(signer, DOMAIN.op, genesisHash, body);
    const input = {domain: DOMAIN.op, genesisHash, body, signature, publicKey: signer.publicKey};
    expect(verifyDomain(verifier, input).valid).toBe(true);
    expect(verifyDomain(verifier, {...input, domain: DOMAIN.voucher}).valid).toBe(false);
    expect(verifyDomain(verifier, {...input, genesisHash: new Uint8Array(32)}).valid).toBe(false);
    expect(verifyDomain(verifier, {...input, body: utf8("bodi")}).valid).toBe(false);
  });
});

describe("accountIdOf", () => {
  const key = (fill: number) => new Uint8Array(32).fill(fill);
  it("hashes the descriptor", () => {
    expect(accountIdOf(key(1))).toBe(hashHex(concat(Uint8Array.of(0x41, 1, 1), key(1))));
    expect(accountIdOfKeys(2, [key(1), key(2), key(3)])).not.toBe(
      accountIdOfKeys(3, [key(1), key(2), key(3)]),
    );
  });
  it("refuses half a threshold, unsorted, doubled, short and no keys", () => {
    for (const [threshold, keys] of [
      [1, [key(1), key(2)]],
      [2, [key(2), key(1)]],
      [2, [key(1), key(1)]],
      [3, [key(1), key(2)]],
      [1, [new Uint8Array(31)]],
      [0, []],
    ] as const)
      expect(() => accountIdOfKeys(threshold, keys)).toThrow();
  });
});
