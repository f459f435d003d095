import {appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {FileLog} from "@catalyze/daemon/store/fileLog";
import fc from "fast-check";
import {afterEach, beforeEach, describe, expect, it} from "vitest";

let home: string;
let path: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "ctz log "));
  path = join(home, "vouchers.log");
});
afterEach(() => rm(home, {recursive: true, force: true}));

const record = (value: number, length = 5) => new Uint8Array(length).fill(value);

async function writeLog(groups: readonly (readonly Uint8Array[])[]): Promise<void> {
  const log = await FileLog.open(path);
  for (const group of groups) await log.append(group);
  await log.close();
}

async function readLog(): Promise<readonly Uint8Array[]> {
  const log = await FileLog.open(path);
  const records = await log.read();
  await log.close();
  return records;
}

describe("FileLog", () => {
  it("keeps a prefix of whole appends wherever the file is cut", async () => {
    const groups = [[record(1)], [record(2), record(3, 0)], [record(4, 40)]];
    await writeLog(groups);
    const whole = await readFile(path);
    const sizes: number[] = [];
    for (let cut = 0; cut <= whole.length; cut++) {
      await writeFile(path, whole.subarray(0, cut));
      const records = await readLog();
      sizes.push(records.length);
      expect(records).toEqual(groups.flat().slice(0, records.length));
    }
    // A group is atomic: never one record of the second without the other.
    expect([...new Set(sizes)]).toEqual([0, 1, 3, 4]);
  });

  it("appends behind a tail that was dropped", async () => {
    await writeLog([[record(1)]]);
    await appendFile(path, Buffer.from("CTZL torn"));
    await writeLog([[record(2)]]);
    expect(await readLog()).toEqual([record(1), record(2)]);
  });

  it("drops a tail of zeros, as a file system may leave after power loss", async () => {
    await writeLog([[record(1)]]);
    const {size} = await stat(path);
    await truncate(path, size + 4096);
    expect(await readLog()).toEqual([record(1)]);
    expect((await stat(path)).size).toBe(size);
  });

  it("refuses a file with a flipped bit before the last frame, and leaves it as it is", async () => {
    await writeLog([[record(1)], [record(2)], [record(3)]]);
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({min: 0, max: Math.floor((whole.length * 2) / 3) - 1}),
        fc.integer({min: 0, max: 7}),
        async (at, bit) => {
          const damaged = Buffer.from(whole);
          damaged[at]! ^= 1 << bit;
          await writeFile(path, damaged);
          await expect(FileLog.open(path)).rejects.toMatchObject({code: "STORE_CORRUPT"});
          expect(await readFile(path)).toEqual(damaged);
        },
      ),
      {numRuns: 60},
    );
  });

  it("is readable by its owner only, also after compaction, and leaves no other file", async () => {
    const log = await FileLog.open(path);
    await log.append([record(1)]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await log.compact([record(2)]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await log.close();
    await expect(stat(`${path}.tmp`)).rejects.toThrow();
  });

  it("ignores what a crash in the middle of a compaction left", async () => {
    await writeLog([[record(1)]]);
    await writeFile(`${path}.tmp`, "half");
    expect(await readLog()).toEqual([record(1)]);
    await expect(stat(`${path}.tmp`)).rejects.toThrow();
  });

  it("fails with a code when the directory cannot be made", async () => {
    await writeFile(join(home, "file"), "");
    await expect(FileLog.open(join(home, "file", "x.log"))).rejects.toMatchObject({code: "HOME_INVALID"});
  });
});
