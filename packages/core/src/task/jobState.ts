/**
 * The only table of legal moves of a job: a task as its provider sees it. Each job that earned nothing
 * ends with a code, and `jobFigures.ts` sums them up for `node why`.
 */
import type {AccountId, AttemptId, Hash, LockId, PeerId, TaskClass, TaskHash} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import {addMs, type ExpiryRow} from "./deadlines.ts";
import {type EndReason, reasonOf} from "./endReason.ts";

export const OPEN_JOB_STATES = ["offered", "accepted", "fetching", "running", "committed"] as const;
export const FINAL_JOB_STATES = ["paid", "unpaid", "failed", "refused"] as const;
export type OpenJobState = (typeof OPEN_JOB_STATES)[number];
export type JobState = OpenJobState | (typeof FINAL_JOB_STATES)[number];

export type JobRecord = {
  readonly attemptId: AttemptId;
  readonly taskHash: TaskHash;
  readonly taskClass: TaskClass;
  readonly payer: AccountId;
  readonly payerPeer: PeerId;
  readonly lockId: LockId | undefined;
  readonly chargeMax: bigint;
  readonly state: JobState;
  /** From the commit on: what is owed, unless the payer has refused the result. */
  readonly charge: bigint | undefined;
  readonly outputHash: Hash | undefined;
  readonly paidUctz: bigint;
  readonly reason: EndReason | undefined;
  readonly offeredAtMs: UnixMs;
  readonly deadlineMs: UnixMs;
  readonly endedAtMs: UnixMs | undefined;
};

export type JobEvent =
  | {readonly kind: "accept"}
  | {readonly kind: "refuse"; readonly reason: EndReason}
  /** The model is not here yet. */
  | {readonly kind: "fetch"}
  | {readonly kind: "run"; readonly runningMs: number}
  /** In one batch with the signed commit. */
  | {readonly kind: "commit"; readonly charge: bigint; readonly outputHash: Hash}
  /** In one batch with the voucher that covers it; may come after the job was written off. */
  | {readonly kind: "pay"; readonly paidUctz: bigint}
  | {readonly kind: "reject"; readonly reason: EndReason}
  | {readonly kind: "fail"; readonly reason: EndReason}
  | {readonly kind: "expire"};

/** `unpaid` is the one end that may still turn: lost payments heal with the payer's next request. */
export const JOB_MOVES: Readonly<Record<JobState, Partial<Record<JobEvent["kind"], JobState>>>> = {
  offered: {accept: "accepted", refuse: "refused", fail: "failed", expire: "refused"},
  accepted: {fetch: "fetching", run: "running", fail: "failed", expire: "failed"},
  fetching: {run: "running", fail: "failed", expire: "failed"},
  running: {commit: "committed", fail: "failed", expire: "failed"},
  committed: {pay: "paid", reject: "unpaid", fail: "unpaid", expire: "unpaid"},
  paid: {},
  unpaid: {pay: "paid"},
  failed: {},
  refused: {},
};

export const JOB_DEADLINES: Readonly<Record<OpenJobState, ExpiryRow>> = {
  // The lock and the terms are checked at once.
  offered: {durationMs: 5_000, code: "LOCK_INVALID"},
  // The input arrives and a slot comes free.
  accepted: {durationMs: 120_000, code: "DEADLINE"},
  fetching: {durationMs: 600_000, code: "MODEL_FETCH_FAILED"},
  running: {durationMs: 3_600_000, code: "EXECUTOR_TIMEOUT"},
  // The payer may audit at another provider first.
  committed: {durationMs: 300_000, code: "PAYMENT_WITHHELD"},
};

export type JobMoveResult =
  | {readonly kind: "moved"; readonly record: JobRecord}
  | {readonly kind: "illegal"; readonly reason: string};

export type NewJob = Pick<
  JobRecord,
  "attemptId" | "taskHash" | "taskClass" | "payer" | "payerPeer" | "lockId" | "chargeMax"
>;

/** The first record of a job. */
export function offerJob(job: NewJob, nowMs: UnixMs): JobRecord {
  return {
    ...job,
    state: "offered",
    charge: undefined,
    outputHash: undefined,
    paidUctz: 0n,
    reason: undefined,
    offeredAtMs: nowMs,
    deadlineMs: addMs(nowMs, JOB_DEADLINES.offered.durationMs),
    endedAtMs: undefined,
  };
}

/** The next record, or why this event cannot happen now. */
export function moveJob(record: JobRecord, event: JobEvent, nowMs: UnixMs): JobMoveResult {
  const state = JOB_MOVES[record.state][event.kind];
  if (state === undefined) return {kind: "illegal", reason: `${event.kind} of a job that is ${record.state}`};
  const problem = problemOf(record, event, nowMs);
  if (problem !== undefined) return {kind: "illegal", reason: problem};
  const facts = factsOf(record, event);
  if (!isOpenJob(state)) return {kind: "moved", record: {...record, ...facts, state, endedAtMs: nowMs}};
  const {durationMs} = JOB_DEADLINES[state];
  const deadlineMs = addMs(nowMs, event.kind === "run" ? Math.min(durationMs, event.runningMs) : durationMs);
  return {kind: "moved", record: {...record, ...facts, state, deadlineMs}};
}

export function isOpenJob(state: JobState): state is OpenJobState {
  return (OPEN_JOB_STATES as readonly JobState[]).includes(state);
}

function problemOf(record: JobRecord, event: JobEvent, nowMs: UnixMs): string | undefined {
  if (event.kind === "expire") return nowMs < record.deadlineMs ? "not yet" : undefined;
  if (event.kind === "commit")
    return event.charge > record.chargeMax ? "charge above its maximum" : undefined;
  return event.kind === "pay" && record.charge === undefined ? "nothing is owed" : undefined;
}

function factsOf(record: JobRecord, event: JobEvent): Partial<JobRecord> {
  switch (event.kind) {
    case "commit":
      return {charge: event.charge, outputHash: event.outputHash};
    case "pay":
      return {paidUctz: event.paidUctz, reason: undefined};
    case "refuse":
    case "fail":
      return {reason: event.reason};
    case "reject":
      // The payer has said that it pays nothing: no later voucher may be taken for this job.
      return {reason: event.reason, charge: undefined};
    case "expire":
      return isOpenJob(record.state) ? {reason: reasonOf(JOB_DEADLINES[record.state].code)} : {};
    default:
      return {};
  }
}
