/** What is known of a peer, as the store keeps it. The breaker starts closed after a restart. */
import type {UnixMs} from "../primitives/time.ts";
import {
  corrupt,
  decodeRecord,
  encodeRecord,
  type Fields,
  readFields,
  readInteger,
  readList,
  readTimeMs,
} from "../task/strictJson.ts";
import type {Beta} from "./beta.ts";
import {BREAKER_CLOSED} from "./breaker.ts";
import {LATENCY_BUCKETS, type Latency} from "./latency.ts";
import type {PeerReputation} from "./reputation.ts";

export const REPUTATION_VERSION = 1;

export function encodeReputation({avail, correct, onTime, latency, counts}: PeerReputation): Uint8Array {
  return encodeRecord({avail, correct, onTime, latency, counts}, REPUTATION_VERSION);
}

/** Throws `STORE_CORRUPT` or `SCHEMA_NEWER`. */
export function decodeReputation(bytes: Uint8Array): PeerReputation {
  const keys = ["avail", "correct", "onTime", "latency", "counts"];
  const fields = readFields(decodeRecord(bytes, REPUTATION_VERSION), keys, "reputation");
  const counts = readFields(fields["counts"], ["paid", "soft", "faults", "frauds"], "counts");
  return {
    avail: readBeta(fields["avail"]),
    correct: readBeta(fields["correct"]),
    onTime: readBeta(fields["onTime"]),
    breaker: BREAKER_CLOSED,
    latency: readLatency(fields["latency"]),
    softUntilMs: 0 as UnixMs,
    counts: {
      paid: readCount(counts, "paid"),
      soft: readCount(counts, "soft"),
      faults: readCount(counts, "faults"),
      frauds: readCount(counts, "frauds"),
    },
  };
}

function readBeta(value: unknown): Beta {
  const fields = readFields(value, ["alpha", "beta", "atMs"], "beta");
  return {
    alpha: readReal(fields["alpha"], 0, "alpha"),
    beta: readReal(fields["beta"], 0, "beta"),
    atMs: readTimeMs(fields["atMs"], "atMs"),
  };
}

function readLatency(value: unknown): Latency {
  const fields = readFields(value, ["count", "meanLog", "varianceLog", "histogram"], "latency");
  const histogram = readList(fields["histogram"], LATENCY_BUCKETS, "histogram").map((pair) => {
    const [bucket, count] = readList(pair, 2, "histogram");
    return [
      readInteger(bucket, LATENCY_BUCKETS - 1, "histogram"),
      readInteger(count, Number.MAX_SAFE_INTEGER, "histogram"),
    ] as const;
  });
  return {
    count: readCount(fields, "count"),
    meanLog: readReal(fields["meanLog"], 0, "meanLog"),
    varianceLog: readReal(fields["varianceLog"], 0, "varianceLog"),
    histogram,
  };
}

function readCount(fields: Fields, field: string): number {
  return readInteger(fields[field], Number.MAX_SAFE_INTEGER, field);
}

function readReal(value: unknown, least: number, field: string): number {
  return typeof value === "number" && Number.isFinite(value) && value >= least ? value : corrupt(field);
}
