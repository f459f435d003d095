/** A requester's gossiped task offer: what it wants priced, until when. Bids come back on a direct stream. */
import {create, toBinary} from "@bufbuild/protobuf";
import {DOMAIN} from "@catalyze/proto/domains";
import {OfferSchema, type Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {CodedError, toCodedError} from "../errors/codedError.ts";
import type {Verdict} from "../ports/net.ts";
import type {Signer} from "../ports/signer.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {AccountId, PeerId, TaskClass, TaskHash} from "../primitives/id.ts";
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
  DURATION_MS_MAX,
  decodeBody,
  PRICE_MAX,
  readAccount,
  readAmount,
  readHex,
  readNumber,
  readPeer,
  readTaskClass,
  readTaskHash,
  readTime,
  UNITS_MAX,
} from "./fields.ts";
import {expiryProblem, lifetimeMs} from "./validity.ts";

/** How long bids are taken; three median round trips, within these bounds. */
export const WINDOW_MS = {default: 400, min: 150, max: 1_500} as const;
export const OFFER_TTL_MAX_MS = 60_000;

export type OfferTerms = {
  /** 32 hex digits. */
  readonly offerId: string;
  readonly account: AccountId;
  readonly peer: PeerId;
  readonly taskClass: TaskClass;
  readonly taskHash: TaskHash;
  readonly unitsMax: bigint;
  readonly priceMax: bigint;
  readonly deadlineMs: number;
  readonly windowMs: number;
  readonly issuedAtMs: UnixMs;
  readonly expiresAtMs: UnixMs;
};

export type OfferVerdict =
  | {readonly verdict: "accept"; readonly offer: Verified<OfferTerms>; readonly isSlow: boolean}
  | {readonly verdict: Exclude<Verdict, "accept">; readonly error: CodedError; readonly isSlow: boolean};

export type OpenOfferContext = VerifyContext & {
  readonly nowMs: UnixMs;
  /** Certified balance of an account, if this node knows it: an offer nobody can pay is not passed on. */
  readonly balanceOf?: (account: AccountId) => bigint | undefined;
};

export function signOffer(terms: OfferTerms, signer: Signer, context: SignContext): Signed {
  const message = create(OfferSchema, {
    offerId: fromHex(terms.offerId),
    account: fromHex(terms.account),
    peerId: terms.peer,
    taskClass: terms.taskClass,
    taskHash: fromHex(terms.taskHash),
    unitsMax: terms.unitsMax,
    priceMax: terms.priceMax,
    deadlineMs: BigInt(terms.deadlineMs),
    windowMs: BigInt(terms.windowMs),
    issuedAtMs: BigInt(terms.issuedAtMs),
    expiresAtMs: BigInt(terms.expiresAtMs),
  });
  return sealSigned(DOMAIN.offer, toBinary(OfferSchema, message), signer, context);
}

/** From gossip to an offer that may be answered. Rate limits per account are the caller's. */
export function openOffer(input: Uint8Array | Signed, context: OpenOfferContext): OfferVerdict {
  let isSlow = false;
  try {
    const opened = openSigned(DOMAIN.offer, input, context);
    isSlow = opened.isSlow;
    const offer = readVerified(opened, readOffer);
    const error = expiryProblem(offer, context.nowMs) ?? fundsProblem(offer, context);
    return error === undefined ? {verdict: "accept", offer, isSlow} : {verdict: "ignore", error, isSlow};
  } catch (thrown) {
    const error = toCodedError(thrown);
    // What went wrong here and not in the message is nobody else's fault.
    const verdict = error.code === "INTERNAL" ? "ignore" : "reject";
    return {verdict, error, isSlow: isSlow || error.evidence["isSlow"] === true};
  }
}

function readOffer(opened: Opened): OfferTerms {
  const wire = decodeBody(OfferSchema, opened.body);
  const offer: OfferTerms = {
    offerId: readHex(wire.offerId, 16, "offerId"),
    account: readAccount(wire.account, "account"),
    peer: readPeer(wire.peerId),
    taskClass: readTaskClass(wire.taskClass),
    taskHash: readTaskHash(wire.taskHash),
    unitsMax: readAmount(wire.unitsMax, UNITS_MAX, "unitsMax"),
    priceMax: readAmount(wire.priceMax, PRICE_MAX, "priceMax"),
    deadlineMs: readNumber(wire.deadlineMs, DURATION_MS_MAX, "deadlineMs"),
    windowMs: readNumber(wire.windowMs, WINDOW_MS.max, "windowMs"),
    issuedAtMs: readTime(wire.issuedAtMs, "issuedAtMs"),
    expiresAtMs: readTime(wire.expiresAtMs, "expiresAtMs"),
  };
  if (offer.account !== opened.account)
    throw new CodedError("SIGNATURE_INVALID", {evidence: {field: "account"}});
  const lifetime = lifetimeMs(offer);
  if (lifetime <= 0 || lifetime > OFFER_TTL_MAX_MS) badField("expiresAtMs");
  return offer;
}

/** Our view of the ledger may lag, so a poor account is ignored, not punished. */
function fundsProblem(offer: OfferTerms, {balanceOf}: OpenOfferContext): CodedError | undefined {
  const balance = balanceOf?.(offer.account);
  if (balance === undefined || balance >= offer.priceMax) return undefined;
  return new CodedError("FUNDS_INSUFFICIENT", {evidence: {balanceUctz: balance, neededUctz: offer.priceMax}});
}
