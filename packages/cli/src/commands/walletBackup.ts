import {readFile, stat} from "node:fs/promises";
import {resolve} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import {ensureHome} from "@catalyze/daemon/home/ensureHome";
import {acquireHomeLock} from "@catalyze/daemon/home/homeLock";
import {importBackup, restoreKeystore} from "@catalyze/daemon/identity/backup";
import {readPassphrase} from "@catalyze/daemon/identity/passphrase";
import {command} from "../command.ts";

/** Keys and exit proofs; a larger file is something else. */
const BACKUP_BYTES_MAX = 64 * 1024 * 1024;

export const walletBackup = command({
  path: ["wallet", "backup"],
  summary: "Write the encrypted keys and exit proofs to a file",
  args: {file: {describe: "Must not exist yet", required: true}},
  async run({file}, {client, output, io, layout}) {
    const view = await (await client()).call("walletBackup", {body: {path: resolve(io.cwd, file)}});
    output.data(view, () => `${view.path}\n`);
    output.note(
      `${view.bytes} bytes, under the passphrase of this home. Without the passphrase it opens nothing.`,
    );
    if (io.env["CTZ_KEY_PASSPHRASE_FILE"] === undefined) {
      output.warn(`that passphrase is in ${layout.passphrase}: keep a copy of it, and not beside the backup`);
    }
  },
});

export const walletRestore = command({
  path: ["wallet", "restore"],
  summary: "Put the keys of a backup into an empty home; no daemon may run on it",
  examples: ["wallet restore backup.json --home ./restored --passphrase-file ./passphrase"],
  args: {file: {describe: "What `wallet backup` wrote", required: true}},
  flags: {
    passphraseFile: {
      kind: "text",
      value: "file",
      describe: "The passphrase of the backup (else CTZ_KEY_PASSPHRASE_FILE)",
    },
  },
  async run({file, passphraseFile}, {output, io, layout}) {
    const path = resolve(io.cwd, file);
    const stated = passphraseFile ?? io.env["CTZ_KEY_PASSPHRASE_FILE"];
    if (stated === undefined) {
      throw new CodedError("USAGE", {
        message: "The backup's passphrase is needed: --passphrase-file or CTZ_KEY_PASSPHRASE_FILE.",
      });
    }
    const opening = await readPassphrase({stated: resolve(io.cwd, stated), generated: layout.passphrase});
    const {keys} = await importBackup(await readBackup(path), opening.bytes);
    await ensureHome(layout.home);
    const lock = await acquireHomeLock(layout.lock);
    try {
      // The restored home has its own passphrase where the operator names none for it.
      const own = await readPassphrase({
        stated: io.env["CTZ_KEY_PASSPHRASE_FILE"],
        generated: layout.passphrase,
      });
      await restoreKeystore(layout.keystore, own.bytes, {keys});
    } finally {
      await lock.release();
    }
    output.data({home: layout.home, keystore: layout.keystore}, () => `${layout.keystore}\n`);
    output.note("Restored. The node recovers its logs from the witnesses before it signs anything: ctz up");
  },
});

async function readBackup(path: string): Promise<Uint8Array> {
  try {
    if ((await stat(path)).size > BACKUP_BYTES_MAX)
      throw new CodedError("INPUT_TOO_LARGE", {message: `${path} is too large for a backup.`});
    return await readFile(path);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("USAGE", {message: `Cannot read ${path}.`, cause: error});
  }
}
