import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {exportPieces} from "@catalyze/core/ledger/exportStream";
import {encodeGenesis} from "@catalyze/core/ledger/genesis";
import {storedRecords} from "@catalyze/core/ledger/storedRecords";
import {KEY} from "@catalyze/core/ledger/storeKeys";
import {afterEach, beforeAll, beforeEach, describe, expect, it} from "vitest";
import {type StoredLedger, storedLedger, storeOf} from "../../core/test/ledger/storedLedger.ts";
import {main} from "../src/main.ts";
import {type Cli, type CliResult, startCli, testIo} from "./cliHarness.ts";

let ledger: StoredLedger;
let pieces: Uint8Array[];
let wrongPieces: Uint8Array[];
beforeAll(async () => {
  ledger = storedLedger();
  pieces = await exported(ledger.records);
  const wrong = new Map(ledger.records);
  const key = [...wrong.keys()].find((each) => each.startsWith(KEY.cells))!;
  wrong.set(
    key,
    wrong.get(key)!.map((byte, index) => (index === 41 ? byte ^ 1 : byte)),
  );
  wrongPieces = await exported(wrong);
});

let cli: Cli;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "ctz ledger "));
  cli = await startCli();
});
afterEach(async () => {
  await cli.server.stop();
  rmSync(folder, {recursive: true, force: true});
});

async function exported(records: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array[]> {
  const store = await storeOf(records);
  const all: Uint8Array[] = [];
  const source = storedRecords(store, {breathe: () => undefined});
  for await (const piece of exportPieces(ledger.genesis, source)) all.push(piece);
  return all;
}

function fileOf(name: string, content: readonly Uint8Array[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(content));
  return path;
}

/** With no home, no daemon, nothing but the file. */
async function offline(...args: string[]): Promise<CliResult> {
  const io = testIo({env: {CTZ_HOME: join(folder, "nowhere")}, cwd: folder});
  return {code: await main(args, io), out: io.outText(), err: io.errText()};
}

describe("ctz ledger verify --deep", () => {
  it("reads the running daemon and says what it looked at", async () => {
    cli.state.ledgerExport = pieces;
    const {code, out, err} = await cli.run(["ledger", "verify", "--deep"]);
    expect([code, err]).toEqual([0, ""]);
    for (const text of ["the running daemon", "heights", "12 applied", "state equals the stored one"])
      expect(out).toContain(text);
  });

  it("names the first record that differs, and fails", async () => {
    cli.state.ledgerExport = wrongPieces;
    const {code, out} = await cli.run(["ledger", "verify", "--deep", "--json"]);
    expect(code).toBe(7);
    expect(JSON.parse(out)).toMatchObject({
      ...{v: 1, ok: false, source: "daemon", heights: "6"},
      divergence: {height: "6", field: "seq", item: expect.stringMatching(/^cell [0-9a-f]{64}$/)},
    });
    expect((await cli.run(["ledger", "verify", "--deep"])).out).toContain("WRONG");
  });

  it("does not believe a daemon that sends anything else", async () => {
    for (const sent of [[], [new Uint8Array(300)], pieces.map((piece) => piece.subarray(0, -40))]) {
      cli.state.ledgerExport = sent;
      const {code, err} = await cli.run(["ledger", "verify", "--deep"]);
      expect([code, err.includes("LEDGER_FILE_INVALID")]).toEqual([7, true]);
    }
  });

  it("needs nothing but the file, and the genesis to be sure whose it is", async () => {
    const file = fileOf("net.ledger", pieces);
    expect(
      JSON.parse((await offline("ledger", "verify", "--deep", "--file", file, "--json")).out),
    ).toMatchObject({
      ...{ok: true, source: "file", ops: 12},
    });
    const own = fileOf("own.json", [encodeGenesis(ledger.genesis)]);
    expect((await offline("ledger", "verify", "--deep", "--file", file, "--genesis", own)).code).toBe(0);
    const other = fileOf("other.json", [encodeGenesis({...ledger.genesis, name: "other"})]);
    const refused = await offline("ledger", "verify", "--deep", "--file", file, "--genesis", other);
    expect([refused.code, refused.err.includes("NETWORK_MISMATCH")]).toEqual([2, true]);
  });

  it("says what is missing", async () => {
    const cases: [string[], string][] = [
      [["verify", "--deep"], "NOT_FOUND"],
      [["export"], "NOT_FOUND"],
      [["verify", "--file", "x"], "USAGE"],
      [["verify", "--deep", "--file", "x"], "USAGE"],
      [["verify", "--deep", "--genesis", "x"], "USAGE"],
    ];
    for (const [args, code] of cases)
      expect([args, (await offline("ledger", ...args)).err.includes(code)]).toEqual([args, true]);
  });
});

describe("ctz ledger export", () => {
  it("writes what the daemon sends, once it is whole", async () => {
    cli.state.ledgerExport = pieces;
    const {code, out} = await cli.run(["ledger", "export", "-o", "net.ledger", "--json"], {cwd: folder});
    expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({v: 1, checkpoints: 6})]);
    expect(readFileSync(join(folder, "net.ledger"))).toEqual(Buffer.concat(pieces));
    cli.state.ledgerExport = pieces.map((piece) => piece.subarray(0, -40));
    const cut = await cli.run(["ledger", "export", "-o", "cut.ledger"], {cwd: folder});
    expect([cut.code, cut.err.includes("LEDGER_FILE_INVALID")]).toEqual([7, true]);
    expect([existsSync(join(folder, "cut.ledger")), existsSync(join(folder, "cut.ledger.part"))]).toEqual([
      false,
      false,
    ]);
    cli.state.ledgerExport = pieces;
    const nowhere = await cli.run(["ledger", "export", "-o", "no/such/place"], {cwd: folder});
    expect([nowhere.code, nowhere.err.includes("Cannot write")]).toEqual([2, true]);
  });
});
