/** A task record as the store keeps it: versioned JSON, read back field by field. */
import type {AttemptId, PeerId, TaskClass, TaskId} from "../primitives/id.ts";
import {
  decodeRecord,
  encodeRecord,
  readBig,
  readFields,
  readId,
  readInteger,
  readList,
  readOneOf,
  readOptional,
  readReason,
  readText,
  readTimeMs,
} from "./strictJson.ts";
import {
  type Attempt,
  type AttemptCommit,
  FINAL_ATTEMPT_STATES,
  FINAL_TASK_STATES,
  OPEN_ATTEMPT_STATES,
  OPEN_TASK_STATES,
  type TaskRecord,
} from "./task.ts";
import {ATTEMPTS_MAX} from "./taskState.ts";

export const TASK_RECORD_VERSION = 1;
export const IDEMPOTENCY_KEY_CHARS_MAX = 256;
export const COPIES_MAX = 8;

// biome-ignore format: lists of names
const TASK_KEYS = [
  "taskId", "taskHash", "taskClass", "idempotencyKey", "payer", "priceMax", "copies", "state", "attempts",
  "submittedAtMs", "taskDeadlineMs", "stateDeadlineMs", "endedAtMs", "outputHash", "chargedUctz", "reason",
] as const satisfies readonly (keyof TaskRecord)[];
// biome-ignore format: lists of names
const ATTEMPT_KEYS = [
  "attemptId", "state", "kind", "provider", "peer", "chargeMax", "lockId", "commit", "chargedUctz", "reason",
  "startedAtMs", "endedAtMs", "deadlineMs",
] as const satisfies readonly (keyof Attempt)[];

export function encodeTask(record: TaskRecord): Uint8Array {
  return encodeRecord(record, TASK_RECORD_VERSION);
}

/** Throws `STORE_CORRUPT` or `SCHEMA_NEWER`. */
export function decodeTask(bytes: Uint8Array): TaskRecord {
  const fields = readFields(decodeRecord(bytes, TASK_RECORD_VERSION), TASK_KEYS, "task");
  return {
    taskId: readId<TaskId>(fields["taskId"], 32, "taskId"),
    taskHash: readId(fields["taskHash"], 64, "taskHash"),
    taskClass: readText(fields["taskClass"], 256, "taskClass") as TaskClass,
    idempotencyKey: readText(fields["idempotencyKey"], IDEMPOTENCY_KEY_CHARS_MAX, "idempotencyKey"),
    payer: readId(fields["payer"], 64, "payer"),
    priceMax: readBig(fields["priceMax"], "priceMax"),
    copies: readInteger(fields["copies"], COPIES_MAX, "copies"),
    state: readOneOf(fields["state"], [...OPEN_TASK_STATES, ...FINAL_TASK_STATES], "state"),
    attempts: readList(fields["attempts"], ATTEMPTS_MAX, "attempts").map(readAttempt),
    submittedAtMs: readTimeMs(fields["submittedAtMs"], "submittedAtMs"),
    taskDeadlineMs: readTimeMs(fields["taskDeadlineMs"], "taskDeadlineMs"),
    stateDeadlineMs: readTimeMs(fields["stateDeadlineMs"], "stateDeadlineMs"),
    endedAtMs: readOptional(fields["endedAtMs"], (value) => readTimeMs(value, "endedAtMs")),
    outputHash: readOptional(fields["outputHash"], (value) => readId(value, 64, "outputHash")),
    chargedUctz: readBig(fields["chargedUctz"], "chargedUctz"),
    reason: readOptional(fields["reason"], readReason),
  };
}

function readAttempt(value: unknown): Attempt {
  const fields = readFields(value, ATTEMPT_KEYS, "attempt");
  return {
    attemptId: readId<AttemptId>(fields["attemptId"], 32, "attemptId"),
    state: readOneOf(fields["state"], [...OPEN_ATTEMPT_STATES, ...FINAL_ATTEMPT_STATES], "attempt.state"),
    kind: readOneOf(fields["kind"], ["remote", "local"], "attempt.kind"),
    provider: readId(fields["provider"], 64, "provider"),
    peer: readText(fields["peer"], 128, "peer") as PeerId,
    chargeMax: readBig(fields["chargeMax"], "chargeMax"),
    lockId: readOptional(fields["lockId"], (id) => readId(id, 64, "lockId")),
    commit: readOptional(fields["commit"], readCommit),
    chargedUctz: readBig(fields["chargedUctz"], "attempt.chargedUctz"),
    reason: readOptional(fields["reason"], readReason),
    startedAtMs: readTimeMs(fields["startedAtMs"], "startedAtMs"),
    endedAtMs: readOptional(fields["endedAtMs"], (time) => readTimeMs(time, "attempt.endedAtMs")),
    deadlineMs: readTimeMs(fields["deadlineMs"], "deadlineMs"),
  };
}

function readCommit(value: unknown): AttemptCommit {
  const fields = readFields(value, ["outputHash", "units", "charge", "executorMs"], "commit");
  return {
    outputHash: readId(fields["outputHash"], 64, "commit.outputHash"),
    units: readBig(fields["units"], "commit.units"),
    charge: readBig(fields["charge"], "commit.charge"),
    executorMs: readInteger(fields["executorMs"], Number.MAX_SAFE_INTEGER, "commit.executorMs"),
  };
}
