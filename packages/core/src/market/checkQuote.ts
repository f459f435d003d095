/** The requester's and the provider's checks of an agreed price, before anything is locked or run. */
import {CodedError, type Evidence} from "../errors/codedError.ts";
import type {ErrorCode} from "../errors/table.ts";
import type {AccountId, TaskClass, TaskHash} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {Ask} from "./ask.ts";
import {bpsOf, ROLE_BPS_DEFAULT, type RoleShare} from "./legs.ts";
import type {Quote} from "./quote.ts";
import {CLOCK_SKEW_MS} from "./validity.ts";

/** A call on its way when the ask ran out is still honoured. */
export const QUOTE_GRACE_MS = 10_000;

export type QuoteExpectation = {
  readonly taskHash: TaskHash;
  readonly taskClass: TaskClass;
  readonly payer: AccountId;
  readonly unitsMax: bigint;
  /** The most the payer will pay, in µCTZ. */
  readonly priceMax: bigint;
  /** More than one while the network's fee changes. */
  readonly protocolFeesBps: readonly number[];
  /** Who the bundle's manifest names; `undefined` when it names nobody. */
  readonly creator: RoleShare | undefined;
  /** The ask that led here: a quote may be lower, never higher. */
  readonly ask?: Pick<Ask, "unitPrice" | "feeMin" | "unit"> | undefined;
  /** The most that a middleware may take; 0 allows none. */
  readonly middlewareBpsMax: number;
  readonly nowMs: UnixMs;
};

/** Throws `QUOTE_INVALID`, `QUOTE_EXPIRED` or `PRICE_ABOVE_MAX`. */
export function checkQuote(quote: Quote, expected: QuoteExpectation): void {
  const field = differingField(quote, expected) ?? wrongLeg(quote, expected);
  if (field !== undefined) fail("QUOTE_INVALID", {field});
  if (isQuoteExpired(quote, expected.nowMs, 0)) fail("QUOTE_EXPIRED", {expiresAtMs: quote.expiresAtMs});
  if (quote.chargeMax > expected.priceMax) {
    fail("PRICE_ABOVE_MAX", {chargeMax: quote.chargeMax, priceMax: expected.priceMax});
  }
}

/** Is it too late to use these terms? The provider adds `QUOTE_GRACE_MS`, clocks may differ by the skew. */
export function isQuoteExpired(quote: Pick<Quote, "expiresAtMs">, nowMs: UnixMs, graceMs: number): boolean {
  return nowMs >= quote.expiresAtMs + graceMs + CLOCK_SKEW_MS;
}

function differingField(quote: Quote, expected: QuoteExpectation): string | undefined {
  if (quote.taskHash !== expected.taskHash) return "taskHash";
  if (quote.taskClass !== expected.taskClass) return "taskClass";
  if (quote.payer !== expected.payer) return "payer";
  if (quote.unitsMax !== expected.unitsMax) return "unitsMax";
  const {ask} = expected;
  if (ask === undefined) return undefined;
  if (quote.unit !== ask.unit) return "unit";
  if (quote.unitPrice > ask.unitPrice) return "unitPrice";
  return quote.feeMin > ask.feeMin ? "feeMin" : undefined;
}

function wrongLeg({legs}: Quote, expected: QuoteExpectation): string | undefined {
  if (!expected.protocolFeesBps.includes(bpsOf(legs, "protocol"))) return "legs.protocol";
  if (bpsOf(legs, "middleware") > expected.middlewareBpsMax) return "legs.middleware";
  const {creator} = expected;
  const creatorBps = creator === undefined ? 0 : (creator.bps ?? ROLE_BPS_DEFAULT);
  if (bpsOf(legs, "creator") !== creatorBps) return "legs.creator";
  const cell = legs.find((leg) => leg.role === "creator")?.cell;
  return creatorBps === 0 || cell === creator?.account ? undefined : "legs.creator";
}

function fail(code: ErrorCode, evidence: Evidence): never {
  throw new CodedError(code, {evidence});
}
