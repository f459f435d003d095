/**
 * One byte string per value: keys sorted by code unit, no spaces, no `undefined`. Reading compares
 * the bytes with a fresh encoding, so anything else is refused.
 */
import {CodedError} from "../errors/codedError.ts";
import {equalBytes, fromUtf8, utf8} from "./bytes.ts";

export type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json};

/** Numbers must be finite; properties that are `undefined` are left out. */
export function encodeCanonicalJson(value: unknown): Uint8Array {
  return utf8(JSON.stringify(sorted(value)));
}

/** Throws `DECODE_INVALID` unless `bytes` is exactly what `encodeCanonicalJson` would write. */
export function decodeCanonicalJson(bytes: Uint8Array): Json {
  let value: Json;
  try {
    value = JSON.parse(fromUtf8(bytes)) as Json;
  } catch (cause) {
    throw new CodedError("DECODE_INVALID", {evidence: {reason: "json"}, cause});
  }
  if (!equalBytes(encodeCanonicalJson(value), bytes)) {
    throw new CodedError("DECODE_INVALID", {evidence: {reason: "notCanonical"}});
  }
  return value;
}

/** True for objects that are neither `null` nor lists. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
