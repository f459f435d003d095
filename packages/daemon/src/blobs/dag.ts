/** A blob as a tree of blocks: 1 MiB raw leaves under UnixFS file nodes, the ids that IPFS tools compute. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {concat} from "@catalyze/core/primitives/bytes";
import {decode} from "@ipld/dag-pb";
import {exporter} from "ipfs-unixfs-exporter";
import {importBytes} from "ipfs-unixfs-importer";
import {fixedSize} from "ipfs-unixfs-importer/chunker";
import {balanced} from "ipfs-unixfs-importer/layout";
import type {CID} from "multiformats/cid";
import {type BlockStorage, DAG_PB, RAW, readBlock, textOf, writeBlock} from "./blockStorage.ts";

export const LEAF_BYTES = 1024 * 1024;
const CHILDREN_MAX = 1024;
/** 1024³ leaves of 1 MiB: deeper is an attack. */
const DEPTH_MAX = 3;
/** Least cost of a visit, so that a million links to an empty leaf count too. */
const LEAF_COST_BYTES = 1024;

export type Child = {readonly cid: CID; readonly bytes: number};

/** Cuts, stores, and names the bytes. */
export async function importBlob(storage: BlockStorage, bytes: Uint8Array): Promise<CID> {
  const target = {
    put: async (cid: CID, value: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>) => {
      await writeBlock(storage, cid, await collect(value));
      return cid;
    },
  };
  const {cid} = await importBytes(bytes, target, {
    cidVersion: 1,
    rawLeaves: true,
    wrapWithDirectory: false,
    chunker: fixedSize({chunkSize: LEAF_BYTES}),
    layout: balanced({maxChildrenPerNode: CHILDREN_MAX}),
  });
  return cid;
}

/** The content behind a root whose blocks are all here. */
export async function exportBlob(storage: BlockStorage, root: CID): Promise<Uint8Array> {
  const source = {
    get: async function* (cid: CID) {
      const bytes = await readBlock(storage, cid);
      if (bytes === undefined) throw new CodedError("BLOB_NOT_FOUND", {evidence: {cid: textOf(cid)}});
      yield bytes;
    },
  };
  const entry = await exporter(root, source);
  if (entry.type !== "raw" && entry.type !== "file") {
    throw new CodedError("BLOB_CORRUPT", {evidence: {cid: textOf(root), reason: "notAFile"}});
  }
  const parts: Uint8Array[] = [];
  for await (const part of entry.content()) parts.push(part);
  return concat(...parts);
}

/** The links of a file node, in order; empty for a leaf. Throws `BLOB_CORRUPT` for a shape we never make. */
export function childrenOf(cid: CID, bytes: Uint8Array): readonly Child[] {
  if (cid.code !== DAG_PB) return [];
  try {
    const {Links} = decode(bytes);
    return Links.map(({Hash, Tsize}) => checkedChild(Hash as CID, Tsize));
  } catch (error) {
    throw new CodedError("BLOB_CORRUPT", {cause: error, evidence: {cid: textOf(cid), reason: "layout"}});
  }
}

export type WalkStep = {
  readonly cid: CID;
  /** Stated by the link above; `undefined` for the root. */
  readonly bytes: number | undefined;
  readonly depth: number;
};

/**
 * Visits a tree depth first, node by node. `read` gives a file node's bytes; leaves are not read. Bytes
 * are summed as visited, repeats too, so a small tree that unfolds to petabytes ends at `bytesMax`.
 */
export async function* walk(
  root: CID,
  read: (cid: CID) => Promise<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<WalkStep> {
  const stack: WalkStep[] = [{cid: root, bytes: undefined, depth: 0}];
  let total = 0;
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    yield step;
    if (step.cid.code === RAW) {
      total += Math.max(step.bytes ?? 0, LEAF_COST_BYTES);
    } else {
      const bytes = await read(step.cid);
      total += bytes.length;
      const {depth} = step;
      if (depth >= DEPTH_MAX) throw new CodedError("BLOB_CORRUPT", {evidence: {reason: "tooDeep"}});
      const children = childrenOf(step.cid, bytes);
      stack.push(...children.map((child) => ({...child, depth: depth + 1})).reverse());
    }
    if (total > bytesMax) throw new CodedError("BLOB_TOO_LARGE", {evidence: {bytesMax}});
  }
}

function checkedChild(cid: CID, bytes: number | undefined): Child {
  if (cid.code !== RAW && cid.code !== DAG_PB) throw new Error("unknown codec");
  if (bytes === undefined || bytes < 0 || !Number.isSafeInteger(bytes)) throw new Error("no size");
  if (cid.code === RAW && bytes > LEAF_BYTES) throw new Error("leaf too large");
  return {cid, bytes};
}

async function collect(
  value: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  if (value instanceof Uint8Array) return value;
  const parts: Uint8Array[] = [];
  for await (const part of value) parts.push(part);
  return concat(...parts);
}
