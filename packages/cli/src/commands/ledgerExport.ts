import {createWriteStream} from "node:fs";
import {rename, rm} from "node:fs/promises";
import {resolve} from "node:path";
import {pipeline} from "node:stream/promises";
import {CodedError} from "@catalyze/core/errors/codedError";
import {exportPieces} from "@catalyze/core/ledger/exportStream";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import type {LedgerRecord} from "@catalyze/core/ledger/ledgerRecord";
import {command} from "../command.ts";
import {openLedgerSource} from "../ledger/ledgerSource.ts";
import {startText} from "../ledger/startText.ts";
import {bytes as bytesText} from "../output/format.ts";
import {ProgressBar} from "../output/progressBar.ts";
import {pairs} from "../output/table.ts";

const FILE_DEFAULT = "ctz.ledger";

export const ledgerExport = command({
  path: ["ledger", "export"],
  summary: "Write genesis, logs, checkpoints and cells to one file that anybody can verify",
  examples: ["ledger export -o net.ledger", "ledger verify --deep --file net.ledger"],
  flags: {
    out: {
      kind: "text",
      alias: "o",
      value: "file",
      describe: `Written there (${FILE_DEFAULT}); replaced once it is whole`,
    },
  },
  async run({out = FILE_DEFAULT}, context) {
    const {io, globals, output} = context;
    const path = resolve(io.cwd, out);
    const bar = new ProgressBar(io, globals.quiet);
    const source = await openLedgerSource(context, {file: undefined, genesis: undefined});
    const counts = {bytes: 0, entries: 0, checkpoints: 0, cells: 0};
    let startsAt = "0";
    async function* counted(): AsyncGenerator<LedgerRecord> {
      for await (const record of source.records) {
        if (record.kind === "snapshot") startsAt = record.height.toString();
        if (record.kind === "entry") counts.entries += 1;
        if (record.kind === "checkpoint") counts.checkpoints += 1;
        if (record.kind === "cell") counts.cells += 1;
        bar.update(`height ${counts.checkpoints}`, counts.checkpoints, source.heightsTotal);
        yield record;
      }
    }
    try {
      counts.bytes = await writePieces(path, exportPieces(source.genesis, counted()));
    } finally {
      bar.clear();
      await source.close();
    }
    const view = {file: path, genesisHash: genesisHash(source.genesis), startsAt, ...counts};
    output.data(view, () =>
      pairs(
        [
          ["file", path],
          ["size", bytesText(counts.bytes)],
          ["genesis", view.genesisHash],
          ["starts at", startText(startsAt)],
          ["checkpoints", String(counts.checkpoints)],
          ["entries", String(counts.entries)],
          ["cells", String(counts.cells)],
        ],
        output.paint,
      ),
    );
  },
});

/** The file appears when it is whole. Returns its size. */
async function writePieces(path: string, pieces: AsyncGenerator<Uint8Array>): Promise<number> {
  const part = `${path}.part`;
  const file = createWriteStream(part, {mode: 0o600});
  try {
    await pipeline(pieces, file);
    await rename(part, path);
    return file.bytesWritten;
  } catch (error) {
    await rm(part, {force: true});
    const {code} = error as NodeJS.ErrnoException;
    if (error instanceof CodedError || code === undefined) throw error;
    if (code === "ENOSPC") throw new CodedError("STORE_FULL", {cause: error});
    throw new CodedError("USAGE", {message: `Cannot write ${path} (${code}).`, cause: error});
  }
}
