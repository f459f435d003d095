/**
 * A note on disk of the child process of a run, so that the next run can end it when this one dies without
 * doing so. A pid alone is not enough, pids are used again: start time and command line must fit too.
 */
import {spawnSync} from "node:child_process";
import {readFileSync} from "node:fs";
import {readFile, rm, writeFile} from "node:fs/promises";
import {setTimeout as sleep} from "node:timers/promises";
import {isRecord} from "@catalyze/core/primitives/canonicalJson";

const GONE_MS_MAX = 5_000;

export type ChildRecord = {readonly pid: number; readonly startedAt: string; readonly program: string};

/** Call right after the spawn, before anything is awaited that could take long. */
export async function recordChild(path: string, pid: number, program: string): Promise<void> {
  const facts = factsOf(pid);
  if (facts === undefined) return;
  const record: ChildRecord = {pid, startedAt: facts.startedAt, program};
  await writeFile(path, JSON.stringify(record), {mode: 0o600, flush: true});
}

/** Kills the recorded child if it still runs and really is the one. True when there was one to kill. */
export async function reapChild(path: string): Promise<boolean> {
  const record = await readRecord(path);
  if (record === undefined || !isSame(record)) {
    await rm(path, {force: true});
    return false;
  }
  process.kill(record.pid, "SIGKILL");
  for (let waitedMs = 0; isSame(record) && waitedMs < GONE_MS_MAX; waitedMs += 20) await sleep(20);
  await rm(path, {force: true});
  return true;
}

function isSame({pid, startedAt, program}: ChildRecord): boolean {
  const facts = factsOf(pid);
  return facts !== undefined && facts.startedAt === startedAt && facts.command.includes(program);
}

async function readRecord(path: string): Promise<ChildRecord | undefined> {
  try {
    const json: unknown = JSON.parse(await readFile(path, "utf8"));
    if (!isRecord(json)) return undefined;
    const {pid, startedAt, program} = json;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 1) return undefined;
    if (typeof startedAt !== "string" || typeof program !== "string" || program === "") return undefined;
    return {pid, startedAt, program};
  } catch {
    // Absent or torn: nothing is known to run.
    return undefined;
  }
}

type Facts = {readonly startedAt: string; readonly command: string};

/** `undefined` when no such process runs; one that has ended and awaits its parent does not run. */
function factsOf(pid: number): Facts | undefined {
  if (process.platform !== "linux") return factsFromPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; the fields after it are counted from the last ")".
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, startedAt] = [fields[0], fields[19]];
    if (state === "Z" || state === "X" || startedAt === undefined) return undefined;
    return {startedAt, command: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")};
  } catch {
    return undefined;
  }
}

function factsFromPs(pid: number): Facts | undefined {
  const {stdout, status} = spawnSync("ps", ["-o", "lstart=,command=", "-p", String(pid)], {encoding: "utf8"});
  // lstart has a fixed width of 24 characters.
  return status === 0 && stdout.length > 25
    ? {startedAt: stdout.slice(0, 24), command: stdout.slice(25)}
    : undefined;
}
