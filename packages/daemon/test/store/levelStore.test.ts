import {createHash} from "node:crypto";
import {mkdtemp, readdir, readFile, rm, writeFile} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {utf8} from "@catalyze/core/primitives/bytes";
import {LevelStore} from "@catalyze/daemon/store/levelStore";
import {storeError} from "@catalyze/daemon/store/storeError";
import {afterEach, beforeEach, describe, expect, it} from "vitest";

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "ctz store "));
});
afterEach(() => rm(path, {recursive: true, force: true}));

async function digest(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(path)).sort()) hash.update(name).update(await readFile(join(path, name)));
  return hash.digest("hex");
}

describe("LevelStore", () => {
  it("leaves a database of a newer schema untouched, to the byte", async () => {
    const store = await LevelStore.open(path);
    await store.write([{key: "a", value: utf8("1")}], {sync: true});
    await store.close();
    await writeFile(join(path, "SCHEMA"), "999\n");
    const before = await digest();
    await expect(LevelStore.open(path)).rejects.toMatchObject({code: "SCHEMA_NEWER"});
    expect(await digest()).toBe(before);
  });

  it("refuses a newer schema that only the key tells, and frees the lock", async () => {
    const store = await LevelStore.open(path);
    await store.write([{key: "meta/schema", value: utf8("2")}], {sync: true});
    await store.close();
    await expect(LevelStore.open(path)).rejects.toMatchObject({code: "SCHEMA_NEWER", evidence: {found: 2}});
    await expect(LevelStore.open(path)).rejects.toMatchObject({code: "SCHEMA_NEWER"});
  });

  it("says how much of the disk it takes", async () => {
    const store = await LevelStore.open(path);
    const before = await store.sizeBytes();
    await store.write([{key: "a", value: new Uint8Array(100_000)}], {sync: true});
    expect((await store.sizeBytes()) - before).toBeGreaterThan(100_000);
    await store.close();
  });

  it("says HOME_LOCKED to a second opener", async () => {
    const store = await LevelStore.open(path);
    await expect(LevelStore.open(path)).rejects.toMatchObject({code: "HOME_LOCKED"});
    await store.close();
    await (await LevelStore.open(path)).close();
  });

  it("says STORE_CORRUPT when the disk lies", async () => {
    const store = await LevelStore.open(path);
    await store.write([{key: "a", value: new Uint8Array(10_000).fill(1)}], {sync: true});
    await store.close();
    await (await LevelStore.open(path)).close();
    const tables = (await readdir(path)).filter((name) => name.endsWith(".ldb"));
    expect(tables.length).toBeGreaterThan(0);
    for (const name of tables) {
      const bytes = await readFile(join(path, name));
      for (let at = 0; at < Math.min(200, bytes.length - 60); at++) bytes[at]! ^= 0xff;
      await writeFile(join(path, name), bytes);
    }
    const read = async () => {
      const damaged = await LevelStore.open(path);
      try {
        return await damaged.range("");
      } finally {
        await damaged.close();
      }
    };
    await expect(read()).rejects.toMatchObject({code: "STORE_CORRUPT"});
  });
});

describe("storeError", () => {
  it.each([
    [new Error("IO error: 000005.log: No space left on device"), "STORE_FULL"],
    [Object.assign(new Error("write"), {code: "ENOSPC"}), "STORE_FULL"],
    [new Error("open", {cause: Object.assign(new Error("x"), {code: "LEVEL_LOCKED"})}), "HOME_LOCKED"],
    [new Error("Corruption: bad entry in block"), "STORE_CORRUPT"],
    [Object.assign(new Error("x"), {code: "EACCES"}), "HOME_INVALID"],
    [new Error("something else"), "INTERNAL"],
  ])("%s is %s", (error, code) => {
    expect(storeError(error).code).toBe(code);
  });
});
