/**
 * Strict readers for our own records on disk: a field that is missing, unknown or of another type is
 * `STORE_CORRUPT`, never a default. Bigints are decimal strings.
 */
import {CodedError} from "../errors/codedError.ts";
import {ERRORS, type ErrorCode} from "../errors/table.ts";
import {fromUtf8, utf8} from "../primitives/bytes.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {EndReason} from "./endReason.ts";

export type Fields = Readonly<Record<string, unknown>>;

const HEX = /^[0-9a-f]*$/;
const DECIMAL = /^(?:0|[1-9]\d{0,19})$/;

export function corrupt(field: string): never {
  throw new CodedError("STORE_CORRUPT", {evidence: {field}});
}

/** Bigints become decimal strings, absent fields `null`, so that the set of keys is always the same. */
export function encodeRecord(record: object, version: number): Uint8Array {
  const json = JSON.stringify({v: version, ...record}, (_, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value === undefined ? null : value,
  );
  return utf8(json);
}

/** Throws `SCHEMA_NEWER` for a record of a later version, `STORE_CORRUPT` for anything that is not one. */
export function decodeRecord(bytes: Uint8Array, version: number): Fields {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes));
  } catch (cause) {
    throw new CodedError("STORE_CORRUPT", {evidence: {reason: "json"}, cause});
  }
  if (typeof value !== "object" || value === null || !("v" in value)) corrupt("v");
  const {v, ...fields} = value;
  if (typeof v === "number" && v > version) throw new CodedError("SCHEMA_NEWER", {evidence: {version: v}});
  return v === version ? fields : corrupt("v");
}

/** The object with exactly these keys. */
export function readFields(value: unknown, keys: readonly string[], field: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return corrupt(field);
  const present = Object.keys(value);
  if (present.length !== keys.length || present.some((key) => !keys.includes(key))) return corrupt(field);
  return value as Fields;
}

export function readList(value: unknown, max: number, field: string): readonly unknown[] {
  return Array.isArray(value) && value.length <= max ? value : corrupt(field);
}

export function readOptional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === null ? undefined : read(value);
}

export function readText(value: unknown, charsMax: number, field: string): string {
  return typeof value === "string" && value.length <= charsMax ? value : corrupt(field);
}

/** Hex of exactly `digits`, as the branded id that the caller names. */
export function readId<Id extends string>(value: unknown, digits: number, field: string): Id {
  return typeof value === "string" && value.length === digits && HEX.test(value)
    ? (value as Id)
    : corrupt(field);
}

export function readOneOf<T extends string>(value: unknown, allowed: readonly T[], field: string): T {
  return allowed.includes(value as T) ? (value as T) : corrupt(field);
}

export function readInteger(value: unknown, max: number, field: string): number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max
    ? (value as number)
    : corrupt(field);
}

export function readTimeMs(value: unknown, field: string): UnixMs {
  return readInteger(value, Number.MAX_SAFE_INTEGER, field) as UnixMs;
}

export function readBig(value: unknown, field: string): bigint {
  return typeof value === "string" && DECIMAL.test(value) ? BigInt(value) : corrupt(field);
}

export function readReason(value: unknown): EndReason {
  const {code, message} = readFields(value, ["code", "message"], "reason");
  if (typeof code !== "string" || !Object.hasOwn(ERRORS, code)) return corrupt("reason.code");
  return {code: code as ErrorCode, message: readText(message, 4_096, "reason.message")};
}
