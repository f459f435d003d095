import {create, toBinary} from "@bufbuild/protobuf";
import {DOMAIN} from "@catalyze/proto/domains";
import {SignedSchema} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import * as ed25519 from "@noble/ed25519";
import {sha512} from "@noble/hashes/sha2.js";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {accountIdOf} from "../../src/crypto/accountId.ts";
import {signDomain} from "../../src/crypto/signed.ts";
import type {SignatureVerifier, Signer} from "../../src/ports/signer.ts";
import {encodeCanonicalJson} from "../../src/primitives/canonicalJson.ts";
import type {Cid} from "../../src/primitives/id.ts";
import type {Manifest} from "../../src/task/manifest.ts";
import {decodeManifest, encodeManifest, signManifest, verifyManifest} from "../../src/task/manifestCodec.ts";

ed25519.hashes.sha512 = sha512;

const signerOf = (fill: number): Signer => {
  const secret = new Uint8Array(32).fill(fill);
  return {publicKey: ed25519.getPublicKey(secret), sign: (message) => ed25519.sign(message, secret)};
};
const verifier: SignatureVerifier = {
  verify: (signature, message, publicKey) => ({
    valid: ed25519.verify(signature, message, publicKey),
    slow: false,
  }),
};
const signer = signerOf(1);
const genesis = new Uint8Array(32).fill(7);

const manifest: Manifest = {
  v: 1,
  kind: "vad",
  title: "Voice activity",
  alias: "vad",
  pipeline: 1,
  files: [{name: "vad.onnx", cid: `b${"a".repeat(58)}` as Cid, bytes: 2_327_524}],
  unit: "mac",
  meter: {models: {"vad.onnx": [{coefficient: "679552", powers: {}}]}},
  inputBytesMax: 1_000_000,
  outputBytesMax: 1000,
  licence: "MIT",
  creator: {account: accountIdOf(signer.publicKey), royaltyBps: 500},
};

/** Each breaks one rule. */
const BROKEN: Readonly<Record<string, Record<string, unknown>>> = {
  version: {v: 2},
  kind: {kind: "constructor"},
  unit: {unit: "token"},
  "empty title": {title: ""},
  "control characters in the title": {title: "a\u001b[31mb"},
  "long licence": {licence: "x".repeat(121)},
  "alias with a space": {alias: "a b"},
  "pipeline 0": {pipeline: 0},
  "no files": {files: []},
  "another role": {files: [{...manifest.files[0], name: "../vad.onnx"}]},
  "file cid": {files: [{...manifest.files[0], cid: "/etc/passwd"}]},
  "file size": {files: [{...manifest.files[0], bytes: 1.5}]},
  "file with more fields": {files: [{...manifest.files[0], url: "http://x"}]},
  "royalty above 10 %": {creator: {...manifest.creator, royaltyBps: 1001}},
  "negative royalty": {creator: {...manifest.creator, royaltyBps: -1}},
  "creator account": {creator: {account: "xyz", royaltyBps: 1}},
  "input limit": {inputBytesMax: 1e12},
  "unknown field": {extra: 1},
  "meter of another file": {meter: {models: {"other.onnx": []}}},
  "fractional coefficient": {meter: {models: {"vad.onnx": [{coefficient: "1.5", powers: {}}]}}},
  "power 9": {meter: {models: {"vad.onnx": [{coefficient: "1", powers: {a: 9}}]}}},
  "signature of tensors on another kind": {tensors: {inputs: [], outputs: []}},
};

describe("manifest codec", () => {
  it("round-trips", () => {
    expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest);
    const {creator: _, alias: __, ...plain} = manifest;
    expect(decodeManifest(encodeManifest(plain))).toEqual(plain);
  });

  it.each(Object.entries(BROKEN))("refuses: %s", (_, change) => {
    const bytes = encodeCanonicalJson({...manifest, ...change});
    expect(() => decodeManifest(bytes)).toThrowError(expect.objectContaining({code: "DECODE_INVALID"}));
  });

  it("refuses any other encoding of the same value", () => {
    const spaced = new TextEncoder().encode(JSON.stringify(manifest, null, 1));
    expect(() => decodeManifest(spaced)).toThrowError(expect.objectContaining({code: "DECODE_INVALID"}));
  });

  it("needs the signature of tensors for kind tensors", () => {
    const tensors = {
      ...manifest,
      kind: "tensors",
      files: [{...manifest.files[0], name: "model.onnx"}],
      meter: {models: {}},
    };
    expect(() => decodeManifest(encodeCanonicalJson(tensors))).toThrow();
    const spec = [{name: "x", type: "float32", dims: [1, "n"]}];
    const whole = {...tensors, tensors: {inputs: spec, outputs: spec}};
    expect(decodeManifest(encodeCanonicalJson(whole)).tensors?.inputs).toEqual(spec);
  });
});

describe("signed manifest", () => {
  const bytes = signManifest(manifest, signer, genesis);

  it("verifies on its network only", () => {
    expect(verifyManifest(bytes, verifier, genesis)).toEqual(manifest);
    const elsewhere = new Uint8Array(32).fill(8);
    expect(() => verifyManifest(bytes, verifier, elsewhere)).toThrowError(
      expect.objectContaining({code: "SIGNATURE_INVALID"}),
    );
  });

  it("cannot name another creator than the signer", () => {
    expect(() => signManifest(manifest, signerOf(2), genesis)).toThrow();
    const {creator, ...plain} = manifest;
    const foreign = signManifest(plain, signerOf(2), genesis);
    expect(verifyManifest(foreign, verifier, genesis).creator).toBeUndefined();
    expect(creator).toBeDefined();
  });

  it("does not let one key sign for another's account", () => {
    const thief = signerOf(2);
    const body = encodeManifest(manifest);
    const signature = signDomain(thief, DOMAIN.manifest, genesis, body);
    const forged = toBinary(
      SignedSchema,
      create(SignedSchema, {body, publicKey: thief.publicKey, signature}),
    );
    expect(() => verifyManifest(forged, verifier, genesis)).toThrowError(
      expect.objectContaining({code: "SIGNATURE_INVALID"}),
    );
  });

  it("never crashes and never accepts a changed byte", () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({min: 1, max: 255}), (at, change) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ change;
        expect(() => verifyManifest(changed, verifier, genesis)).toThrowError(
          expect.objectContaining({code: expect.stringMatching(/^(DECODE|SIGNATURE)_INVALID$/)}),
        );
      }),
      {numRuns: 60},
    );
  });

  it("refuses trailing bytes: one bundle, one content id", () => {
    const longer = new Uint8Array([...bytes, 0x22, 0x00]);
    expect(() => verifyManifest(longer, verifier, genesis)).toThrowError(
      expect.objectContaining({code: "DECODE_INVALID"}),
    );
  });
});
