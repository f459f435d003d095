/**
 * One daemon per home. The lock names a process by pid and start time, so that a lock whose process died
 * is taken over even when the pid has been given to another. It appears with its content at once (a hard
 * link of a finished file), so that no reader sees half of it.
 */
import {randomBytes} from "node:crypto";
import {readFileSync} from "node:fs";
import {link, readFile, rename, rm, writeFile} from "node:fs/promises";
import {CodedError} from "@catalyze/core/errors/codedError";

export type LockHolder = {readonly pid: number; readonly startedAt: string; readonly nonce: string};

export type HomeLock = {readonly wasTakenOver: boolean; release(): Promise<void>};

/** Two daemons that race for a dead one's lock need two rounds; more than a few means a broken file system. */
const ATTEMPTS_MAX = 5;

/** Throws `HOME_LOCKED` with the pid of a living holder. */
export async function acquireHomeLock(path: string): Promise<HomeLock> {
  const mine: LockHolder = {
    pid: process.pid,
    startedAt: processStart(process.pid) ?? "unknown",
    nonce: randomBytes(8).toString("hex"),
  };
  const temporary = `${path}.${mine.nonce}`;
  await writeFile(temporary, JSON.stringify(mine), {mode: 0o600, flush: true});
  let wasTakenOver = false;
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (await linkNew(temporary, path)) return {wasTakenOver, release: () => release(path, mine)};
      await dropDead(path, mine.nonce);
      wasTakenOver = true;
    }
  } finally {
    await rm(temporary, {force: true});
  }
  throw new CodedError("HOME_LOCKED", {message: `The lock ${path} keeps changing.`});
}

async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new CodedError("HOME_INVALID", {message: `Cannot write ${to}.`, cause: error});
  }
}

/** Moves a dead holder's lock away. What was moved is checked: another taker may have been quicker. */
async function dropDead(path: string, nonce: string): Promise<void> {
  const seen = await readHolder(path);
  if (seen !== undefined) refuseLiving(seen);
  const aside = `${path}.dead.${nonce}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const moved = await readHolder(aside);
  if (moved !== undefined && moved.nonce !== seen?.nonce) {
    await linkNew(aside, path);
    await rm(aside, {force: true});
    refuseLiving(moved);
    return;
  }
  await rm(aside, {force: true});
}

function refuseLiving(holder: LockHolder): void {
  if (!isRunning(holder)) return;
  throw new CodedError("HOME_LOCKED", {
    message: `Another daemon (process ${holder.pid}) uses this home.`,
    evidence: {pid: holder.pid},
  });
}

/** Whether the process that wrote this is still the one with its pid. */
export function isRunning(holder: {readonly pid: number; readonly startedAt: string}): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const startedAt = processStart(holder.pid);
  return startedAt === undefined || holder.startedAt === "unknown" || startedAt === holder.startedAt;
}

/** Start of a process in clock ticks since boot, where the platform says (Linux). */
export function processStart(pid: number): string | undefined {
  try {
    // The name in parentheses may hold spaces; the fields after it are counted from the last ")".
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    // No /proc here: the pid alone decides.
    return undefined;
  }
}

async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    const json: unknown = JSON.parse(await readFile(path, "utf8"));
    const {pid, startedAt, nonce} = (json ?? {}) as Partial<Record<string, unknown>>;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
    if (typeof startedAt !== "string" || typeof nonce !== "string") return undefined;
    return {pid, startedAt, nonce};
  } catch {
    // Absent or torn: nobody holds it.
    return undefined;
  }
}

async function release(path: string, mine: LockHolder): Promise<void> {
  const holder = await readHolder(path);
  if (holder?.nonce === mine.nonce) await rm(path, {force: true});
}
