/**
 * A circuit breaker per peer and class: after a fault the peer is left alone for a while; then one probe
 * decides. A refusal for want of capacity is an answer, not a fault: it never opens the circuit, however
 * many a large batch collects, and as a probe's answer it closes it. Own experience only, never on disk.
 */
import type {UnixMs} from "../primitives/time.ts";

export const BREAKER_OPEN_MS = 30_000;
/** Doubles with each failed probe up to here: a machine that comes back is found within five minutes. */
export const BREAKER_OPEN_MS_MAX = 300_000;
/** A probe that never reports counts as failed after this. */
export const PROBE_MS_MAX = 60_000;

export type Breaker =
  | {readonly kind: "closed"}
  | {readonly kind: "open"; readonly untilMs: UnixMs; readonly openMs: number; readonly failures: number}
  | {
      readonly kind: "halfOpen";
      readonly probeUntilMs: UnixMs;
      readonly openMs: number;
      readonly failures: number;
    };

export type BreakerEvent = "started" | "success" | "soft" | "fault";

export const BREAKER_CLOSED: Breaker = {kind: "closed"};

/** `probe`: one call may go through; record `started` when it does. */
export function admits(breaker: Breaker, nowMs: UnixMs): "yes" | "probe" | "no" {
  switch (breaker.kind) {
    case "closed":
      return "yes";
    case "open":
      return nowMs >= breaker.untilMs ? "probe" : "no";
    case "halfOpen":
      return nowMs >= breaker.probeUntilMs ? "probe" : "no";
  }
}

/** The next state. */
export function moveBreaker(breaker: Breaker, event: BreakerEvent, nowMs: UnixMs): Breaker {
  if (event === "success") return BREAKER_CLOSED;
  if (event === "started") return start(breaker, nowMs);
  if (event === "soft") return breaker.kind === "halfOpen" ? BREAKER_CLOSED : breaker;
  if (breaker.kind !== "closed") return reopen(breaker, nowMs);
  return {kind: "open", untilMs: add(nowMs, BREAKER_OPEN_MS), openMs: BREAKER_OPEN_MS, failures: 1};
}

function start(breaker: Breaker, nowMs: UnixMs): Breaker {
  if (breaker.kind === "closed" || admits(breaker, nowMs) !== "probe") return breaker;
  const {openMs, failures} = breaker;
  return {kind: "halfOpen", probeUntilMs: add(nowMs, PROBE_MS_MAX), openMs, failures};
}

/** A failure while open comes from calls that were under way: only a failed probe lengthens the wait. */
function reopen(breaker: Exclude<Breaker, {kind: "closed"}>, nowMs: UnixMs): Breaker {
  const failures = breaker.failures + 1;
  if (breaker.kind === "open" && nowMs < breaker.untilMs) return {...breaker, failures};
  const openMs = Math.min(BREAKER_OPEN_MS_MAX, breaker.openMs * 2);
  return {kind: "open", untilMs: add(nowMs, openMs), openMs, failures};
}

function add(time: UnixMs, ms: number): UnixMs {
  return (time + ms) as UnixMs;
}
