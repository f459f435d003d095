/**
 * The signed envelope: the only place where bytes from a peer become `Verified`. Signatures cover
 * `domain ‖ genesis hash ‖ body` over the body bytes as received, never over a re-encoding.
 */
import {create, fromBinary, toBinary} from "@bufbuild/protobuf";
import {DOMAIN, type Domain} from "@catalyze/proto/domains";
import {type Signed, SignedSchema} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {LIMITS} from "@catalyze/proto/limits";
import {accountIdOf} from "../crypto/accountId.ts";
import {hashHex} from "../crypto/sha256.ts";
import {signDomain, verifyDomain} from "../crypto/signed.ts";
import {CodedError} from "../errors/codedError.ts";
import type {SignatureVerifier, Signer} from "../ports/signer.ts";
import {equalBytes} from "../primitives/bytes.ts";
import type {AccountId, Hash} from "../primitives/id.ts";
import type {Verified} from "../primitives/verified.ts";

/** Bytes of key, signature and protobuf framing around a body. */
export const ENVELOPE_OVERHEAD_BYTES = 128;

const BODY_BYTES_MAX: Partial<Record<Domain, number>> = {
  [DOMAIN.ask]: LIMITS.askBytesMax,
  [DOMAIN.offer]: LIMITS.offerBytesMax,
  [DOMAIN.award]: LIMITS.awardBytesMax,
  [DOMAIN.quote]: LIMITS.askBytesMax,
  [DOMAIN.commit]: LIMITS.askBytesMax,
  [DOMAIN.manifest]: LIMITS.manifestBytesMax,
};

/** What signing and checking need to know of the network. */
export type SignContext = {readonly genesisHash: Uint8Array};
export type VerifyContext = SignContext & {readonly verifier: SignatureVerifier};

export type Opened = {
  readonly body: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  /** The account that this key alone controls. */
  readonly account: AccountId;
  /** The slow confirmation of the signature ran: charge it to the sender. */
  readonly isSlow: boolean;
};

/** Signs a body for one purpose on one network. */
export function sealSigned(domain: Domain, body: Uint8Array, signer: Signer, context: SignContext): Signed {
  return create(SignedSchema, {
    body,
    publicKey: signer.publicKey,
    signature: signDomain(signer, domain, context.genesisHash, body),
  });
}

export function encodeSigned(signed: Signed): Uint8Array {
  return toBinary(SignedSchema, signed);
}

/** Names a signed statement, whatever the framing it came in: sha256(body ‖ key ‖ signature). */
export function hashSigned(signed: Pick<Signed, "body" | "publicKey" | "signature">): Hash {
  return hashHex(signed.body, signed.publicKey, signed.signature);
}

/**
 * Size, schema, lengths, then the signature. Throws `FRAME_TOO_LARGE`, `DECODE_INVALID` or
 * `SIGNATURE_INVALID`; the evidence of the last says whether the slow confirmation ran.
 */
export function openSigned(
  domain: Domain,
  input: Uint8Array | Signed,
  context: VerifyContext,
): Verified<Opened> {
  const bodyBytesMax = BODY_BYTES_MAX[domain] ?? LIMITS.askBytesMax;
  const {body, publicKey, signature} = input instanceof Uint8Array ? decode(input, bodyBytesMax) : input;
  if (body.length > bodyBytesMax) throw new CodedError("FRAME_TOO_LARGE", {evidence: {bytes: body.length}});
  if (publicKey.length !== 32 || signature.length !== 64) {
    throw new CodedError("DECODE_INVALID", {evidence: {reason: "envelopeLengths"}});
  }
  const {genesisHash, verifier} = context;
  const {valid, slow} = verifyDomain(verifier, {domain, genesisHash, body, signature, publicKey});
  if (!valid) throw new CodedError("SIGNATURE_INVALID", {evidence: {isSlow: slow}});
  const opened: Opened = {body, publicKey, signature, account: accountIdOf(publicKey), isSlow: slow};
  return opened as Verified<Opened>;
}

/** Reads a verified body: what `read` makes of it is as trustworthy as the body was. */
export function readVerified<T extends object>(
  opened: Verified<Opened>,
  read: (opened: Opened) => T,
): Verified<T> {
  return read(opened) as Verified<T>;
}

function decode(bytes: Uint8Array, bodyBytesMax: number): Signed {
  if (bytes.length > bodyBytesMax + ENVELOPE_OVERHEAD_BYTES) {
    throw new CodedError("FRAME_TOO_LARGE", {evidence: {bytes: bytes.length}});
  }
  let signed: Signed;
  try {
    signed = fromBinary(SignedSchema, bytes);
  } catch (cause) {
    throw new CodedError("DECODE_INVALID", {evidence: {reason: "envelope"}, cause});
  }
  // Protobuf reads many byte strings as one message. Gossip names messages by their bytes, so without this
  // anybody could pass one statement on again and again under new names.
  if (!equalBytes(toBinary(SignedSchema, signed, {writeUnknownFields: false}), bytes)) {
    throw new CodedError("DECODE_INVALID", {evidence: {reason: "notCanonical"}});
  }
  return signed;
}
