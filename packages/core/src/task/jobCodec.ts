/** A job record as the store keeps it: versioned JSON, read back field by field. */
import type {PeerId, TaskClass} from "../primitives/id.ts";
import {FINAL_JOB_STATES, type JobRecord, OPEN_JOB_STATES} from "./jobState.ts";
import {
  decodeRecord,
  encodeRecord,
  readBig,
  readFields,
  readId,
  readOneOf,
  readOptional,
  readReason,
  readText,
  readTimeMs,
} from "./strictJson.ts";

export const JOB_RECORD_VERSION = 1;

// biome-ignore format: a list of names
const JOB_KEYS = [
  "attemptId", "taskHash", "taskClass", "payer", "payerPeer", "lockId", "chargeMax", "state", "charge",
  "outputHash", "paidUctz", "reason", "offeredAtMs", "deadlineMs", "endedAtMs",
] as const satisfies readonly (keyof JobRecord)[];

export function encodeJob(record: JobRecord): Uint8Array {
  return encodeRecord(record, JOB_RECORD_VERSION);
}

/** Throws `STORE_CORRUPT` or `SCHEMA_NEWER`. */
export function decodeJob(bytes: Uint8Array): JobRecord {
  const fields = readFields(decodeRecord(bytes, JOB_RECORD_VERSION), JOB_KEYS, "job");
  return {
    attemptId: readId(fields["attemptId"], 32, "attemptId"),
    taskHash: readId(fields["taskHash"], 64, "taskHash"),
    taskClass: readText(fields["taskClass"], 256, "taskClass") as TaskClass,
    payer: readId(fields["payer"], 64, "payer"),
    payerPeer: readText(fields["payerPeer"], 128, "payerPeer") as PeerId,
    lockId: readOptional(fields["lockId"], (value) => readId(value, 64, "lockId")),
    chargeMax: readBig(fields["chargeMax"], "chargeMax"),
    state: readOneOf(fields["state"], [...OPEN_JOB_STATES, ...FINAL_JOB_STATES], "state"),
    charge: readOptional(fields["charge"], (value) => readBig(value, "charge")),
    outputHash: readOptional(fields["outputHash"], (value) => readId(value, 64, "outputHash")),
    paidUctz: readBig(fields["paidUctz"], "paidUctz"),
    reason: readOptional(fields["reason"], readReason),
    offeredAtMs: readTimeMs(fields["offeredAtMs"], "offeredAtMs"),
    deadlineMs: readTimeMs(fields["deadlineMs"], "deadlineMs"),
    endedAtMs: readOptional(fields["endedAtMs"], (value) => readTimeMs(value, "endedAtMs")),
  };
}
