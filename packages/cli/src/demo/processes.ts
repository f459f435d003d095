/**
 * The demo's child processes. Each is written to a file with its start time before the demo goes on, so
 * that a later run finds and ends what a crashed one left, and never a stranger that got the same pid.
 */
import {type ChildProcess, spawn} from "node:child_process";
import {existsSync, openSync, readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Death} from "./deaths.ts";

type Recorded = {readonly name: string; readonly pid: number; readonly startedAt: string};

type Entry = {readonly child: ChildProcess; readonly recorded: Recorded; isEndAsked: boolean};

export type SpawnRequest = {
  readonly name: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Outlives the demo (`--keep`). */
  readonly isDetached: boolean;
};

const STOP_MS = 8_000;

/** The kernel's start time of a process: with the pid it names one process for ever. Linux only; else empty. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return existsSync("/proc/self/stat") ? undefined : "";
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export class DemoProcesses {
  readonly #file: string;
  readonly #onDeath: (death: Death) => void;
  readonly #running = new Map<string, Entry>();
  #isStopped = false;

  /** `onDeath` hears of each process that ends without being asked to. */
  constructor(folder: string, onDeath: (death: Death) => void) {
    this.#file = join(folder, "processes.json");
    this.#onDeath = onDeath;
  }

  /** Ends what an earlier run left. The names of those ended. */
  async reap(): Promise<string[]> {
    if (!existsSync(this.#file)) return [];
    const left = readRecorded(this.#file).filter(
      ({pid, startedAt}) => isAlive(pid) && startTimeOf(pid) === startedAt,
    );
    for (const {pid} of left) signal(pid, "SIGTERM");
    await waitUntil(() => left.every(({pid}) => !isAlive(pid)), STOP_MS);
    for (const {pid, startedAt} of left) if (startTimeOf(pid) === startedAt) signal(pid, "SIGKILL");
    writeFileSync(this.#file, "[]");
    return left.map(({name}) => name);
  }

  /** Throws once all were stopped: an act that was under way then must not bring one back. */
  spawn(request: SpawnRequest): ChildProcess {
    if (this.#isStopped) throw new CodedError("TASK_CANCELLED", {message: "The demo is stopping."});
    const log = openSync(request.logFile, "a", 0o600);
    const child = spawn(process.execPath, [...request.args], {
      stdio: request.isDetached ? ["ignore", log, log] : ["ignore", log, log, "ipc"],
      detached: request.isDetached,
      env: {...process.env, NO_COLOR: "1", ...request.env},
    });
    const pid = child.pid;
    if (pid === undefined) throw new Error(`could not start ${request.name}`);
    if (request.isDetached) child.unref();
    const {name, logFile} = request;
    const entry = {child, recorded: {name, pid, startedAt: startTimeOf(pid) ?? ""}, isEndAsked: false};
    child.once("exit", (code, signal) => {
      if (!entry.isEndAsked && !this.#isStopped) this.#onDeath({name, code, signal, logFile});
    });
    this.#running.set(name, entry);
    this.#record();
    return child;
  }

  isRunning(name: string): boolean {
    const entry = this.#running.get(name);
    return entry !== undefined && entry.child.exitCode === null && entry.child.signalCode === null;
  }

  /** SIGKILL: no goodbye, as when a machine loses power. */
  async kill(name: string): Promise<void> {
    const entry = this.#running.get(name);
    // One that has ended already says so no second time.
    if (entry === undefined || !this.isRunning(name)) return;
    entry.isEndAsked = true;
    const gone = new Promise<void>((resolve) => entry.child.once("exit", () => resolve()));
    entry.child.kill("SIGKILL");
    await gone;
    this.#running.delete(name);
    this.#record();
  }

  /** SIGTERM to all, SIGKILL to those that do not end. */
  async stopAll(): Promise<void> {
    this.#isStopped = true;
    const running = [...this.#running.values()].filter(({recorded}) => this.isRunning(recorded.name));
    for (const {child} of running) child.kill("SIGTERM");
    await waitUntil(() => running.every(({recorded}) => !this.isRunning(recorded.name)), STOP_MS);
    for (const {child, recorded} of running) if (this.isRunning(recorded.name)) child.kill("SIGKILL");
    this.#running.clear();
    this.#record();
  }

  #record(): void {
    writeFileSync(this.#file, JSON.stringify([...this.#running.values()].map(({recorded}) => recorded)));
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself in between.
  }
}

function readRecorded(file: string): Recorded[] {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(parsed) ? parsed.filter(isRecorded) : [];
  } catch {
    // A torn file names nobody that we could end safely.
    return [];
  }
}

function isRecorded(value: unknown): value is Recorded {
  const entry = value as Recorded;
  return (
    typeof entry?.name === "string" && Number.isInteger(entry.pid) && typeof entry.startedAt === "string"
  );
}

/** Polls, because processes of an earlier run are not our children. False when time ran out. */
export async function waitUntil(
  check: () => boolean | Promise<boolean>,
  ms: number,
  everyMs = 50,
): Promise<boolean> {
  const until = performance.now() + ms;
  for (;;) {
    if (await check()) return true;
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
