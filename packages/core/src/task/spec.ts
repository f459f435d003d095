/**
 * What the requester wants run. Its hash names the task in quotes, commits and receipts, so the encoding
 * is protobuf's canonical field order, made by the requester once and carried as received.
 */
import {create, toBinary} from "@bufbuild/protobuf";
import {TaskSpecSchema, type TaskSpec as WireSpec} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {LIMITS} from "@catalyze/proto/limits";
import {hashHex, sha256} from "../crypto/sha256.ts";
import {CodedError} from "../errors/codedError.ts";
import {badField, readAccount, readHash, readHex, readNumber, readTaskClass} from "../market/fields.ts";
import {fromHex, toHex, utf8} from "../primitives/bytes.ts";
import {decodeCanonicalJson, encodeCanonicalJson, type Json} from "../primitives/canonicalJson.ts";
import type {AccountId, Hash, TaskClass, TaskHash} from "../primitives/id.ts";

export const PARAMS_BYTES_MAX = 8 * 1024;

export type TaskSpec = {
  readonly taskClass: TaskClass;
  /** Canonical JSON of the class's parameters, utf-8. */
  readonly params: Uint8Array;
  readonly inputHash: Hash;
  readonly inputBytes: number;
  readonly payer: AccountId;
  /** 32 hex digits: hash of the idempotency key. */
  readonly nonce: string;
};

export type SpecInput = {
  readonly taskClass: TaskClass;
  readonly params: Json;
  readonly input: Uint8Array;
  readonly payer: AccountId;
  /** Chosen by the caller or made at random: the same key is the same task. */
  readonly idempotencyKey: string;
};

/** Throws `INPUT_TOO_LARGE` or `REQUEST_INVALID`. */
export function buildSpec({taskClass, params, input, payer, idempotencyKey}: SpecInput): TaskSpec {
  if (input.length > LIMITS.inputBytesMax) {
    throw new CodedError("INPUT_TOO_LARGE", {
      evidence: {bytes: input.length, bytesMax: LIMITS.inputBytesMax},
    });
  }
  const paramsBytes = encodeCanonicalJson(params);
  if (paramsBytes.length > PARAMS_BYTES_MAX) {
    throw new CodedError("REQUEST_INVALID", {evidence: {field: "params", bytes: paramsBytes.length}});
  }
  return {
    taskClass,
    params: paramsBytes,
    inputHash: hashHex(input),
    inputBytes: input.length,
    payer,
    nonce: nonceOf(idempotencyKey, payer),
  };
}

/** Two payers with the same key have different tasks. */
export function nonceOf(idempotencyKey: string, payer: AccountId): string {
  return toHex(sha256(fromHex(payer), utf8(idempotencyKey)).subarray(0, 16));
}

export function specToWire(spec: TaskSpec): WireSpec {
  return create(TaskSpecSchema, {
    taskClass: spec.taskClass,
    params: spec.params,
    inputHash: fromHex(spec.inputHash),
    inputBytes: BigInt(spec.inputBytes),
    payer: fromHex(spec.payer),
    nonce: fromHex(spec.nonce),
  });
}

/** Throws `DECODE_INVALID`. */
export function specFromWire(wire: WireSpec): TaskSpec {
  if (wire.params.length > PARAMS_BYTES_MAX) badField("params");
  return {
    taskClass: readTaskClass(wire.taskClass),
    params: checkJson(wire.params),
    inputHash: readHash(wire.inputHash, "inputHash"),
    inputBytes: readNumber(wire.inputBytes, LIMITS.inputBytesMax, "inputBytes"),
    payer: readAccount(wire.payer, "payer"),
    nonce: readHex(wire.nonce, 16, "nonce"),
  };
}

/** Hashes the checked fields, so unknown fields that a peer adds do not make another task. */
export function hashSpec(spec: TaskSpec): TaskHash {
  return hashHex(toBinary(TaskSpecSchema, specToWire(spec))) as string as TaskHash;
}

/** Does this input belong to this spec? */
export function isInputOf(spec: TaskSpec, input: Uint8Array): boolean {
  return input.length === spec.inputBytes && hashHex(input) === spec.inputHash;
}

function checkJson(params: Uint8Array): Uint8Array {
  decodeCanonicalJson(params);
  return params;
}
