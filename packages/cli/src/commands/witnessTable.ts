import {existsSync} from "node:fs";
import {readFile, stat} from "node:fs/promises";
import {join, resolve} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import {acquireHomeLock} from "@catalyze/daemon/home/homeLock";
import type {HomeLayout} from "@catalyze/daemon/home/homePath";
import {writePrivateFile} from "@catalyze/daemon/identity/atomicFile";
import {
  exportTable,
  importTable,
  TABLE_FILE_BYTES_MAX,
  type TableOwner,
} from "@catalyze/daemon/ledger/signingTransfer";
import {pinnedGenesis} from "@catalyze/daemon/node/genesisFile";
import {openHomeKeys} from "@catalyze/daemon/node/homeKeys";
import {FileLog} from "@catalyze/daemon/store/fileLog";
import {command} from "../command.ts";

export const witnessExport = command({
  path: ["witness", "export"],
  summary: "Write what this witness signed to a file, for another machine; it never votes here again",
  args: {file: {describe: "Must not exist yet", required: true}},
  async run({file}, {output, io, layout}) {
    const path = resolve(io.cwd, file);
    if (existsSync(path)) throw new CodedError("USAGE", {message: `${path} is already there.`});
    await withTable(
      layout,
      async (table, owner) => await writePrivateFile(path, await exportTable(table, owner)),
    );
    output.data({path}, () => `${path}\n`);
    output.note(
      "This home votes no more. On the other machine: `ctz wallet restore`, `ctz witness import`, `ctz up`, and `ctz witness join` to say where it is now. Import the file once, then delete it.",
    );
  },
});

export const witnessImport = command({
  path: ["witness", "import"],
  summary: "Take over what `witness export` wrote, with the same keys; no daemon may run on this home",
  args: {file: {describe: "What `witness export` wrote", required: true}},
  async run({file}, {output, io, layout}) {
    const bytes = await readTable(resolve(io.cwd, file));
    const records = await withTable(layout, (table, owner) => importTable(table, bytes, owner));
    output.data({records}, () => `${records} records of the signing table are here now\n`);
    output.note("Delete the file: imported on a second machine it would cost the stake.");
  },
});

/** Throws `HOME_LOCKED` while a daemon runs. */
async function withTable<T>(
  layout: HomeLayout,
  use: (table: FileLog, owner: TableOwner) => Promise<T>,
): Promise<T> {
  if (!existsSync(layout.keystore))
    throw new CodedError("HOME_INVALID", {
      message: `No keys in ${layout.home}: \`ctz wallet restore\` first.`,
    });
  const lock = await acquireHomeLock(layout.lock);
  try {
    const pinned = await pinnedGenesis(layout.genesis);
    const genesis = pinned && genesisHash(pinned);
    const {witness} = await openHomeKeys(layout);
    const table = await FileLog.open(join(layout.records, "signing.log"));
    try {
      return await use(table, {voteKey: witness.voteKey, genesis});
    } finally {
      await table.close();
    }
  } finally {
    await lock.release();
  }
}

async function readTable(path: string): Promise<Uint8Array> {
  try {
    if ((await stat(path)).size > TABLE_FILE_BYTES_MAX)
      throw new CodedError("INPUT_TOO_LARGE", {message: `${path} is too large for a signing table.`});
    return await readFile(path);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("USAGE", {message: `Cannot read ${path}.`, cause: error});
  }
}
