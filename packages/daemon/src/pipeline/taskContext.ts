import {toCodedError} from "@catalyze/core/errors/codedError";
import type {Ask} from "@catalyze/core/market/ask";
import type {Quote} from "@catalyze/core/market/quote";
import type {AttemptId, PeerId, TaskId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import type {Verified} from "@catalyze/core/primitives/verified";
import type {Manifest} from "@catalyze/core/task/manifest";
import type {ResultCommit} from "@catalyze/core/task/resultCommit";
import type {TaskSpec} from "@catalyze/core/task/spec";
import type {Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import type {Attempt} from "./attempt.ts";
import type {Hold} from "./outgoingPayments.ts";

/** A task while it is driven: what does not change between attempts. */
export type TaskContext = {
  readonly taskId: TaskId;
  readonly spec: TaskSpec;
  readonly manifest: Manifest;
  readonly input: Uint8Array;
  readonly unitsMax: bigint;
  readonly priceMax: bigint;
  readonly deadlineMs: UnixMs;
  readonly signal: AbortSignal;
};

/** What one attempt is held to: a standing ask, or a quote with its signatures. */
export type AttemptTerms = {
  readonly peer: PeerId;
  readonly quote: Verified<Quote>;
  readonly ask: Verified<Ask> | undefined;
  readonly signed: Signed | undefined;
  readonly middleware: Signed | undefined;
};

/** A result that its provider has signed and nobody has accepted yet. */
export type CommittedAttempt = {
  readonly attemptId: AttemptId;
  readonly terms: AttemptTerms;
  readonly commit: Verified<ResultCommit>;
  readonly output: Uint8Array;
  readonly hold: Hold;
  readonly auditNonce: Uint8Array;
  readonly stream: Attempt;
  /** From the request to the signed result. */
  readonly latencyMs: number;
};

/** The signal's reason when this node stops: open tasks stay open and go on at the next start. */
export const STOPPING = "STARTING";

export function isStopping(signal: AbortSignal): boolean {
  return signal.aborted && toCodedError(signal.reason).code === STOPPING;
}
