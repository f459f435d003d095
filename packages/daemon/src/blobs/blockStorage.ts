/** Where blocks lie: any blockstore, wrapped so that nothing enters or leaves whose hash does not fit. */
import {createHash} from "node:crypto";
import {CodedError} from "@catalyze/core/errors/codedError";
import {concat} from "@catalyze/core/primitives/bytes";
import type {Cid} from "@catalyze/core/primitives/id";
import {CID} from "multiformats/cid";

/** The part of a blockstore that is used; `blockstore-fs` fits, and so does a map. */
export type BlockStorage = {
  has(cid: CID): Promise<boolean> | boolean;
  /** Throws when the block is not there. */
  get(cid: CID): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  put(cid: CID, bytes: Uint8Array): Promise<unknown> | unknown;
  delete(cid: CID): Promise<unknown> | unknown;
};

/** Multicodec numbers: raw bytes, and the nodes of a UnixFS file. */
export const RAW = 0x55;
export const DAG_PB = 0x70;
const SHA2_256 = 0x12;

/** Throws `DECODE_INVALID` for anything but a CIDv1 of a raw block or file node under SHA-256. */
export function parseCid(text: string): CID {
  let cid: CID;
  try {
    cid = CID.parse(text);
  } catch (error) {
    throw new CodedError("DECODE_INVALID", {message: "That is not a content id.", cause: error});
  }
  const isOurs = cid.version === 1 && cid.multihash.code === SHA2_256 && cid.multihash.digest.length === 32;
  if (!isOurs || (cid.code !== RAW && cid.code !== DAG_PB) || cid.toString() !== text) {
    throw new CodedError("DECODE_INVALID", {message: "That is not a content id of this network."});
  }
  return cid;
}

export function textOf(cid: CID): Cid {
  return cid.toString() as Cid;
}

export function isBlockOf(cid: CID, bytes: Uint8Array): boolean {
  return Buffer.compare(createHash("sha256").update(bytes).digest(), cid.multihash.digest) === 0;
}

/** `undefined` when it is not here. A block that the disk has damaged is removed: `BLOB_CORRUPT`. */
export async function readBlock(storage: BlockStorage, cid: CID): Promise<Uint8Array | undefined> {
  if (!(await storage.has(cid))) return undefined;
  const parts: Uint8Array[] = [];
  try {
    for await (const part of storage.get(cid)) parts.push(part);
  } catch (error) {
    // Removed between the two calls is the same as absent; anything else is the disk's fault.
    if (!(await storage.has(cid))) return undefined;
    throw new CodedError("BLOB_CORRUPT", {cause: error, evidence: {cid: textOf(cid), reason: "unreadable"}});
  }
  const bytes = concat(...parts);
  if (isBlockOf(cid, bytes)) return bytes;
  await storage.delete(cid);
  throw new CodedError("BLOB_CORRUPT", {evidence: {cid: textOf(cid), reason: "disk"}});
}

/** Throws `STORE_FULL` when there is no room. */
export async function writeBlock(storage: BlockStorage, cid: CID, bytes: Uint8Array): Promise<void> {
  try {
    await storage.put(cid, bytes);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const isFull = /ENOSPC|EDQUOT|No space left/i.test(String(error));
    throw new CodedError(isFull ? "STORE_FULL" : "INTERNAL", {cause: error});
  }
}
