/** The EVM node's state on disk: two generations, so that a torn or damaged file costs at most one save. */
import {open, readFile, rename, rm} from "node:fs/promises";
import {dirname} from "node:path";
import {gunzipSync} from "node:zlib";

/** 300 blocks with logs take 1.6 MB; this is far beyond any dev chain. */
const BYTES_MAX = 1024 * 1024 * 1024;

/** Writes what `anvil_dumpState` returned. tmp → fsync → the old one steps back → rename. */
export async function saveState(path: string, dump: string): Promise<void> {
  const packed = Buffer.from(dump.replace(/^0x/, ""), "hex");
  const isPacked = packed[0] === 0x1f && packed[1] === 0x8b;
  const bytes = isPacked ? gunzipSync(packed, {maxOutputLength: BYTES_MAX}) : packed;
  JSON.parse(bytes.toString("utf8"));
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await renameIfThere(path, previousOf(path));
  await rename(temporary, path);
  const folder = await open(dirname(path), "r");
  await folder.sync().finally(() => folder.close());
}

/** The newest generation that reads; `undefined` on a first start. */
export async function usableState(path: string): Promise<string | undefined> {
  for (const candidate of [path, previousOf(path)]) {
    try {
      JSON.parse(await readFile(candidate, "utf8"));
      return candidate;
    } catch {
      // Absent, torn or damaged: the node would refuse to start with it. The next one is tried.
    }
  }
  return undefined;
}

/** Forgets the chain. */
export async function removeState(path: string): Promise<void> {
  for (const each of [path, previousOf(path), `${path}.tmp`]) await rm(each, {force: true});
}

function previousOf(path: string): string {
  return `${path}.previous`;
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
