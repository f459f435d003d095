import {chmod, mkdtemp, readdir, readFile, rm, stat, writeFile} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {exportBackup, importBackup, restoreKeystore} from "../../src/identity/backup.ts";
import {ensureKeystore, markRecovered, openKeystore} from "../../src/identity/keystore.ts";
import {generateNodeKeys, isNodeKeys, KEY_NAMES} from "../../src/identity/nodeKeys.ts";
import {readPassphrase} from "../../src/identity/passphrase.ts";
import {encodeSealedFile} from "../../src/identity/sealedFile.ts";

const PASSPHRASE = Buffer.from("correct horse battery staple");
const OTHER = Buffer.from("incorrect horse battery staple");
/** Cheap on purpose; one test below uses the real cost. */
const CHEAP = {costLog2: 10};

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ctz keys "));
  path = join(folder, "keystore.json");
});
afterEach(() => rm(folder, {recursive: true}));

describe("keystore", () => {
  it("makes four different keys once, for the owner only, and opens the same ones again", async () => {
    const made = await ensureKeystore(path, PASSPHRASE, CHEAP);
    expect(made).toMatchObject({isNew: true, isRecovering: false});
    expect(new Set(KEY_NAMES.map((name) => Buffer.from(made.keys[name]).toString("hex"))).size).toBe(4);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["keystore.json"]);

    const again = await ensureKeystore(path, PASSPHRASE, CHEAP);
    expect(again).toEqual({keys: made.keys, isRecovering: false, isNew: false});
  });

  it("shows no key in the file", async () => {
    const {keys} = await ensureKeystore(path, PASSPHRASE, CHEAP);
    const text = await readFile(path, "utf8");
    for (const key of Object.values(keys)) {
      expect(text).not.toContain(Buffer.from(key).toString("hex"));
      expect(text).not.toContain(Buffer.from(key).toString("base64"));
    }
  });

  it("costs what the design says by default, without holding up the event loop", async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 5);
    await ensureKeystore(path, PASSPHRASE);
    clearInterval(timer);
    expect(JSON.parse(await readFile(path, "utf8")).sealed.kdf).toMatchObject({costLog2: 17, r: 8, p: 1});
    expect(turns).toBeGreaterThan(3);
  });

  it("tells a wrong passphrase from a damaged file", async () => {
    await ensureKeystore(path, PASSPHRASE, CHEAP);
    await expect(openKeystore(path, OTHER)).rejects.toMatchObject({code: "PASSPHRASE_WRONG"});

    const bytes = await readFile(path);
    for (const at of [0, 30, 200, Math.floor(bytes.length / 2), bytes.length - 80]) {
      const damaged = Buffer.from(bytes);
      damaged[at] = damaged[at]! ^ 0x01;
      await writeFile(path, damaged);
      await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({code: "KEYSTORE_INVALID"});
    }
    for (const length of [0, 1, 100, bytes.length - 2]) {
      await writeFile(path, bytes.subarray(0, length));
      await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({code: "KEYSTORE_INVALID"});
    }
  });

  it("refuses secrets that were moved to another name, even with a fitting checksum", async () => {
    await ensureKeystore(path, PASSPHRASE, CHEAP);
    const {sealed} = JSON.parse(await readFile(path, "utf8"));
    const swapped = {...sealed.secrets, account: sealed.secrets.witness, witness: sealed.secrets.account};
    const file = {
      format: "ctz-keystore",
      isRecovering: false,
      sealed: {...sealed, secrets: swapped},
    } as const;
    await writeFile(path, encodeSealedFile(file));
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({code: "KEYSTORE_INVALID"});
  });

  it("refuses work factors that would take the machine, and later versions", async () => {
    await ensureKeystore(path, PASSPHRASE, CHEAP);
    const json = JSON.parse(await readFile(path, "utf8"));
    const {sealed} = json;
    for (const kdf of [{costLog2: 40}, {costLog2: 1}, {costLog2: 10.5}, {r: 1024}, {p: 64}, {name: "none"}]) {
      const file = {
        format: "ctz-keystore",
        isRecovering: false,
        sealed: {...sealed, kdf: {...sealed.kdf, ...kdf}},
      };
      await writeFile(path, encodeSealedFile(file as never));
      await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({code: "KEYSTORE_INVALID"});
    }
    await writeFile(path, JSON.stringify({...json, version: 2}));
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({code: "SCHEMA_NEWER"});
  });

  it("closes a file that others could read", async () => {
    await ensureKeystore(path, PASSPHRASE, CHEAP);
    await chmod(path, 0o644);
    await openKeystore(path, PASSPHRASE);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});

describe("backup", () => {
  const proofs = Buffer.from("proofs");

  it("restores keys and proofs into an empty home, which then recovers before it signs", async () => {
    const {keys} = await ensureKeystore(path, PASSPHRASE, CHEAP);
    const bytes = await exportBackup({keys, exitProofs: proofs}, OTHER, CHEAP);
    const restored = await importBackup(bytes, OTHER);
    expect(restored.keys).toEqual(keys);
    expect(Buffer.from(restored.exitProofs)).toEqual(proofs);

    const elsewhere = join(folder, "other.json");
    await restoreKeystore(elsewhere, PASSPHRASE, {keys, ...CHEAP});
    expect(await openKeystore(elsewhere, PASSPHRASE)).toEqual({keys, isRecovering: true, isNew: false});
    await markRecovered(elsewhere);
    expect(await openKeystore(elsewhere, PASSPHRASE)).toMatchObject({keys, isRecovering: false});
  });

  it("never replaces a keystore, and is not one", async () => {
    const {keys} = await ensureKeystore(path, PASSPHRASE, CHEAP);
    await expect(restoreKeystore(path, PASSPHRASE, {keys, ...CHEAP})).rejects.toMatchObject({
      code: "HOME_INVALID",
    });
    const bytes = await exportBackup({keys, exitProofs: new Uint8Array()}, PASSPHRASE, CHEAP);
    expect((await importBackup(bytes, PASSPHRASE)).exitProofs).toHaveLength(0);
    await writeFile(path, bytes);
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({code: "KEYSTORE_INVALID"});
  });

  it("ends in a code for a wrong passphrase, damage, or any other bytes", async () => {
    const bytes = await exportBackup({keys: generateNodeKeys(), exitProofs: proofs}, PASSPHRASE, CHEAP);
    await expect(importBackup(bytes, OTHER)).rejects.toMatchObject({code: "PASSPHRASE_WRONG"});
    const rest = ["", "{}", "null", "[1]", "\u{1}\u{2}", '{"format":"ctz-backup"}'].map((text) =>
      Buffer.from(text),
    );
    for (const wrong of [bytes.subarray(0, 90), ...rest]) {
      await expect(importBackup(wrong, PASSPHRASE)).rejects.toMatchObject({code: "KEYSTORE_INVALID"});
    }
  });
});

describe("passphrase", () => {
  it("is made once for the owner, or read from the file that the operator names", async () => {
    const generated = join(folder, "passphrase");
    const first = await readPassphrase({stated: undefined, generated});
    expect(first).toMatchObject({isGenerated: true, isExposed: false});
    expect(first.bytes.length).toBeGreaterThanOrEqual(43);
    expect((await readPassphrase({stated: "", generated})).bytes).toEqual(first.bytes);

    const stated = join(folder, "mine");
    await writeFile(stated, "pass phrase \r\n", {mode: 0o644});
    const mine = await readPassphrase({stated, generated});
    expect(Buffer.from(mine.bytes).toString()).toBe("pass phrase ");
    expect(mine).toMatchObject({isGenerated: false, isExposed: true});
  });

  it("refuses an absent or empty file by name", async () => {
    const generated = join(folder, "passphrase");
    await writeFile(join(folder, "empty"), "\n");
    for (const stated of [join(folder, "absent"), join(folder, "empty"), folder]) {
      await expect(readPassphrase({stated, generated})).rejects.toMatchObject({code: "CONFIG_INVALID"});
    }
  });
});

describe("node keys", () => {
  it("must be the four, 32 bytes each, with an EVM secret inside the curve's order", () => {
    const keys = generateNodeKeys();
    expect(isNodeKeys(keys)).toBe(true);
    expect(isNodeKeys({...keys, evm: new Uint8Array(32)})).toBe(false);
    expect(isNodeKeys({...keys, evm: new Uint8Array(32).fill(255)})).toBe(false);
    expect(isNodeKeys({...keys, peer: new Uint8Array(31)})).toBe(false);
    expect(isNodeKeys({...keys, more: new Uint8Array(32)})).toBe(false);
    const {peer: _, ...three} = keys;
    expect(isNodeKeys(three)).toBe(false);
  });
});
