/**
 * One daemon per home. The lock names a process by pid and start time, so that a lock whose process died
 * is taken over even when the pid has been given to another. Files appear with their content at once (a
 * hard link of a finished file), so that no reader sees half of one. To replace a dead holder's lock a
 * process must first own the claim file named after that holder, then see that the lock is still that
 * holder's: of many that race exactly one does both.
 */
import {randomBytes} from "node:crypto";
import {existsSync, readFileSync} from "node:fs";
import {link, readFile, rename, rm, writeFile} from "node:fs/promises";
import {CodedError} from "@catalyze/core/errors/codedError";

export type LockHolder = {readonly pid: number; readonly startedAt: string; readonly nonce: string};

export type HomeLock = {readonly wasTakenOver: boolean; release(): Promise<void>};

/** Each round somebody else was quicker; more than a few means a broken file system. */
const ROUNDS_MAX = 5;
/** Takers that died while they took over, one after the other. */
const CLAIMS_MAX = 8;

/** Throws `HOME_LOCKED` with the pid of a living holder. */
export async function acquireHomeLock(path: string): Promise<HomeLock> {
  const mine: LockHolder = {
    pid: process.pid,
    startedAt: processStart(process.pid) ?? "unknown",
    nonce: randomBytes(8).toString("hex"),
  };
  const temporary = `${path}.${mine.nonce}`;
  await writeFile(temporary, JSON.stringify(mine), {mode: 0o600, flush: true});
  const free = async (): Promise<void> => await release(path, mine);
  try {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      if (await linkNew(temporary, path)) return {wasTakenOver: false, release: free};
      const seen = await readHolder(path);
      if (seen !== undefined) refuseLiving(seen);
      if (await replaceDead(path, temporary, nameOf(seen))) return {wasTakenOver: true, release: free};
    }
  } finally {
    await rm(temporary, {force: true});
  }
  throw new CodedError("HOME_LOCKED", {message: `The lock ${path} keeps changing.`});
}

/** True once the lock is ours. A claim left by a taker that died is passed on like the lock itself. */
async function replaceDead(path: string, temporary: string, dead: string): Promise<boolean> {
  const claims: string[] = [];
  let last = dead;
  while (claims.length < CLAIMS_MAX) {
    const claim = `${path}.next.${last}`;
    claims.push(claim);
    if (await linkNew(temporary, claim)) return await replaceClaimed(path, temporary, {dead, claims});
    const taker = await readHolder(claim);
    if (taker === undefined) return false;
    refuseLiving(taker);
    last = taker.nonce;
  }
  return false;
}

type Claimed = {readonly dead: string; readonly claims: readonly string[]};

/** The last claim is ours: only we may replace this dead holder's lock, if it still is that one's. */
async function replaceClaimed(path: string, temporary: string, {dead, claims}: Claimed): Promise<boolean> {
  const isStillDead = existsSync(path) && nameOf(await readHolder(path)) === dead;
  if (isStillDead) await rename(temporary, path);
  // Only after the lock has changed: who comes late with an old claim sees that at its own check.
  for (const claim of isStillDead ? claims : claims.slice(-1)) await rm(claim, {force: true});
  return isStillDead;
}

/** A torn lock has no holder, and one name. */
function nameOf(holder: LockHolder | undefined): string {
  return holder?.nonce ?? "torn";
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

/** It becomes part of a file's name. */
const NONCE = /^[0-9a-f]{1,32}$/;

async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    const json: unknown = JSON.parse(await readFile(path, "utf8"));
    const {pid, startedAt, nonce} = (json ?? {}) as Partial<Record<string, unknown>>;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
    if (typeof startedAt !== "string" || typeof nonce !== "string" || !NONCE.test(nonce)) return undefined;
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
