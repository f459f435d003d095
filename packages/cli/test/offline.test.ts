import {chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {encodeBalanceProof, proveCell} from "@catalyze/core/ledger/balanceProof";
import {encodeGenesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {acquireHomeLock} from "@catalyze/daemon/home/homeLock";
import {exportBackup} from "@catalyze/daemon/identity/backup";
import {openKeystore} from "@catalyze/daemon/identity/keystore";
import {generateNodeKeys} from "@catalyze/daemon/identity/nodeKeys";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {alice} from "../../core/test/ledger/kit.ts";
import {genesisOf, NOW, replicaOf} from "../../core/test/ledger/witnessKit.ts";
import {nodeCheck} from "../src/doctor/machineChecks.ts";
import {main} from "../src/main.ts";
import {type CliResult, testIo} from "./cliHarness.ts";

let folder: string;
let home: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ctz offline "));
  home = join(folder, "my home");
});
afterEach(() => rmSync(folder, {recursive: true, force: true}));

async function ctz(args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> {
  const io = testIo({env: {CTZ_HOME: home, PATH: process.env["PATH"], ...env}, cwd: folder});
  return {code: await main(args, io), out: io.outText(), err: io.errText()};
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("ctz init", () => {
  it("makes a private home, and changes nothing the second time", async () => {
    const first = JSON.parse((await ctz(["init", "--json"])).out);
    expect(first).toEqual({v: 1, home, isNew: true, isPassphraseGenerated: true});
    const names = ["api.token", "config.json", "keystore.json", "passphrase"];
    for (const name of names) expect([name, modeOf(join(home, name))]).toEqual([name, 0o600]);
    expect(modeOf(home)).toBe(0o700);
    const before = names.map((name) => readFileSync(join(home, name), "utf8"));
    expect(JSON.parse((await ctz(["init", "--json"])).out)).toMatchObject({isNew: false});
    expect(names.map((name) => readFileSync(join(home, name), "utf8"))).toEqual(before);
  });

  it("leaves a home alone that a daemon uses", async () => {
    await ctz(["init"]);
    const lock = await acquireHomeLock(join(home, "lock"));
    const {code, err} = await ctz(["init"]);
    expect([code, err.includes("HOME_LOCKED")]).toEqual([2, true]);
    await lock.release();
  });
});

describe("settings without a daemon", () => {
  it("are written to the file, read back, and removed", async () => {
    expect((await ctz(["config", "set", "price.ocr", "800uctz"])).code).toBe(0);
    expect((await ctz(["config", "get", "price.ocr"])).out).toBe("800uctz\n");
    expect((await ctz(["config", "set", "price.ocr"])).code).toBe(0);
    expect((await ctz(["config", "get", "price.ocr", "--json"])).out).toContain('"origin":"default"');
    expect((await ctz(["config", "list"])).out).toContain("maxPriceDefault");
  });

  it("a variable that wins over the file is said", async () => {
    const {code, err} = await ctz(["config", "set", "slots", "2"], {CTZ_SLOTS: "3"});
    expect([code, err.includes("CTZ_SLOTS still wins")]).toEqual([0, true]);
  });

  it("wrong keys and values fail with what was meant", async () => {
    const key = await ctz(["config", "set", "slost", "2"]);
    expect([key.code, key.err.includes('Did you mean "slots"?')]).toEqual([2, true]);
    const value = await ctz(["config", "set", "slots", "many"]);
    expect([value.code, value.err.includes("CONFIG_INVALID")]).toEqual([2, true]);
    expect(existsSync(join(home, "config.json"))).toBe(false);
  });

  it("a broken file stops `up` before anything is touched", async () => {
    await ctz(["init"]);
    writeFileSync(join(home, "config.json"), '{"apiProt": 1}');
    const {code, err} = await ctz(["up"]);
    expect([code, err.includes('Did you mean "apiPort"?')]).toEqual([2, true]);
    const flag = await ctz(["up", "--role", "king", "--home", join(folder, "other")]);
    expect([flag.code, flag.err.includes("--role")]).toEqual([2, true]);
    expect(existsSync(join(folder, "other"))).toBe(false);
  });
});

describe("wallet restore", () => {
  const keys = generateNodeKeys();
  const backupFile = async (): Promise<void> => {
    const bytes = await exportBackup({keys, exitProofs: new Uint8Array()}, Buffer.from("old words"));
    writeFileSync(join(folder, "backup.json"), bytes);
    writeFileSync(join(folder, "words"), "old words\n", {mode: 0o600});
  };

  it("puts the keys into an empty home, marked as recovering, and never over others", async () => {
    await backupFile();
    const args = ["wallet", "restore", "backup.json", "--passphrase-file", "words"];
    expect((await ctz(args)).code).toBe(0);
    const own = readFileSync(join(home, "passphrase"), "utf8").trim();
    const opened = await openKeystore(join(home, "keystore.json"), Buffer.from(own));
    expect(opened.isRecovering).toBe(true);
    expect(Buffer.from(opened.keys.account)).toEqual(Buffer.from(keys.account));
    const again = await ctz(args);
    expect([again.code, again.err.includes("HOME_INVALID")]).toEqual([2, true]);
  });

  it("says what is missing or wrong, and leaves no home behind", async () => {
    await backupFile();
    writeFileSync(join(folder, "wrong"), "new words");
    const cases: [string[], string][] = [
      [["wallet", "restore", "backup.json"], "USAGE"],
      [["wallet", "restore", "nowhere.json", "--passphrase-file", "words"], "USAGE"],
      [["wallet", "restore", "backup.json", "--passphrase-file", "nowhere"], "CONFIG_INVALID"],
      [["wallet", "restore", "backup.json", "--passphrase-file", "wrong"], "PASSPHRASE_WRONG"],
      [["wallet", "restore", "words", "--passphrase-file", "words"], "KEYSTORE_INVALID"],
    ];
    for (const [args, code] of cases) {
      const {err} = await ctz(args);
      expect([args, err.includes(`[${code}]`)]).toEqual([args, true]);
      expect(existsSync(home)).toBe(false);
    }
  });
});

describe("ctz ledger proof --check", () => {
  const genesis = genesisOf(1);
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);

  function proofFile(): Record<string, unknown> {
    const replica = replicaOf(genesis, 0);
    replica.step({kind: "tick"}, NOW);
    const name = {kind: "account", id: alice.account} as const;
    const proof = encodeBalanceProof(
      proveCell(name, replica.base, {final: replica.finalCheckpoint, handovers: []}),
    );
    const base64 = Buffer.from(proof).toString("base64");
    return {v: 1, account: alice.account, height: "1", genesisHash: genesisHash(genesis), proof: base64};
  }

  it("needs a file and a genesis, no daemon, and says what does not hold", async () => {
    write("genesis.json", encodeGenesis(genesis));
    write("other.json", encodeGenesis({...genesis, name: "another"}));
    const file = proofFile();
    write("proof.json", JSON.stringify(file));
    write("mallory.json", JSON.stringify({...file, account: "ab".repeat(32)}));
    write("noise.json", "{}");
    const check = async (proof: string, from = "genesis.json", ...more: string[]) =>
      await ctz(["ledger", "proof", ...more, "--check", proof, "--genesis", from, "--json"]);
    const fine = await check("proof.json");
    expect([fine.code, JSON.parse(fine.out)]).toMatchObject([
      0,
      {v: 1, account: alice.account, isPresent: true, balanceUctz: "1000000", height: "1", signatures: 1},
    ]);
    for (const wrong of [
      await check("proof.json", "other.json"),
      await check("mallory.json"),
      await check("noise.json"),
      await check("proof.json", "genesis.json", "ab".repeat(32)),
    ])
      expect([wrong.code, wrong.out.includes("PROOF_INVALID")]).toEqual([7, true]);
    expect((await check("nowhere.json")).code).toBe(2);
  });
});

describe("ctz doctor", () => {
  it("warns of what is weak and fails for what is broken", async () => {
    await ctz(["init"]);
    const fine = await ctz(["doctor", "--json"]);
    const {checks} = JSON.parse(fine.out) as {checks: {name: string; state: string}[]};
    const stateOf = (name: string): string | undefined => checks.find((check) => check.name === name)?.state;
    expect([stateOf("node"), stateOf("home"), stateOf("keys"), stateOf("executor")]).toEqual([
      "ok",
      "ok",
      "ok",
      "ok",
    ]);
    expect([stateOf("passphrase"), stateOf("daemon")]).toEqual(["warning", "warning"]);
    chmodSync(join(home, "keystore.json"), 0o644);
    const open = await ctz(["doctor"]);
    expect(open.code).toBe(1);
    expect(open.out).toMatch(/WRONG {2}keys: .*readable by other users\n +chmod 600/);
  }, 60_000);

  it("knows which Node is new enough", () => {
    expect(["18.20.0", "20.18.9", "20.19.0", "24.1.0"].map((version) => nodeCheck(version).state)).toEqual([
      "broken",
      "broken",
      "ok",
      "ok",
    ]);
  });
});
