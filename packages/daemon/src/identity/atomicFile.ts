/** Replaces a private file so that after a crash either the old content is there or the new one. */
import {randomBytes} from "node:crypto";
import {open, rename, rm} from "node:fs/promises";
import {dirname} from "node:path";

const OWNER_ONLY = 0o600;

/** tmp → fsync → rename → fsync of the folder; mode 0600. Throws what the file system says. */
export async function writePrivateFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    // "wx": never through a link that somebody left there.
    const file = await open(temporary, "wx", OWNER_ONLY);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, {force: true});
    throw error;
  }
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
