/**
 * How long each open state may last and what its expiry says. Every open state has a row: that is why
 * every task ends.
 */
import type {ErrorCode} from "../errors/table.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {OpenAttemptState, OpenTaskState} from "./task.ts";

/** An expired state ends with this code; an attempt's end lets the next candidate try. */
export type ExpiryRow = {readonly durationMs: number; readonly code: ErrorCode};

/** `running` takes its duration from the quote; this is the bound when a quote says more. */
export const RUNNING_MS_MAX = 3_600_000;

export const ATTEMPT_DEADLINES: Readonly<Record<OpenAttemptState, ExpiryRow>> = {
  // Capacity is held for two seconds; the rest is for a slow dial.
  awarded: {durationMs: 5_000, code: "PEER_UNREACHABLE"},
  // A certificate takes well under a second; ten are a network in trouble.
  locking: {durationMs: 10_000, code: "LOCK_TIMEOUT"},
  running: {durationMs: RUNNING_MS_MAX, code: "PROVIDER_LATE"},
  // The output is here before the commit: only our own check is missing.
  committed: {durationMs: 10_000, code: "RESULT_INVALID"},
  // A blind re-execution at another provider may have to fetch the model first.
  verifying: {durationMs: 120_000, code: "VERIFY_NO_SECOND"},
  // Signing and writing a voucher is local; a node that was down longer than this has lost the reason to pay.
  paying: {durationMs: 86_400_000, code: "PAYMENT_WITHHELD"},
};

export const TASK_DEADLINES: Readonly<Record<Exclude<OpenTaskState, OpenAttemptState>, ExpiryRow>> = {
  submitted: {durationMs: 15_000, code: "NO_PROVIDER"},
  // Between two attempts: the next candidate is tried at once, so this is a stuck pipeline.
  priced: {durationMs: 30_000, code: "ALL_PROVIDERS_FAILED"},
};

/** States in which the task's own deadline no longer counts: a committed result is verified and paid. */
export const COMMITTED_STATES: ReadonlySet<OpenTaskState> = new Set(["committed", "verifying", "paying"]);

export function addMs(time: UnixMs, durationMs: number): UnixMs {
  return (time + durationMs) as UnixMs;
}

/** When an attempt that enters `state` now expires. `runningMs` is the quote's deadline. */
export function attemptDeadline(state: OpenAttemptState, nowMs: UnixMs, runningMs?: number): UnixMs {
  const {durationMs} = ATTEMPT_DEADLINES[state];
  return addMs(nowMs, runningMs === undefined ? durationMs : Math.min(durationMs, runningMs));
}
