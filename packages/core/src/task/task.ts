/**
 * The requester's records: one task, its attempts. Plain data; `taskState.ts` has the only table of legal
 * moves and `taskCodec.ts` the form on disk. Money is in µCTZ.
 */
import type {
  AccountId,
  AttemptId,
  Hash,
  LockId,
  PeerId,
  TaskClass,
  TaskHash,
  TaskId,
} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {EndReason} from "./endReason.ts";

/** In the order of progress: a task stands where its most advanced open attempt stands. */
export const OPEN_ATTEMPT_STATES = [
  "awarded",
  "locking",
  "running",
  "committed",
  "verifying",
  "paying",
] as const;
export const OPEN_TASK_STATES = ["submitted", "priced", ...OPEN_ATTEMPT_STATES] as const;
export const FINAL_TASK_STATES = ["done", "failed", "cancelled"] as const;
export const FINAL_ATTEMPT_STATES = ["paid", "failed", "cancelled"] as const;

export type OpenAttemptState = (typeof OPEN_ATTEMPT_STATES)[number];
export type AttemptState = OpenAttemptState | (typeof FINAL_ATTEMPT_STATES)[number];
export type OpenTaskState = (typeof OPEN_TASK_STATES)[number];
export type TaskState = OpenTaskState | (typeof FINAL_TASK_STATES)[number];

/** What the provider signed before it learned the coin. */
export type AttemptCommit = {
  readonly outputHash: Hash;
  readonly units: bigint;
  readonly charge: bigint;
  readonly executorMs: number;
};

export type Attempt = {
  readonly attemptId: AttemptId;
  readonly state: AttemptState;
  /** `local`: this node runs its own task, free of charge, without lock or voucher. */
  readonly kind: "remote" | "local";
  readonly provider: AccountId;
  readonly peer: PeerId;
  readonly chargeMax: bigint;
  readonly lockId: LockId | undefined;
  readonly commit: AttemptCommit | undefined;
  /** Paid by voucher; 0 until then and for a local run. */
  readonly chargedUctz: bigint;
  readonly reason: EndReason | undefined;
  readonly startedAtMs: UnixMs;
  readonly endedAtMs: UnixMs | undefined;
  /** When the present state expires. */
  readonly deadlineMs: UnixMs;
};

export type TaskRecord = {
  readonly taskId: TaskId;
  readonly taskHash: TaskHash;
  readonly taskClass: TaskClass;
  readonly idempotencyKey: string;
  readonly payer: AccountId;
  readonly priceMax: bigint;
  /** How many agreeing results are wanted: 1, or 2 with `--verify 2`. */
  readonly copies: number;
  readonly state: TaskState;
  readonly attempts: readonly Attempt[];
  readonly submittedAtMs: UnixMs;
  /** After this no attempt starts or goes on, unless it has committed. */
  readonly taskDeadlineMs: UnixMs;
  /** When the present state expires, for a state without an open attempt. */
  readonly stateDeadlineMs: UnixMs;
  readonly endedAtMs: UnixMs | undefined;
  readonly outputHash: Hash | undefined;
  readonly chargedUctz: bigint;
  readonly reason: EndReason | undefined;
};
