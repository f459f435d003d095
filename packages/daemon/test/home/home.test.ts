import {spawn, spawnSync} from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {ensureApiToken, readApiToken} from "../../src/home/apiToken.ts";
import {ensureHome} from "../../src/home/ensureHome.ts";
import {acquireHomeLock, processStart} from "../../src/home/homeLock.ts";
import {resolveHome} from "../../src/home/homePath.ts";
import {readRunFile, removeRunFile, writeRunFile} from "../../src/home/runFile.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ctz home "));
});
afterEach(() => rmSync(folder, {recursive: true, force: true}));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("where a home is", () => {
  it("flag before CTZ_HOME before the platform's place", () => {
    const env = {CTZ_HOME: "/env home", XDG_DATA_HOME: "/xdg"};
    expect(resolveHome("/flag", env)).toBe("/flag");
    expect(resolveHome(undefined, env)).toBe("/env home");
    if (process.platform === "linux") {
      expect(resolveHome(undefined, {XDG_DATA_HOME: "/xdg"})).toBe("/xdg/catalyze");
      expect(resolveHome(undefined, {XDG_DATA_HOME: "relative"})).toMatch(/\/\.local\/share\/catalyze$/);
    }
    expect(resolveHome("relative", {})).toBe(join(process.cwd(), "relative"));
  });
});

describe("ensureHome", () => {
  it("makes a private directory, in a path with spaces, and closes one that was open", async () => {
    const home = join(folder, "a b", "c");
    await ensureHome(home);
    expect(modeOf(home)).toBe(0o700);
    writeFileSync(join(home, "config.json"), "{}");
    chmodSync(home, 0o755);
    await ensureHome(home);
    expect(modeOf(home)).toBe(0o700);
  });

  it("never touches a directory that is something else", async () => {
    const home = join(folder, "documents");
    mkdirSync(home, {mode: 0o755});
    writeFileSync(join(home, "letter.txt"), "");
    await expect(ensureHome(home)).rejects.toMatchObject({code: "HOME_INVALID"});
    expect(modeOf(home)).toBe(0o755);
  });

  it("says why a path cannot serve", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    await expect(ensureHome(file)).rejects.toMatchObject({
      code: "HOME_INVALID",
      message: expect.stringContaining("not a directory"),
    });
    await expect(ensureHome(join(file, "x"))).rejects.toMatchObject({code: "HOME_INVALID"});
    if (process.getuid?.() !== 0) {
      const closed = join(folder, "closed");
      mkdirSync(closed, {mode: 0o500});
      await expect(ensureHome(join(closed, "x"))).rejects.toMatchObject({
        message: expect.stringContaining("not writable"),
      });
    }
  });
});

describe("the lock", () => {
  const lockPath = (): string => join(folder, "lock");

  it("is held by one and free after its release", async () => {
    const lock = await acquireHomeLock(lockPath());
    await expect(acquireHomeLock(lockPath())).rejects.toMatchObject({
      code: "HOME_LOCKED",
      evidence: {pid: process.pid},
    });
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
    await (await acquireHomeLock(lockPath())).release();
  });

  it("of a dead process is taken over, also when its pid lives on in another process", async () => {
    const dead = spawnSync("true").pid;
    const writeLock = (pid: number, startedAt: string): void =>
      writeFileSync(lockPath(), JSON.stringify({pid, startedAt, nonce: "dead00"}));
    const cases: [number, string][] = [
      [dead, "unknown"],
      [dead, "5"],
    ];
    if (processStart(process.pid) !== undefined) cases.push([process.pid, "1"]);
    for (const [pid, startedAt] of cases) {
      writeLock(pid, startedAt);
      const lock = await acquireHomeLock(lockPath());
      expect(lock.wasTakenOver).toBe(true);
      await lock.release();
    }
    for (const torn of ["", "{", '{"pid":-1}', "null"]) {
      writeFileSync(lockPath(), torn);
      await (await acquireHomeLock(lockPath())).release();
    }
  });

  it("of a living process is not, whoever started it", async () => {
    const child = spawn("sleep", ["30"]);
    try {
      const pid = child.pid ?? 0;
      const startedAt = processStart(pid) ?? "unknown";
      writeFileSync(lockPath(), JSON.stringify({pid, startedAt, nonce: "a11e"}));
      await expect(acquireHomeLock(lockPath())).rejects.toMatchObject({code: "HOME_LOCKED"});
      expect(JSON.parse(readFileSync(lockPath(), "utf8")).nonce).toBe("a11e");
    } finally {
      child.kill();
    }
  });

  it("goes to exactly one of many that race for a dead one", async () => {
    for (let round = 0; round < 20; round += 1) {
      writeFileSync(lockPath(), JSON.stringify({pid: 2 ** 22 + 1, startedAt: "1", nonce: "dead00"}));
      const tries = await Promise.allSettled(Array.from({length: 8}, () => acquireHomeLock(lockPath())));
      const won = tries.filter((result) => result.status === "fulfilled");
      expect(won.length).toBe(1);
      await won[0]?.value.release();
      expect(readdirSync(folder)).toEqual([]);
    }
  });
});

describe("a taker that died in between", () => {
  it("passes its claim on, and leaves nothing behind", async () => {
    const path = join(folder, "lock");
    const dead = (nonce: string): string => JSON.stringify({pid: 2 ** 22 + 1, startedAt: "1", nonce});
    writeFileSync(path, dead("aa"));
    writeFileSync(`${path}.next.aa`, dead("bb"));
    writeFileSync(`${path}.next.bb`, dead("cc"));
    const tries = await Promise.allSettled(Array.from({length: 8}, () => acquireHomeLock(path)));
    const won = tries.filter((result) => result.status === "fulfilled");
    expect(won.length).toBe(1);
    await won[0]?.value.release();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("run.json and the token", () => {
  it("names the daemon while it lives", async () => {
    const path = join(folder, "run.json");
    const run = {
      v: 1,
      api: "http://127.0.0.1:5150",
      pid: process.pid,
      startedAt: "now",
      version: "0.1.0",
    } as const;
    await writeRunFile(path, run);
    expect(await readRunFile(path)).toEqual(run);
    expect(modeOf(path)).toBe(0o600);
    await writeRunFile(path, {...run, pid: spawnSync("true").pid});
    expect(await readRunFile(path)).toBeUndefined();
    for (const torn of ["", "{", "null", '{"api":5}']) {
      writeFileSync(path, torn);
      expect(await readRunFile(path)).toBeUndefined();
    }
    await removeRunFile(path);
    await removeRunFile(path);
    expect(existsSync(path)).toBe(false);
  });

  it("is one token, private, the same for all who ask first", async () => {
    const path = join(folder, "api.token");
    expect(await readApiToken(path)).toBeUndefined();
    const tokens = await Promise.all(Array.from({length: 5}, () => ensureApiToken(path)));
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(modeOf(path)).toBe(0o600);
    chmodSync(path, 0o644);
    expect(await ensureApiToken(path)).toBe(tokens[0]);
    expect(modeOf(path)).toBe(0o600);
    writeFileSync(path, "short");
    await expect(ensureApiToken(path)).rejects.toMatchObject({code: "HOME_INVALID"});
  });
});
