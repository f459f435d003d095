/**
 * The only table of legal moves of a task and its attempts, requester side. A task stands where its most
 * advanced open attempt stands: `priced` between attempts, `done` once one is paid and none is open.
 * `move` is pure; the pipeline writes the record it returns in one batch with what it sends.
 */
import type {AccountId, AttemptId, LockId, PeerId} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import {ATTEMPT_DEADLINES, addMs, attemptDeadline, COMMITTED_STATES, TASK_DEADLINES} from "./deadlines.ts";
import {type EndReason, reasonOf} from "./endReason.ts";
import {
  type Attempt,
  type AttemptCommit,
  type AttemptState,
  OPEN_ATTEMPT_STATES,
  OPEN_TASK_STATES,
  type OpenAttemptState,
  type OpenTaskState,
  type TaskRecord,
  type TaskState,
} from "./task.ts";

/** More would be a loop: a task tries a handful of candidates. */
export const ATTEMPTS_MAX = 32;

export type NewAttempt = {
  readonly attemptId: AttemptId;
  readonly kind: "remote" | "local";
  readonly provider: AccountId;
  readonly peer: PeerId;
  readonly chargeMax: bigint;
};

export type TaskEvent =
  /** The ranked list of candidates is on disk. */
  | {readonly kind: "price"}
  /** A candidate was chosen. From `priced`, or beside an open attempt: a hedge or a second copy. */
  | {readonly kind: "award"; readonly attempt: NewAttempt}
  /** No open lock fits: one is being opened. */
  | {readonly kind: "lock"; readonly attemptId: AttemptId}
  /** The provider has the task. `runningMs` is the attempt's deadline from the quote. */
  | {
      readonly kind: "run";
      readonly attemptId: AttemptId;
      readonly lockId: LockId | undefined;
      readonly runningMs: number;
    }
  | {readonly kind: "commit"; readonly attemptId: AttemptId; readonly commit: AttemptCommit}
  | {readonly kind: "verify"; readonly attemptId: AttemptId}
  /** The result is good: it is owed. */
  | {readonly kind: "accept"; readonly attemptId: AttemptId}
  /** In one batch with the voucher. */
  | {readonly kind: "pay"; readonly attemptId: AttemptId; readonly chargedUctz: bigint}
  | {readonly kind: "attemptFailed"; readonly attemptId: AttemptId; readonly reason: EndReason}
  /** Free of charge, so only before the provider has committed. */
  | {readonly kind: "attemptCancelled"; readonly attemptId: AttemptId}
  | {readonly kind: "fail"; readonly reason: EndReason}
  | {readonly kind: "cancel"}
  /** Time passed: ends what is past its deadline. Illegal when nothing is. */
  | {readonly kind: "expire"};

export type AttemptEventKind = Extract<TaskEvent, {attemptId: AttemptId}>["kind"];

/** From each state, the events that an attempt may take and where they lead. Final states have none. */
export const ATTEMPT_MOVES: Readonly<Record<AttemptState, Partial<Record<AttemptEventKind, AttemptState>>>> =
  {
    awarded: {lock: "locking", run: "running", attemptFailed: "failed", attemptCancelled: "cancelled"},
    locking: {run: "running", attemptFailed: "failed", attemptCancelled: "cancelled"},
    running: {commit: "committed", attemptFailed: "failed", attemptCancelled: "cancelled"},
    committed: {verify: "verifying", accept: "paying", attemptFailed: "failed"},
    verifying: {accept: "paying", attemptFailed: "failed"},
    paying: {pay: "paid"},
    paid: {},
    failed: {},
    cancelled: {},
  };

export type TaskEventKind = Exclude<TaskEvent["kind"], AttemptEventKind>;

/** From which task states each event of the task itself is legal. */
export const TASK_MOVES: Readonly<Record<TaskEventKind, readonly OpenTaskState[]>> = {
  price: ["submitted", "priced"],
  award: ["priced", ...OPEN_ATTEMPT_STATES],
  fail: ["submitted", "priced", "awarded", "locking", "running", "committed", "verifying"],
  cancel: ["submitted", "priced", "awarded", "locking", "running"],
  expire: OPEN_TASK_STATES,
};

export type MoveResult =
  | {readonly kind: "moved"; readonly record: TaskRecord}
  | {readonly kind: "illegal"; readonly reason: string};

export type NewTask = Pick<
  TaskRecord,
  "taskId" | "taskHash" | "taskClass" | "idempotencyKey" | "payer" | "priceMax" | "copies" | "taskDeadlineMs"
>;

/** The first record of a task. */
export function submitTask(task: NewTask, nowMs: UnixMs): TaskRecord {
  return {
    ...task,
    state: "submitted",
    attempts: [],
    submittedAtMs: nowMs,
    stateDeadlineMs: addMs(nowMs, TASK_DEADLINES.submitted.durationMs),
    endedAtMs: undefined,
    outputHash: undefined,
    chargedUctz: 0n,
    reason: undefined,
  };
}

/** The next record, or why this event cannot happen now. */
export function move(record: TaskRecord, event: TaskEvent, nowMs: UnixMs): MoveResult {
  const {state} = record;
  if (!isOpenTask(state)) return illegal(record, event);
  if ("attemptId" in event) return moveAttempt(record, event, nowMs);
  if (!TASK_MOVES[event.kind].includes(state)) return illegal(record, event);
  switch (event.kind) {
    case "price":
      return moved({
        ...record,
        state: "priced",
        stateDeadlineMs: addMs(nowMs, TASK_DEADLINES.priced.durationMs),
      });
    case "award":
      return award(record, event.attempt, nowMs);
    case "fail":
      return moved(end(record, "failed", event.reason, nowMs));
    case "cancel":
      return moved(end(record, "cancelled", reasonOf("TASK_CANCELLED"), nowMs));
    case "expire":
      return expire(record, nowMs);
  }
}

export function isOpenTask(state: TaskState): state is OpenTaskState {
  return (OPEN_TASK_STATES as readonly TaskState[]).includes(state);
}

export function isOpenAttempt(state: AttemptState): state is OpenAttemptState {
  return (OPEN_ATTEMPT_STATES as readonly AttemptState[]).includes(state);
}

/** When `expire` becomes legal: the earliest deadline of the task and its open attempts. */
export function nextDeadlineMs(record: TaskRecord): UnixMs | undefined {
  if (!isOpenTask(record.state)) return undefined;
  const open = record.attempts.filter((attempt) => isOpenAttempt(attempt.state));
  const times = open.length === 0 ? [record.stateDeadlineMs] : open.map((attempt) => attempt.deadlineMs);
  if (!COMMITTED_STATES.has(record.state)) times.push(record.taskDeadlineMs);
  return times.reduce((first, time) => (time < first ? time : first));
}

function moveAttempt(
  record: TaskRecord,
  event: Extract<TaskEvent, {attemptId: AttemptId}>,
  nowMs: UnixMs,
): MoveResult {
  const attempt = record.attempts.find((each) => each.attemptId === event.attemptId);
  if (attempt === undefined) return {kind: "illegal", reason: "no such attempt"};
  const state = ATTEMPT_MOVES[attempt.state][event.kind];
  if (state === undefined) return illegal(record, event);
  const problem = problemOf(attempt, event);
  if (problem !== undefined) return {kind: "illegal", reason: problem};
  const next = isOpenAttempt(state)
    ? {
        ...attempt,
        state,
        deadlineMs: attemptDeadline(state, nowMs, event.kind === "run" ? event.runningMs : undefined),
      }
    : {...attempt, state, endedAtMs: nowMs};
  return moved(settle(replace(record, {...next, ...factsOf(event)}), nowMs));
}

function problemOf(attempt: Attempt, event: TaskEvent): string | undefined {
  if (event.kind === "run" && attempt.kind === "remote" && event.lockId === undefined) return "no lock";
  if (event.kind !== "pay") return undefined;
  if (attempt.kind === "local") return event.chargedUctz === 0n ? undefined : "a local run is free";
  const {commit, chargeMax} = attempt;
  if (commit === undefined || event.chargedUctz > commit.charge || commit.charge > chargeMax) return "charge";
  return undefined;
}

/** What an event leaves in the attempt besides its state. */
function factsOf(event: Extract<TaskEvent, {attemptId: AttemptId}>): Partial<Attempt> {
  switch (event.kind) {
    case "run":
      return {lockId: event.lockId};
    case "commit":
      return {commit: event.commit};
    case "pay":
      return {chargedUctz: event.chargedUctz};
    case "attemptFailed":
      return {reason: event.reason};
    case "attemptCancelled":
      return {reason: reasonOf("TASK_CANCELLED")};
    default:
      return {};
  }
}

function award(record: TaskRecord, attempt: NewAttempt, nowMs: UnixMs): MoveResult {
  if (record.attempts.length >= ATTEMPTS_MAX) return {kind: "illegal", reason: "too many attempts"};
  if (record.attempts.some((each) => each.attemptId === attempt.attemptId)) {
    return {kind: "illegal", reason: "attempt id used"};
  }
  const started: Attempt = {
    ...attempt,
    state: "awarded",
    lockId: undefined,
    commit: undefined,
    chargedUctz: 0n,
    reason: undefined,
    startedAtMs: nowMs,
    endedAtMs: undefined,
    deadlineMs: attemptDeadline("awarded", nowMs),
  };
  return moved(settle({...record, attempts: [...record.attempts, started]}, nowMs));
}

/** Derives the task's state from its attempts. */
function settle(record: TaskRecord, nowMs: UnixMs): TaskRecord {
  const open = OPEN_ATTEMPT_STATES.findLast((state) => record.attempts.some((each) => each.state === state));
  if (open !== undefined) return {...record, state: open};
  const paid = record.attempts.filter((attempt) => attempt.state === "paid");
  if (paid.length === 0) {
    return {...record, state: "priced", stateDeadlineMs: addMs(nowMs, TASK_DEADLINES.priced.durationMs)};
  }
  return {
    ...record,
    state: "done",
    endedAtMs: nowMs,
    outputHash: paid[0]?.commit?.outputHash,
    chargedUctz: paid.reduce((sum, attempt) => sum + attempt.chargedUctz, 0n),
  };
}

function expire(record: TaskRecord, nowMs: UnixMs): MoveResult {
  const {state} = record;
  if (!isOpenTask(state)) return {kind: "illegal", reason: "final"};
  if (!COMMITTED_STATES.has(state) && nowMs >= record.taskDeadlineMs) {
    return moved(end(record, "failed", reasonOf("DEADLINE"), nowMs));
  }
  if (state === "submitted" || state === "priced") {
    if (nowMs < record.stateDeadlineMs) return {kind: "illegal", reason: "not yet"};
    return moved(end(record, "failed", reasonOf(TASK_DEADLINES[state].code), nowMs));
  }
  const late = record.attempts.filter((each) => isOpenAttempt(each.state) && nowMs >= each.deadlineMs);
  if (late.length === 0) return {kind: "illegal", reason: "not yet"};
  const ended = late.reduce((sum, attempt) => replace(sum, expired(attempt, nowMs)), record);
  return moved(settle(ended, nowMs));
}

function expired(attempt: Attempt, nowMs: UnixMs): Attempt {
  const {code} = ATTEMPT_DEADLINES[attempt.state as OpenAttemptState];
  return {...attempt, state: "failed", reason: reasonOf(code), endedAtMs: nowMs};
}

/** Ends the task and what is still open in it; a copy that was paid before makes it done all the same. */
function end(
  record: TaskRecord,
  state: "failed" | "cancelled",
  reason: EndReason,
  nowMs: UnixMs,
): TaskRecord {
  const attempts = record.attempts.map((attempt) =>
    isOpenAttempt(attempt.state) ? {...attempt, state, reason, endedAtMs: nowMs} : attempt,
  );
  const closed = settle({...record, attempts}, nowMs);
  return closed.state === "done" ? closed : {...record, state, attempts, reason, endedAtMs: nowMs};
}

function replace(record: TaskRecord, next: Attempt): TaskRecord {
  const attempts = record.attempts.map((each) => (each.attemptId === next.attemptId ? next : each));
  return {...record, attempts};
}

function moved(record: TaskRecord): MoveResult {
  return {kind: "moved", record};
}

function illegal(record: TaskRecord, event: TaskEvent): MoveResult {
  const attempt = "attemptId" in event && record.attempts.find((each) => each.attemptId === event.attemptId);
  const where = attempt ? `an attempt that is ${attempt.state}` : `a task that is ${record.state}`;
  return {kind: "illegal", reason: `${event.kind} of ${where}`};
}
