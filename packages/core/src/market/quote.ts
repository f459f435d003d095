/**
 * The signed price of one task: what payment is checked against and what a dispute shows. A middleware
 * that earns on it signs the same body. A standing ask taken at its word is a quote too (`quoteFromAsk`).
 */
import {create, toBinary} from "@bufbuild/protobuf";
import {DOMAIN} from "@catalyze/proto/domains";
import {QuoteSchema, type Signed, type Quote as WireQuote} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {hashHex} from "../crypto/sha256.ts";
import {CodedError} from "../errors/codedError.ts";
import type {Signer} from "../ports/signer.ts";
import {U64_MAX} from "../primitives/amount.ts";
import {equalBytes, fromHex} from "../primitives/bytes.ts";
import type {AccountId, Hash, PeerId, TaskClass, TaskHash} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {Verified} from "../primitives/verified.ts";
import type {Ask} from "./ask.ts";
import {
  type Opened,
  openSigned,
  readVerified,
  type SignContext,
  sealSigned,
  type VerifyContext,
} from "./envelope.ts";
import {
  DURATION_MS_MAX,
  decodeBody,
  PRICE_MAX,
  readAccount,
  readAmount,
  readCount,
  readDeterminism,
  readHex,
  readNumber,
  readPeer,
  readTaskClass,
  readTaskHash,
  readTime,
  readUnit,
  UNITS_MAX,
} from "./fields.ts";
import {type Leg, legsFromWire, legsToWire} from "./legs.ts";
import {chargeAt, type Price} from "./price.ts";
import {lifetimeMs} from "./validity.ts";

export const PPM = 1_000_000;
/** A quote holds capacity in the provider's mind: it is used at once or asked again. */
export const QUOTE_TTL_MS = 10_000;
export const QUOTE_TTL_MAX_MS = 120_000;

/** What is agreed for one task. */
export type QuoteTerms = Price & {
  /** 32 hex digits. */
  readonly quoteId: string;
  readonly taskHash: TaskHash;
  readonly taskClass: TaskClass;
  readonly determinism: string;
  readonly provider: AccountId;
  readonly providerPeer: PeerId;
  readonly payer: AccountId;
  readonly middleware: AccountId | undefined;
  readonly unitsMax: bigint;
  /** µCTZ: no payment for this task passes it. */
  readonly chargeMax: bigint;
  readonly legs: readonly Leg[];
  readonly expectedMs: number;
  /** For the whole attempt, from the award. */
  readonly deadlineMs: number;
  readonly auditPpm: number;
  readonly issuedAtMs: UnixMs;
  readonly expiresAtMs: UnixMs;
};

export type Quote = QuoteTerms & {
  /** The provider account's key: copied into locks that pay it. */
  readonly providerKey: Uint8Array;
  /** Names these terms in receipts: sha256 of the signed body of the quote, or of the ask. */
  readonly termsHash: Hash;
  readonly source: "quote" | "ask";
};

export function signQuote(terms: QuoteTerms, signer: Signer, context: SignContext): Signed {
  return sealSigned(DOMAIN.quote, encodeQuote(terms), signer, context);
}

/** A middleware's signature over the very bytes that the provider signed. */
export function countersignQuote(quote: Pick<Signed, "body">, signer: Signer, context: SignContext): Signed {
  return sealSigned(DOMAIN.quote, quote.body, signer, context);
}

/**
 * Throws `QUOTE_INVALID`, `DECODE_INVALID` or `SIGNATURE_INVALID`. A quote that pays a middleware needs
 * its countersignature; one that pays none must not have any.
 */
export function openQuote(
  signed: Uint8Array | Signed,
  middleware: Uint8Array | Signed | undefined,
  context: VerifyContext,
): Verified<Quote> {
  const opened = openSigned(DOMAIN.quote, signed, context);
  const quote = readVerified(opened, readQuote);
  if ((quote.middleware === undefined) !== (middleware === undefined)) quoteInvalid("middlewareSignature");
  if (middleware !== undefined) {
    const second = openSigned(DOMAIN.quote, middleware, context);
    if (!equalBytes(second.body, opened.body)) quoteInvalid("middlewareBody");
    if (second.account !== quote.middleware) quoteInvalid("middlewareAccount");
  }
  return quote;
}

export type AskUse = {
  readonly taskHash: TaskHash;
  readonly payer: AccountId;
  readonly unitsMax: bigint;
  readonly deadlineMs: number;
  readonly auditPpm: number;
};

/** The terms of a direct call at a standing ask. Both sides derive the same from the same ask and call. */
export function quoteFromAsk(ask: Verified<Ask>, use: AskUse): Verified<Quote> {
  const {unit, unitPrice, feeMin, legs, determinism, taskClass, issuedAtMs, expiresAtMs} = ask;
  const quote: Quote = {
    ...{unit, unitPrice, feeMin, legs, determinism, taskClass, issuedAtMs, expiresAtMs, ...use},
    quoteId: ask.askId,
    provider: ask.account,
    providerPeer: ask.peer,
    providerKey: ask.accountKey,
    middleware: undefined,
    chargeMax: chargeAt(ask, use.unitsMax),
    expectedMs: expectedMsOf(ask, use.unitsMax),
    termsHash: hashHex(ask.signed.body),
    source: "ask",
  };
  return quote as Verified<Quote>;
}

/** Work of this task on one slot plus what waits in front of it, by what the ask says. */
export function expectedMsOf(
  ask: Pick<Ask, "unitsPerSecond" | "slots" | "slotsBusy" | "queueLength">,
  units: bigint,
): number {
  if (ask.unitsPerSecond === 0n) return 0;
  const workMs = Number((units * 1_000n + ask.unitsPerSecond - 1n) / ask.unitsPerSecond);
  // A busy slot is half done on average; queued tasks are taken to be as long as this one.
  const ahead = ask.queueLength + (ask.slotsBusy >= ask.slots ? ask.slotsBusy / 2 : 0);
  return Math.min(DURATION_MS_MAX, Math.ceil(workMs * (1 + ahead / ask.slots)));
}

function encodeQuote(terms: QuoteTerms): Uint8Array {
  const message = create(QuoteSchema, {
    quoteId: fromHex(terms.quoteId),
    taskHash: fromHex(terms.taskHash),
    taskClass: terms.taskClass,
    determinism: terms.determinism,
    provider: fromHex(terms.provider),
    providerPeer: terms.providerPeer,
    payer: fromHex(terms.payer),
    middleware: terms.middleware === undefined ? new Uint8Array() : fromHex(terms.middleware),
    unit: terms.unit,
    unitPrice: terms.unitPrice,
    feeMin: terms.feeMin,
    unitsMax: terms.unitsMax,
    chargeMax: terms.chargeMax,
    legs: legsToWire(terms.legs),
    expectedMs: BigInt(terms.expectedMs),
    deadlineMs: BigInt(terms.deadlineMs),
    auditPpm: terms.auditPpm,
    issuedAtMs: BigInt(terms.issuedAtMs),
    expiresAtMs: BigInt(terms.expiresAtMs),
  });
  return toBinary(QuoteSchema, message);
}

function readQuote(opened: Opened): Quote {
  const terms = readTerms(decodeBody(QuoteSchema, opened.body));
  if (terms.provider !== opened.account)
    throw new CodedError("SIGNATURE_INVALID", {evidence: {field: "provider"}});
  if (terms.legs.find((leg) => leg.role === "provider")?.cell !== terms.provider)
    quoteInvalid("legs.provider");
  const middlewareCell = terms.legs.find((leg) => leg.role === "middleware")?.cell;
  if (middlewareCell !== terms.middleware) quoteInvalid("legs.middleware");
  if (terms.chargeMax !== chargeAt(terms, terms.unitsMax)) quoteInvalid("chargeMax");
  const lifetime = lifetimeMs(terms);
  if (lifetime <= 0 || lifetime > QUOTE_TTL_MAX_MS) quoteInvalid("expiresAtMs");
  return {...terms, providerKey: opened.publicKey, termsHash: hashHex(opened.body), source: "quote"};
}

function readTerms(wire: WireQuote): QuoteTerms {
  return {
    quoteId: readHex(wire.quoteId, 16, "quoteId"),
    taskHash: readTaskHash(wire.taskHash),
    taskClass: readTaskClass(wire.taskClass),
    determinism: readDeterminism(wire.determinism),
    provider: readAccount(wire.provider, "provider"),
    providerPeer: readPeer(wire.providerPeer, "providerPeer"),
    payer: readAccount(wire.payer, "payer"),
    middleware: wire.middleware.length === 0 ? undefined : readAccount(wire.middleware, "middleware"),
    unit: readUnit(wire.unit),
    unitPrice: readAmount(wire.unitPrice, PRICE_MAX, "unitPrice"),
    feeMin: readAmount(wire.feeMin, PRICE_MAX, "feeMin"),
    unitsMax: readAmount(wire.unitsMax, UNITS_MAX, "unitsMax"),
    chargeMax: readAmount(wire.chargeMax, U64_MAX, "chargeMax"),
    legs: legsFromWire(wire.legs),
    expectedMs: readNumber(wire.expectedMs, DURATION_MS_MAX, "expectedMs"),
    deadlineMs: readNumber(wire.deadlineMs, DURATION_MS_MAX, "deadlineMs"),
    auditPpm: readCount(wire.auditPpm, PPM, "auditPpm"),
    issuedAtMs: readTime(wire.issuedAtMs, "issuedAtMs"),
    expiresAtMs: readTime(wire.expiresAtMs, "expiresAtMs"),
  };
}

function quoteInvalid(field: string): never {
  throw new CodedError("QUOTE_INVALID", {evidence: {field}});
}
