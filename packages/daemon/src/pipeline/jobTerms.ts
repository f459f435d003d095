/**
 * What a task stream opens with, checked: the spec, the price it is held to (our own ask or quote, nothing
 * else), and the lock that pays for it. Step 4 as the provider sees it.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {openAsk} from "@catalyze/core/market/ask";
import {isQuoteExpired, QUOTE_GRACE_MS} from "@catalyze/core/market/checkQuote";
import {readAmount, readHash, readHex, UNITS_MAX} from "@catalyze/core/market/fields";
import {openQuote, type Quote, quoteFromAsk} from "@catalyze/core/market/quote";
import type {AttemptId, Hash, LockId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import type {Verified} from "@catalyze/core/primitives/verified";
import {hashSpec, specFromWire, type TaskSpec} from "@catalyze/core/task/spec";
import {AUDIT_PPM_MIN} from "@catalyze/core/verify/coin";
import type {TaskOpen} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import type {Identity} from "./identity.ts";

export type JobTerms = {
  readonly attemptId: AttemptId;
  readonly spec: TaskSpec;
  readonly quote: Verified<Quote>;
  readonly lockId: LockId;
  /** sha256 of the audit nonce that the payment reveals. */
  readonly nonceHash: Hash;
  readonly deadlineMs: number;
};

/** Throws `DECODE_INVALID`, `SIGNATURE_INVALID`, `QUOTE_EXPIRED`, `PRICE_BELOW_ASK` or `QUOTE_INVALID`. */
export function openJobTerms(open: TaskOpen, identity: Identity, nowMs: UnixMs): JobTerms {
  if (open.spec === undefined) throw new CodedError("DECODE_INVALID", {evidence: {field: "spec"}});
  const spec = specFromWire(open.spec);
  const deadlineMs = Number(open.deadlineMs);
  const quote = openTerms(open, spec, {identity, nowMs, deadlineMs});
  if (quote.provider !== identity.account || quote.providerPeer !== identity.peer) invalid("provider");
  if (quote.taskHash !== hashSpec(spec)) invalid("taskHash");
  if (quote.taskClass !== spec.taskClass) invalid("taskClass");
  if (quote.payer !== spec.payer) invalid("payer");
  if (isQuoteExpired(quote, nowMs, QUOTE_GRACE_MS)) throw new CodedError("QUOTE_EXPIRED");
  if (open.chargeMax < quote.chargeMax) {
    throw new CodedError("PRICE_BELOW_ASK", {
      evidence: {offeredUctz: open.chargeMax, neededUctz: quote.chargeMax},
    });
  }
  return {
    attemptId: readHex(open.attemptId, 16, "attemptId") as AttemptId,
    spec,
    quote,
    lockId: readHash(open.lockId, "lockId") as string as LockId,
    nonceHash: readHash(open.nonceHash, "nonceHash"),
    deadlineMs: quote.deadlineMs,
  };
}

type TermsContext = {readonly identity: Identity; readonly nowMs: UnixMs; readonly deadlineMs: number};

function openTerms(
  open: TaskOpen,
  spec: TaskSpec,
  {identity, nowMs, deadlineMs}: TermsContext,
): Verified<Quote> {
  if (open.quote !== undefined) return openQuote(open.quote, open.middleware, identity);
  if (open.ask === undefined) throw new CodedError("DECODE_INVALID", {evidence: {field: "terms"}});
  const opened = openAsk(open.ask, {...identity, nowMs});
  if (opened.verdict !== "accept") throw opened.error;
  return quoteFromAsk(opened.ask, {
    taskHash: hashSpec(spec),
    payer: spec.payer,
    unitsMax: readAmount(open.unitsMax, UNITS_MAX, "unitsMax"),
    deadlineMs: Math.min(deadlineMs, ATTEMPT_MS_MAX),
    auditPpm: AUDIT_PPM_MIN,
  });
}

/** An attempt holds a slot: past ten minutes it is split into smaller tasks. */
export const ATTEMPT_MS_MAX = 600_000;

function invalid(field: string): never {
  throw new CodedError("QUOTE_INVALID", {evidence: {field}});
}
