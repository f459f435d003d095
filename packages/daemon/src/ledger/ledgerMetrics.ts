import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Invariant} from "@catalyze/core/ledger/invariantNames";

/** What the ledger node counts; a metrics library is bound elsewhere. Calls are cheap and never throw. */
export type LedgerMetrics = {
  opsCertified(count: number): void;
  /** Own ops: from the call to its certificate. */
  opCertifiedSeconds(seconds: number): void;
  inputRejected(code: ErrorCode): void;
  checkpoint(height: bigint, epoch: number): void;
  /** Checks of an invariant that held, or of which `invariantBroken` tells. */
  invariantChecked(name: Invariant, count: number): void;
  invariantBroken(name: Invariant | "other"): void;
  /** One group commit of inputs: how many, and how long the disk took. */
  persisted(inputs: number, seconds: number): void;
  degraded(isDegraded: boolean): void;
  syncRound(entries: number): void;
  /** With one peer: ops that it lacked, and ops that were missing here. */
  pendingCompared(offered: number, wanted: number): void;
  /** Entries that were deleted. */
  pruned(entries: number): void;
  /** Height at which the logs on disk start. */
  logsStart(height: bigint): void;
  queueLength(inputs: number): void;
};

export const NO_METRICS: LedgerMetrics = {
  opsCertified() {},
  opCertifiedSeconds() {},
  inputRejected() {},
  checkpoint() {},
  invariantChecked() {},
  invariantBroken() {},
  persisted() {},
  degraded() {},
  syncRound() {},
  pendingCompared() {},
  pruned() {},
  logsStart() {},
  queueLength() {},
};
