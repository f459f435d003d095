/** Where a network settles: `<home>/chain.json`, written by whoever deployed the contracts. */
import {readFile, rename, writeFile} from "node:fs/promises";
import {CodedError} from "@catalyze/core/errors/codedError";
import {isRecord} from "@catalyze/core/primitives/canonicalJson";

type Address = `0x${string}`;

export type ChainFile = {
  readonly v: 1;
  readonly rpcUrl: string;
  readonly chainId: number;
  readonly anchor: Address;
  readonly token: Address;
  readonly deployBlock: number;
};

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const BYTES_MAX = 16 * 1024;

/** `undefined` when there is none. Throws `CONFIG_INVALID` naming the field. */
export async function readChainFile(path: string): Promise<ChainFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  if (text.length > BYTES_MAX) throw invalid("size");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CodedError("CONFIG_INVALID", {message: `${path} is not JSON.`, cause});
  }
  if (!isRecord(value) || value["v"] !== 1) throw invalid("v");
  const {rpcUrl, chainId, anchor, token, deployBlock} = value;
  if (typeof rpcUrl !== "string" || !/^https?:\/\//.test(rpcUrl)) throw invalid("rpcUrl");
  if (!isCount(chainId)) throw invalid("chainId");
  if (!isAddress(anchor)) throw invalid("anchor");
  if (!isAddress(token)) throw invalid("token");
  if (!isCount(deployBlock)) throw invalid("deployBlock");
  return {v: 1, rpcUrl, chainId, anchor, token, deployBlock};
}

export async function writeChainFile(path: string, file: ChainFile): Promise<void> {
  await writeFile(`${path}.partial`, `${JSON.stringify(file, null, 2)}\n`, {mode: 0o600, flush: true});
  await rename(`${path}.partial`, path);
}

function isAddress(value: unknown): value is Address {
  return typeof value === "string" && ADDRESS.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function invalid(field: string): CodedError {
  return new CodedError("CONFIG_INVALID", {message: `chain.json: ${field} is not valid.`, evidence: {field}});
}
