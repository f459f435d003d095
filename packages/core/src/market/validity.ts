/** When a signed statement counts: between issue and expiry, give or take what honest clocks differ by. */
import {CodedError} from "../errors/codedError.ts";
import type {UnixMs} from "../primitives/time.ts";

/** Clocks of machines without time service drift by a minute; one an hour off is named, not tolerated. */
export const CLOCK_SKEW_MS = 90_000;

export type Validity = {readonly issuedAtMs: UnixMs; readonly expiresAtMs: UnixMs};

/** How long the author wants it to count. */
export function lifetimeMs({issuedAtMs, expiresAtMs}: Validity): number {
  return expiresAtMs - issuedAtMs;
}

/** The `MESSAGE_EXPIRED` of a statement from the past or the future, or `undefined` when it counts. */
export function expiryProblem({issuedAtMs, expiresAtMs}: Validity, nowMs: UnixMs): CodedError | undefined {
  const aheadMs = issuedAtMs - nowMs;
  const behindMs = nowMs - expiresAtMs;
  if (aheadMs <= CLOCK_SKEW_MS && behindMs < CLOCK_SKEW_MS) return undefined;
  const isAhead = aheadMs > CLOCK_SKEW_MS;
  return new CodedError("MESSAGE_EXPIRED", {
    message: isAhead
      ? "A message from the future: the sender's clock or this one is wrong."
      : "A message past its expiry: it is stale, or one of the clocks is wrong.",
    evidence: {differenceMs: isAhead ? aheadMs : -behindMs, toleratedMs: CLOCK_SKEW_MS},
  });
}
