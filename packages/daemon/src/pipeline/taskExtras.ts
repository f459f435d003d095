/** What is kept beside a task's record for people: how it was asked, why this provider, what it got. */
import type {AttemptId, Hash, LockId, PeerId} from "@catalyze/core/primitives/id";
import {
  corrupt,
  decodeRecord,
  encodeRecord,
  readBig,
  readFields,
  readId,
  readInteger,
  readList,
  readOneOf,
  readOptional,
  readText,
} from "@catalyze/core/task/strictJson";

const EXTRAS_VERSION = 1;
const CANDIDATES_MAX = 64;
const RECEIPTS_MAX = 8;

export type RouteKind = "direct" | "auction" | "middleware" | "own";

/** A candidate as it was ranked, for `task explain`. Costs in µCTZ, rounded. */
export type CandidateNote = {
  readonly peer: PeerId;
  readonly account: string;
  readonly unitPrice: bigint;
  readonly feeMin: bigint;
  readonly chargeMax: bigint;
  readonly indexUctz: number;
  readonly terms: readonly {readonly name: string; readonly costUctz: number}[];
  readonly expectedMs: number;
  readonly reliability: number;
  readonly isWarm: boolean;
};

export type RejectedNote = {readonly peer: PeerId; readonly code: string; readonly message: string};

/** One paid attempt: everything that `task receipt` shows and a dispute needs. */
export type StoredReceipt = {
  readonly attemptId: AttemptId;
  readonly peer: PeerId;
  /** `encodeReceipt`, hex. */
  readonly receipt: string;
  readonly lockId: LockId;
  readonly determinism: string;
  readonly executorMs: number;
  /** `encodeVoucher`, hex; empty until paid. */
  readonly voucher: string;
  readonly payerSignature: string;
  readonly providerSignature: string;
};

export type TaskExtras = {
  /** As the user wrote it. */
  readonly name: string;
  readonly kind: string;
  /** Canonical JSON. */
  readonly params: string;
  readonly inputBytes: number;
  readonly unitsMax: bigint;
  readonly route: RouteKind;
  /** The maximum price is the node's default, not the user's word: above it we ask instead of refuse. */
  readonly isPriceDefault: boolean;
  readonly outputBytes: number | undefined;
  readonly units: bigint | undefined;
  readonly ledgerFees: bigint;
  readonly reason: string;
  readonly candidates: readonly CandidateNote[];
  readonly rejected: readonly RejectedNote[];
  readonly receipts: readonly StoredReceipt[];
};

// biome-ignore format: lists of names
const KEYS = ["name", "kind", "params", "inputBytes", "unitsMax", "route", "isPriceDefault", "outputBytes", "units", "ledgerFees", "reason", "candidates", "rejected", "receipts"] as const satisfies readonly (keyof TaskExtras)[];
// biome-ignore format: lists of names
const CANDIDATE_KEYS = ["peer", "account", "unitPrice", "feeMin", "chargeMax", "indexUctz", "terms", "expectedMs", "reliability", "isWarm"] as const satisfies readonly (keyof CandidateNote)[];
// biome-ignore format: lists of names
const RECEIPT_KEYS = ["attemptId", "peer", "receipt", "lockId", "determinism", "executorMs", "voucher", "payerSignature", "providerSignature"] as const satisfies readonly (keyof StoredReceipt)[];

export function encodeExtras(extras: TaskExtras): Uint8Array {
  return encodeRecord(extras, EXTRAS_VERSION);
}

/** Throws `STORE_CORRUPT` or `SCHEMA_NEWER`. */
export function decodeExtras(bytes: Uint8Array): TaskExtras {
  const fields = readFields(decodeRecord(bytes, EXTRAS_VERSION), KEYS, "extras");
  return {
    name: readText(fields["name"], 256, "name"),
    kind: readText(fields["kind"], 32, "kind"),
    params: readText(fields["params"], 16_384, "params"),
    inputBytes: readInteger(fields["inputBytes"], 1 << 30, "inputBytes"),
    unitsMax: readBig(fields["unitsMax"], "unitsMax"),
    route: readOneOf(fields["route"], ["direct", "auction", "middleware", "own"], "route"),
    isPriceDefault: fields["isPriceDefault"] === true,
    outputBytes: readOptional(fields["outputBytes"], (value) => readInteger(value, 1 << 30, "outputBytes")),
    units: readOptional(fields["units"], (value) => readBig(value, "units")),
    ledgerFees: readBig(fields["ledgerFees"], "ledgerFees"),
    reason: readText(fields["reason"], 1_024, "reason"),
    candidates: readList(fields["candidates"], CANDIDATES_MAX, "candidates").map(readCandidate),
    rejected: readList(fields["rejected"], CANDIDATES_MAX, "rejected").map(readRejected),
    receipts: readList(fields["receipts"], RECEIPTS_MAX, "receipts").map(readReceipt),
  };
}

function readCandidate(value: unknown): CandidateNote {
  const fields = readFields(value, CANDIDATE_KEYS, "candidate");
  return {
    peer: readText(fields["peer"], 128, "peer") as PeerId,
    account: readText(fields["account"], 64, "account"),
    unitPrice: readBig(fields["unitPrice"], "unitPrice"),
    feeMin: readBig(fields["feeMin"], "feeMin"),
    chargeMax: readBig(fields["chargeMax"], "chargeMax"),
    indexUctz: readNumber(fields["indexUctz"]),
    terms: readList(fields["terms"], 16, "terms").map((term) => {
      const {name, costUctz} = readFields(term, ["name", "costUctz"], "term");
      return {name: readText(name, 64, "term.name"), costUctz: readNumber(costUctz)};
    }),
    expectedMs: readNumber(fields["expectedMs"]),
    reliability: readNumber(fields["reliability"]),
    isWarm: fields["isWarm"] === true,
  };
}

function readRejected(value: unknown): RejectedNote {
  const {peer, code, message} = readFields(value, ["peer", "code", "message"], "rejected");
  return {
    peer: readText(peer, 128, "peer") as PeerId,
    code: readText(code, 64, "code"),
    message: readText(message, 1_024, "message"),
  };
}

function readReceipt(value: unknown): StoredReceipt {
  const fields = readFields(value, RECEIPT_KEYS, "receipt");
  const hex = (name: (typeof RECEIPT_KEYS)[number]) => readText(fields[name], 4_096, name);
  return {
    attemptId: readId(fields["attemptId"], 32, "attemptId"),
    peer: readText(fields["peer"], 128, "peer") as PeerId,
    receipt: hex("receipt"),
    lockId: readId<Hash>(fields["lockId"], 64, "lockId") as string as LockId,
    determinism: readText(fields["determinism"], 256, "determinism"),
    executorMs: readNumber(fields["executorMs"]),
    voucher: hex("voucher"),
    payerSignature: hex("payerSignature"),
    providerSignature: hex("providerSignature"),
  };
}

function readNumber(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : corrupt("number");
}
