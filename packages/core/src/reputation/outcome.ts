/** What a refusal or failure says about the provider: the only place where codes become evidence. */
import type {ErrorCode} from "../errors/table.ts";

/**
 * `soft`: no capacity now, forgotten in seconds. `fault`: a promise broken. `fraud`: a wrong result, proven.
 * `neutral`: not the provider's doing.
 */
export type OutcomeKind = "soft" | "fault" | "fraud" | "neutral";

const SOFT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "PROVIDER_BUSY",
  "PROVIDER_DRAINING",
  "PEER_BUDGET_EXHAUSTED",
  "QUEUE_FULL",
  "CLASS_NOT_SOLD",
  "STARTING",
]);

const FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "PROVIDER_DIED",
  "PROVIDER_LATE",
  "PROVIDER_REFUSED",
  "PEER_UNREACHABLE",
  "PEER_UNKNOWN_CODE",
  "QUOTE_INVALID",
  "MODEL_FETCH_FAILED",
  "EXECUTOR_FAILED",
  "EXECUTOR_CRASHED",
  "EXECUTOR_TIMEOUT",
  "EXECUTOR_UNAVAILABLE",
  "EXECUTOR_OUTPUT_TOO_LARGE",
  "BLOB_CORRUPT",
  "RESULT_INVALID",
  "METER_ABOVE_MAX",
  "DECODE_INVALID",
  "SIGNATURE_INVALID",
  "FRAME_TOO_LARGE",
  "MESSAGE_UNEXPECTED",
  "INTERNAL",
]);

/** A mismatch alone names no culprit (`neutral`); `fraud` is recorded by whoever has settled it. */
export function outcomeOf(code: ErrorCode): OutcomeKind {
  if (SOFT.has(code)) return "soft";
  return FAULTS.has(code) ? "fault" : "neutral";
}
