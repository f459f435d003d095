/**
 * The signatures on which libraries disagree, with the answer that the one predicate gives: the 12
 * vectors of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko 2020) and constructions of our
 * own. A daemon runs them over its backend at start and does not run on a mismatch: a network of mixed
 * answers would fork.
 */
import * as ed25519 from "@noble/ed25519";
import {sha512} from "@noble/hashes/sha2.js";
import {CodedError} from "../errors/codedError.ts";
import type {SignatureVerifier} from "../ports/signer.ts";
import {concat, fromHex, utf8} from "../primitives/bytes.ts";

export type SpeccheckCase = {
  readonly name: string;
  readonly message: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly isValid: boolean;
};

const SMALL_KEY = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa";
const MIXED_KEY_1 = "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43";
const MIXED_KEY_2 = "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d";
const HONEST_KEY = "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623";
const NON_CANONICAL = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

// biome-ignore format: one vector a block of three lines: message, key, signature, and the answer of the rule
const VECTORS: readonly (readonly [string, string, string, boolean])[] = [
  ["8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6", SMALL_KEY,
   "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000", false],
  ["9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79", SMALL_KEY,
   "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04", false],
  ["aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab", MIXED_KEY_1,
   "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e", true],
  ["9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79", MIXED_KEY_2,
   "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009", true],
  ["e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c", MIXED_KEY_2,
   "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09", true],
  ["e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c", MIXED_KEY_2,
   "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405", true],
  ["85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40", HONEST_KEY,
   "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514", false],
  ["85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40", HONEST_KEY,
   "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22", false],
  ["9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41", MIXED_KEY_1,
   "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f", false],
  ["9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41", MIXED_KEY_1,
   "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908", true],
  ["e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b", NON_CANONICAL,
   "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04", false],
  ["39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f", NON_CANONICAL,
   "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04", false],
];

/** The published vectors, in the order of the paper. */
export function paperCases(): readonly SpeccheckCase[] {
  return VECTORS.map(([message, publicKey, signature, isValid], index) => ({
    name: `paper ${index}`,
    message: fromHex(message),
    publicKey: fromHex(publicKey),
    signature: fromHex(signature),
    isValid,
  }));
}

const ORDER = ed25519.Point.CURVE().n;
const BASE = ed25519.Point.BASE;
const MESSAGE = utf8("catalyze speccheck");

/** The constructions of the network study: what any signer, or anybody at all, can make. */
export function constructedCases(): readonly SpeccheckCase[] {
  const torsion = ed25519.Point.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
  const secret = 0x1234567890abcdefn;
  const nonce = 0xfedcba0987654321n;
  const honest = BASE.multiply(secret);
  const mixed = honest.add(torsion);
  const honestR = BASE.multiply(nonce);
  const zero = new Uint8Array(32);
  zero[0] = 1;
  const sign = (
    name: string,
    [r, key]: readonly [Uint8Array, Uint8Array],
    options: SignOptions = {},
  ): SpeccheckCase => {
    const k = scalarOf(sha512(concat(r, key, MESSAGE)));
    const s = ((options.nonce ?? nonce) + k * (options.secret ?? secret)) % ORDER;
    const signature = concat(r, scalarBytes(s + (options.plus ?? 0n)), options.tail ?? new Uint8Array());
    return {name, message: MESSAGE, publicKey: key, signature, isValid: options.isValid ?? false};
  };
  const honestKey = honest.toBytes();
  const plain = sign("honest signature", [honestR.toBytes(), honestKey], {isValid: true});
  const flipped = Uint8Array.from(plain.signature);
  flipped[3] = (flipped[3] ?? 0) ^ 1;
  return [
    plain,
    {...plain, name: "one bit of R flipped", signature: flipped, isValid: false},
    {...plain, name: "another message", message: utf8("Catalyze speccheck"), isValid: false},
    sign("identity key", [honestR.toBytes(), zero], {secret: 0n}),
    sign("key of order 8", [honestR.toBytes(), torsion.toBytes()], {secret: 0n}),
    sign("R of order 8", [torsion.toBytes(), honestKey], {nonce: 0n, isValid: true}),
    sign("honest key, R + torsion", [honestR.add(torsion).toBytes(), honestKey], {isValid: true}),
    sign("key + torsion, cofactored only", [honestR.toBytes(), mixed.toBytes()], {isValid: true}),
    sign("S + L", [honestR.toBytes(), honestKey], {plus: ORDER}),
    sign("65 bytes", [honestR.toBytes(), honestKey], {tail: Uint8Array.of(0)}),
    {...plain, name: "63 bytes", signature: plain.signature.subarray(0, 63), isValid: false},
    {...plain, name: "33-byte key", publicKey: concat(honestKey, Uint8Array.of(0)), isValid: false},
    {...plain, name: "key off the curve", publicKey: scalarBytes(2n), isValid: false},
    {
      ...plain,
      name: "key y = p + 3, not canonical",
      publicKey: scalarBytes((1n << 255n) - 16n),
      isValid: false,
    },
  ];
}

type SignOptions = {
  readonly secret?: bigint;
  readonly nonce?: bigint;
  readonly plus?: bigint;
  readonly tail?: Uint8Array;
  readonly isValid?: boolean;
};

/** Throws `INTERNAL` naming the first case whose answer differs from the rule. */
export function selfTest(verifier: SignatureVerifier): void {
  for (const {name, message, publicKey, signature, isValid} of [...paperCases(), ...constructedCases()]) {
    if (verifier.verify(signature, message, publicKey).valid === isValid) continue;
    throw new CodedError("INTERNAL", {
      message: "The signature backend answers differently from the protocol's rule.",
      evidence: {case: name, expected: isValid},
    });
  }
}

function scalarOf(digest: Uint8Array): bigint {
  return digest.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) % ORDER;
}

function scalarBytes(value: bigint): Uint8Array {
  return Uint8Array.from({length: 32}, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}
