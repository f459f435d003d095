/** A task or quote request out of an HTTP body: JSON with base64 inside, or raw bytes with a header beside. */
import type {Route} from "@catalyze/api/route";
import type {TaskBody, TaskHeader} from "@catalyze/api/schema/task";
import {validate} from "@catalyze/api/validate";
import {CodedError} from "@catalyze/core/errors/codedError";
import {LIMITS} from "@catalyze/proto/limits";
import type {TaskRequest} from "./nodeFacade.ts";

/** Base64 of the largest input, and room for the other fields. */
export const TASK_BODY_BYTES_MAX = Math.ceil(LIMITS.inputBytesMax / 3) * 4 + 64 * 1024;

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export function readTaskRequest(route: Route, body: unknown, header: unknown): TaskRequest {
  if (Buffer.isBuffer(body)) return fromFields(readHeader(route, header), body);
  const {input, ...fields} = validate(bodySchema(route), body, {where: "body"}) as TaskBody;
  return fromFields(fields, decodeBase64(input));
}

function readHeader(route: Route, header: unknown): TaskHeader {
  if (typeof header !== "string" || route.rawHeader === undefined) {
    throw new CodedError("REQUEST_INVALID", {message: "A raw body needs the ctz-task header."});
  }
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(header, "base64url").toString("utf8"));
  } catch (error) {
    throw new CodedError("REQUEST_INVALID", {message: "ctz-task is not base64url JSON.", cause: error});
  }
  return validate(route.rawHeader, json, {where: "ctz-task"}) as TaskHeader;
}

function bodySchema(route: Route): NonNullable<Route["body"]> {
  if (route.body === undefined) throw new CodedError("INTERNAL", {message: "A task route without a body."});
  return route.body;
}

function decodeBase64(text: string): Uint8Array {
  // Buffer would skip what it does not know, and run another input than the one meant.
  if (text.length % 4 !== 0 || !BASE64.test(text)) {
    throw new CodedError("REQUEST_INVALID", {
      message: "body.input is not base64.",
      evidence: {field: "body.input"},
    });
  }
  return new Uint8Array(Buffer.from(text, "base64"));
}

function fromFields(fields: TaskHeader, input: Uint8Array): TaskRequest {
  if (input.length > LIMITS.inputBytesMax) {
    throw new CodedError("INPUT_TOO_LARGE", {
      evidence: {bytes: input.length, bytesMax: LIMITS.inputBytesMax},
    });
  }
  return {
    taskClass: fields.taskClass,
    params: fields.params ?? {},
    input: new Uint8Array(input.buffer, input.byteOffset, input.byteLength),
    maxPriceUctz: fields.maxPriceUctz === undefined ? undefined : readUctz(fields.maxPriceUctz),
    verify: fields.verify === 2 ? 2 : 1,
    route: fields.route ?? "direct",
    timeoutMs: fields.timeoutMs,
    idempotencyKey: fields.idempotencyKey,
  };
}

/** The schema allows 20 digits; u64 ends before the largest of those. */
export function readUctz(text: string): bigint {
  const amount = BigInt(text);
  if (amount > 0xffff_ffff_ffff_ffffn) throw new CodedError("AMOUNT_INVALID", {evidence: {amountUctz: text}});
  return amount;
}
