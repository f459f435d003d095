/** Manifest ⇄ canonical JSON ⇄ signed bytes. Every field is checked and bounded before it is used. */
import {create, fromBinary, toBinary} from "@bufbuild/protobuf";
import {DOMAIN} from "@catalyze/proto/domains";
import {type Signed, SignedSchema} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {LIMITS} from "@catalyze/proto/limits";
import {accountIdOf} from "../crypto/accountId.ts";
import {signDomain, verifyDomain} from "../crypto/signed.ts";
import {CodedError} from "../errors/codedError.ts";
import type {SignatureVerifier, Signer} from "../ports/signer.ts";
import {equalBytes} from "../primitives/bytes.ts";
import {decodeCanonicalJson, encodeCanonicalJson, isRecord} from "../primitives/canonicalJson.ts";
import {isCellId} from "../primitives/id.ts";
import {BUNDLE_FILES, type BundleFile, type BundleKind, type Manifest} from "./manifest.ts";
import {checkMeter} from "./meter.ts";
import {checkTensorSignature} from "./tensorSpec.ts";

const TITLE_CHARS_MAX = 120;
export const ROYALTY_BPS_MAX = 1000;
/** A model of 2 GiB is the most that one ONNX file can embed. */
const FILE_BYTES_MAX = 2 ** 31;
const PIPELINE_MAX = 65_535;
const CID_PATTERN = /^b[a-z2-7]{20,100}$/;
const ALIAS_PATTERN = /^[a-z][a-z0-9-]{0,31}$/;
const KEYS: readonly string[] = [
  ...["v", "kind", "title", "alias", "pipeline", "files", "unit", "meter"],
  ...["inputBytesMax", "outputBytesMax", "licence", "creator", "tensors"],
];

/** Throws `DECODE_INVALID` for a manifest that a reader would refuse. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const bytes = encodeCanonicalJson(manifest);
  decodeManifest(bytes);
  return bytes;
}

/** Throws `DECODE_INVALID` with the reason. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > LIMITS.manifestBytesMax) throw invalid("tooLarge");
  const value = decodeCanonicalJson(bytes);
  if (!isRecord(value)) throw invalid("notAnObject");
  for (const key of Object.keys(value)) if (!KEYS.includes(key)) throw invalid("unknownField");
  if (value["v"] !== 1) throw invalid("version");
  checkText(value["title"], "title");
  checkText(value["licence"], "licence");
  checkPattern(value["alias"], ALIAS_PATTERN, "alias");
  checkInteger(value["pipeline"], 1, PIPELINE_MAX, "pipeline");
  checkInteger(value["inputBytesMax"], 1, LIMITS.inputBytesMax, "inputBytesMax");
  checkInteger(value["outputBytesMax"], 1, LIMITS.outputBytesMax, "outputBytesMax");
  const kind = kindOf(value["kind"]);
  checkFiles(value["files"], kind);
  if (value["unit"] !== (kind === "text" ? "token" : "mac")) throw invalid("unit");
  checkMeter(value["meter"], BUNDLE_FILES[kind]);
  checkCreator(value["creator"]);
  if (kind === "tensors") checkTensorSignature(value["tensors"]);
  else if (value["tensors"] !== undefined) throw invalid("tensors");
  return value as unknown as Manifest;
}

/** The bytes of a bundle: what is stored, fetched and hashed into its content id. */
export function signManifest(manifest: Manifest, signer: Signer, genesisHash: Uint8Array): Uint8Array {
  const body = encodeManifest(manifest);
  if (manifest.creator !== undefined && manifest.creator.account !== accountIdOf(signer.publicKey)) {
    throw invalid("creatorKey");
  }
  const signature = signDomain(signer, DOMAIN.manifest, genesisHash, body);
  return toBinary(SignedSchema, create(SignedSchema, {body, publicKey: signer.publicKey, signature}));
}

/** Size, decoding, signature, creator. Throws `DECODE_INVALID` or `SIGNATURE_INVALID`. */
export function verifyManifest(
  bytes: Uint8Array,
  verifier: SignatureVerifier,
  genesisHash: Uint8Array,
): Manifest {
  const {body, publicKey, signature} = decodeEnvelope(bytes);
  const manifest = decodeManifest(body);
  const input = {domain: DOMAIN.manifest, genesisHash, body, signature, publicKey};
  if (!verifyDomain(verifier, input).valid) throw new CodedError("SIGNATURE_INVALID");
  if (manifest.creator !== undefined && manifest.creator.account !== accountIdOf(publicKey)) {
    throw new CodedError("SIGNATURE_INVALID", {evidence: {reason: "creatorKey"}});
  }
  return manifest;
}

/** The content id hashes the envelope, so it too must have one encoding. */
function decodeEnvelope(bytes: Uint8Array): Signed {
  if (bytes.length > LIMITS.manifestBytesMax + 256) throw invalid("tooLarge");
  let signed: Signed;
  try {
    signed = fromBinary(SignedSchema, bytes, {readUnknownFields: false});
  } catch (cause) {
    throw new CodedError("DECODE_INVALID", {evidence: {reason: "envelope"}, cause});
  }
  if (!equalBytes(toBinary(SignedSchema, signed), bytes)) throw invalid("notCanonical");
  if (signed.publicKey.length !== 32 || signed.signature.length !== 64) throw invalid("keyLength");
  return signed;
}

function kindOf(value: unknown): BundleKind {
  if (typeof value !== "string" || !Object.hasOwn(BUNDLE_FILES, value)) throw invalid("kind");
  return value as BundleKind;
}

function checkFiles(value: unknown, kind: BundleKind): asserts value is readonly BundleFile[] {
  const expected = BUNDLE_FILES[kind];
  if (!Array.isArray(value) || value.length !== expected.length) throw invalid("files");
  for (const [index, file] of value.entries()) {
    if (!isRecord(file) || Object.keys(file).length !== 3) throw invalid("files");
    if (file["name"] !== expected[index]) throw invalid("fileName");
    if (typeof file["cid"] !== "string") throw invalid("fileCid");
    checkPattern(file["cid"], CID_PATTERN, "fileCid");
    checkInteger(file["bytes"], 1, FILE_BYTES_MAX, "fileBytes");
  }
}

function checkCreator(value: unknown): void {
  if (value === undefined) return;
  if (!isRecord(value) || Object.keys(value).length !== 2) throw invalid("creator");
  if (typeof value["account"] !== "string" || !isCellId(value["account"])) throw invalid("creatorAccount");
  checkInteger(value["royaltyBps"], 0, ROYALTY_BPS_MAX, "royaltyBps");
}

/** Printable: titles and licences are shown on terminals and pages. */
function checkText(value: unknown, field: string): void {
  if (typeof value !== "string" || value.length < 1 || value.length > TITLE_CHARS_MAX) throw invalid(field);
  if (/[\p{C}]/u.test(value)) throw invalid(field);
}

function checkPattern(value: unknown, pattern: RegExp, field: string): void {
  if (value !== undefined && (typeof value !== "string" || !pattern.test(value))) throw invalid(field);
}

function checkInteger(value: unknown, min: number, max: number, field: string): void {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) throw invalid(field);
}

function invalid(reason: string): CodedError {
  return new CodedError("DECODE_INVALID", {message: "The manifest is not valid.", evidence: {reason}});
}
