/**
 * A provider's standing price: gossiped, short-lived, and the quote of a direct call. Signed by the
 * account that earns; the peer that serves signs the account in turn, so that neither can be borrowed.
 */
import {create, toBinary} from "@bufbuild/protobuf";
import {DOMAIN} from "@catalyze/proto/domains";
import {AskSchema, type Signed, type Ask as WireAsk} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {signDomain, verifyDomain} from "../crypto/signed.ts";
import {CodedError, toCodedError} from "../errors/codedError.ts";
import type {Verdict} from "../ports/net.ts";
import type {Signer} from "../ports/signer.ts";
import {concat, equalBytes, fromHex, utf8} from "../primitives/bytes.ts";
import type {AccountId, PeerId, TaskClass} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {Verified} from "../primitives/verified.ts";
import {
  type Opened,
  openSigned,
  readVerified,
  type SignContext,
  sealSigned,
  type VerifyContext,
} from "./envelope.ts";
import {
  badField,
  decodeBody,
  PRICE_MAX,
  readAccount,
  readAmount,
  readCount,
  readDeterminism,
  readHex,
  readPeer,
  readTaskClass,
  readTime,
  readUnit,
  UNITS_MAX,
} from "./fields.ts";
import {bpsOf, type Leg, legsFromWire, legsProblem, legsToWire} from "./legs.ts";
import type {Price} from "./price.ts";
import {expiryProblem, lifetimeMs} from "./validity.ts";

/** Renewed every few seconds, so that a dead provider is forgotten within half a minute. */
export const ASK_TTL_MS = 30_000;
/** Nobody may fill a book for long. */
export const ASK_TTL_MAX_MS = 120_000;
export const SLOTS_MAX = 65_535;
export const QUEUE_LENGTH_MAX = 1_000_000;

/** What an ask says, before who signed it. */
export type AskTerms = Price & {
  /** 32 hex digits. */
  readonly askId: string;
  readonly account: AccountId;
  readonly peer: PeerId;
  readonly taskClass: TaskClass;
  readonly legs: readonly Leg[];
  /** Determinism class of the executor; may be empty. */
  readonly determinism: string;
  /** Measured speed of one slot; 0 when nothing was measured yet. */
  readonly unitsPerSecond: bigint;
  readonly slots: number;
  readonly slotsBusy: number;
  readonly queueLength: number;
  readonly isWarm: boolean;
  readonly issuedAtMs: UnixMs;
  readonly expiresAtMs: UnixMs;
  readonly sequence: bigint;
};

export type Ask = AskTerms & {
  /** The account's key: copied into locks that pay this provider. */
  readonly accountKey: Uint8Array;
  readonly peerKey: Uint8Array;
  /** The bytes as received: what the provider is held to. */
  readonly signed: Pick<Signed, "body" | "publicKey" | "signature">;
};

/** The peer's word that it works for the account; made once per home. */
export type PeerBinding = {readonly peerKey: Uint8Array; readonly signature: Uint8Array};

export type OpenAskContext = VerifyContext & {
  readonly nowMs: UnixMs;
  /** The Ed25519 key inside a peer id, or `undefined` when it holds none. */
  readonly keyOfPeer: (peer: PeerId) => Uint8Array | undefined;
};

/** `reject` costs the sender standing; `ignore` is for what an honest peer may pass on. */
export type AskVerdict =
  | {readonly verdict: "accept"; readonly ask: Verified<Ask>; readonly isSlow: boolean}
  | {readonly verdict: Exclude<Verdict, "accept">; readonly error: CodedError; readonly isSlow: boolean};

export function bindPeer(
  account: AccountId,
  peer: PeerId,
  peerSigner: Signer,
  context: SignContext,
): PeerBinding {
  const signature = signDomain(peerSigner, DOMAIN.bind, context.genesisHash, bindingBody(account, peer));
  return {peerKey: peerSigner.publicKey, signature};
}

/** The signed envelope of an ask, to gossip (`encodeSigned`) and to keep. */
export function signAsk(terms: AskTerms, binding: PeerBinding, signer: Signer, context: SignContext): Signed {
  return sealSigned(DOMAIN.ask, encodeAsk(terms, binding), signer, context);
}

/** From gossip to a value that routing may use, or the reason and what it costs the sender. */
export function openAsk(input: Uint8Array | Signed, context: OpenAskContext): AskVerdict {
  let isSlow = false;
  try {
    const opened = openSigned(DOMAIN.ask, input, context);
    isSlow = opened.isSlow;
    const ask = readVerified(opened, readAsk);
    isSlow = checkBinding(opened, ask, context) || isSlow;
    const expired = expiryProblem(ask, context.nowMs);
    // Not the neighbour's fault: it may be slow to pass on, or the wrong clock may be ours.
    return expired === undefined
      ? {verdict: "accept", ask, isSlow}
      : {verdict: "ignore", error: expired, isSlow};
  } catch (thrown) {
    const error = toCodedError(thrown);
    // What went wrong here and not in the message is nobody else's fault.
    const verdict = error.code === "INTERNAL" ? "ignore" : "reject";
    return {verdict, error, isSlow: isSlow || error.evidence["isSlow"] === true};
  }
}

function encodeAsk(terms: AskTerms, binding: PeerBinding): Uint8Array {
  const message = create(AskSchema, {
    askId: fromHex(terms.askId),
    account: fromHex(terms.account),
    peerId: terms.peer,
    peerKey: binding.peerKey,
    peerSignature: binding.signature,
    taskClass: terms.taskClass,
    unit: terms.unit,
    unitPrice: terms.unitPrice,
    feeMin: terms.feeMin,
    legs: legsToWire(terms.legs),
    determinism: terms.determinism,
    unitsPerSecond: terms.unitsPerSecond,
    slots: terms.slots,
    slotsBusy: terms.slotsBusy,
    queueLength: terms.queueLength,
    warm: terms.isWarm,
    issuedAtMs: BigInt(terms.issuedAtMs),
    expiresAtMs: BigInt(terms.expiresAtMs),
    sequence: terms.sequence,
  });
  return toBinary(AskSchema, message);
}

function readAsk(opened: Opened): Ask {
  const wire = decodeBody(AskSchema, opened.body);
  const ask: Ask = {
    ...readTerms(wire),
    accountKey: opened.publicKey,
    peerKey: wire.peerKey,
    signed: {body: opened.body, publicKey: opened.publicKey, signature: opened.signature},
  };
  if (ask.account !== opened.account)
    throw new CodedError("SIGNATURE_INVALID", {evidence: {field: "account"}});
  const providerLeg = ask.legs.find((leg) => leg.role === "provider");
  if (legsProblem(ask.legs) !== undefined || providerLeg?.cell !== ask.account) badField("legs");
  // A middleware's leg belongs to a quote that it has signed too.
  if (bpsOf(ask.legs, "middleware") !== 0) badField("legs.middleware");
  const lifetime = lifetimeMs(ask);
  if (lifetime <= 0 || lifetime > ASK_TTL_MAX_MS) badField("expiresAtMs");
  return ask;
}

function readTerms(wire: WireAsk): AskTerms {
  const slots = readCount(wire.slots, SLOTS_MAX, "slots");
  return {
    askId: readHex(wire.askId, 16, "askId"),
    account: readAccount(wire.account, "account"),
    peer: readPeer(wire.peerId),
    taskClass: readTaskClass(wire.taskClass),
    unit: readUnit(wire.unit),
    unitPrice: readAmount(wire.unitPrice, PRICE_MAX, "unitPrice"),
    feeMin: readAmount(wire.feeMin, PRICE_MAX, "feeMin"),
    legs: legsFromWire(wire.legs),
    determinism: readDeterminism(wire.determinism),
    unitsPerSecond: readAmount(wire.unitsPerSecond, UNITS_MAX, "unitsPerSecond"),
    slots: slots === 0 ? badField("slots") : slots,
    slotsBusy: readCount(wire.slotsBusy, slots, "slotsBusy"),
    queueLength: readCount(wire.queueLength, QUEUE_LENGTH_MAX, "queueLength"),
    isWarm: wire.warm,
    issuedAtMs: readTime(wire.issuedAtMs, "issuedAtMs"),
    expiresAtMs: readTime(wire.expiresAtMs, "expiresAtMs"),
    sequence: wire.sequence,
  };
}

/** Returns whether the slow confirmation ran. */
function checkBinding(opened: Opened, ask: Ask, context: OpenAskContext): boolean {
  const key = context.keyOfPeer(ask.peer);
  if (key === undefined || !equalBytes(key, ask.peerKey)) badField("peerKey");
  const {peerSignature} = decodeBody(AskSchema, opened.body);
  const {valid, slow} = verifyDomain(context.verifier, {
    domain: DOMAIN.bind,
    genesisHash: context.genesisHash,
    body: bindingBody(ask.account, ask.peer),
    signature: peerSignature,
    publicKey: key,
  });
  if (!valid) throw new CodedError("SIGNATURE_INVALID", {evidence: {field: "peerSignature", isSlow: slow}});
  return slow;
}

function bindingBody(account: AccountId, peer: PeerId): Uint8Array {
  return concat(fromHex(account), utf8(peer));
}
