/**
 * Readers for the fields of decoded market messages. Protobuf checks only the shape: here lengths,
 * ranges and alphabets become `DECODE_INVALID` with the field's name.
 */
import {type DescMessage, fromBinary, type MessageShape} from "@bufbuild/protobuf";
import {CodedError} from "../errors/codedError.ts";
import {toHex} from "../primitives/bytes.ts";
import type {AccountId, Hash, PeerId, TaskClass, TaskHash} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import {UNIT_SCALE} from "../task/manifest.ts";
import type {Unit} from "./price.ts";

/** 10⁹ CTZ: far above the supply of any network, far below where u64 sums overflow. */
export const PRICE_MAX = 1_000_000_000_000_000n;
/** 10¹⁸ units: a machine of an exaMAC per second works one second on it. */
export const UNITS_MAX = 1_000_000_000_000_000_000n;
/** A day: no attempt of this market runs longer. */
export const DURATION_MS_MAX = 86_400_000;

const TASK_CLASS = /^[a-z]{1,16}\/[\x21-\x7e]{1,200}$/;
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{1,128}$/;
const DETERMINISM = /^[\x20-\x7e]{0,256}$/;

/** Fails a field of a message from outside. */
export function badField(field: string): never {
  throw new CodedError("DECODE_INVALID", {evidence: {field}});
}

/** Decodes a body. Throws `DECODE_INVALID` only. */
export function decodeBody<Desc extends DescMessage>(schema: Desc, body: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, body);
  } catch (cause) {
    throw new CodedError("DECODE_INVALID", {evidence: {reason: schema.name}, cause});
  }
}

export function readHex(bytes: Uint8Array, length: number, field: string): string {
  return bytes.length === length ? toHex(bytes) : badField(field);
}

export function readHash(bytes: Uint8Array, field: string): Hash {
  return readHex(bytes, 32, field) as Hash;
}

export function readTaskHash(bytes: Uint8Array, field = "taskHash"): TaskHash {
  return readHex(bytes, 32, field) as TaskHash;
}

export function readAccount(bytes: Uint8Array, field: string): AccountId {
  return readHex(bytes, 32, field) as AccountId;
}

export function readPeer(text: string, field = "peerId"): PeerId {
  return PEER_ID.test(text) ? (text as PeerId) : badField(field);
}

export function isTaskClass(text: string): text is TaskClass {
  return TASK_CLASS.test(text);
}

export function readTaskClass(text: string): TaskClass {
  return isTaskClass(text) ? text : badField("taskClass");
}

export function readDeterminism(text: string): string {
  return DETERMINISM.test(text) ? text : badField("determinism");
}

export function readUnit(text: string): Unit {
  return Object.hasOwn(UNIT_SCALE, text) ? (text as Unit) : badField("unit");
}

export function readAmount(value: bigint, max: bigint, field: string): bigint {
  return value >= 0n && value <= max ? value : badField(field);
}

export function readCount(value: number, max: number, field: string): number {
  return Number.isInteger(value) && value >= 0 && value <= max ? value : badField(field);
}

/** A u64 that becomes a number: times and durations. */
export function readNumber(value: bigint, max: number, field: string): number {
  return value >= 0n && value <= BigInt(max) ? Number(value) : badField(field);
}

export function readTime(value: bigint, field: string): UnixMs {
  return readNumber(value, Number.MAX_SAFE_INTEGER, field) as UnixMs;
}
