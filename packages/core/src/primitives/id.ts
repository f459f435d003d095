/** Branded ids. Hex ids are lower case; `PeerId` is libp2p's base58 text; `Cid` is CIDv1 base32 text. */
import type {Brand} from "./brand.ts";

/** 64 hex digits: a piece of the ledger's state. Accounts and locks have a log with a single writer. */
export type CellId = Brand<string, "CellId">;
/** SHA-256 of an account's first descriptor. */
export type AccountId = CellId;
/** SHA-256 over the op that opened it and its index there. */
export type LockId = CellId;
/** SHA-256 over the op that issued it. */
export type AssetId = CellId;
/** SHA-256 over an account and an asset. */
export type HoldingId = CellId;
/** 64 hex digits. */
export type OpId = Brand<string, "OpId">;
export type PeerId = Brand<string, "PeerId">;
export type Cid = Brand<string, "Cid">;
/** 32 hex digits, made by the requester. */
export type TaskId = Brand<string, "TaskId">;
/** 32 hex digits. */
export type AttemptId = Brand<string, "AttemptId">;
/** 64 hex digits: SHA-256 of an encoded task spec. */
export type TaskHash = Brand<string, "TaskHash">;
/** What is sold, e.g. `onnx/<bundleCid>`. */
export type TaskClass = Brand<string, "TaskClass">;
/** 64 hex digits. */
export type Hash = Brand<string, "Hash">;

const HEX_64 = /^[0-9a-f]{64}$/;

export function isHash(text: string): text is Hash {
  return HEX_64.test(text);
}

export function isCellId(text: string): text is CellId {
  return HEX_64.test(text);
}
