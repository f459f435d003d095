/** `run.json`: how a client finds the daemon of a home. Written once the API is bound, removed at a clean stop. */
import {readFile, rename, rm, writeFile} from "node:fs/promises";
import {isRunning} from "./homeLock.ts";

export type RunFile = {
  readonly v: 1;
  /** Such as `http://127.0.0.1:5150`. */
  readonly api: string;
  readonly pid: number;
  /** ISO time, for people. */
  readonly startedAt: string;
  readonly version: string;
};

export async function writeRunFile(path: string, run: RunFile): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(run, null, 2)}\n`, {mode: 0o600, flush: true});
  await rename(temporary, path);
}

/** `undefined` when there is none, it is not readable, or its process is gone. */
export async function readRunFile(path: string): Promise<RunFile | undefined> {
  try {
    const run = JSON.parse(await readFile(path, "utf8")) as Partial<RunFile>;
    if (typeof run.api !== "string" || typeof run.pid !== "number") return undefined;
    if (!isRunning({pid: run.pid, startedAt: "unknown"})) return undefined;
    return {v: 1, api: run.api, pid: run.pid, startedAt: run.startedAt ?? "", version: run.version ?? ""};
  } catch {
    // A dead or half-written file is as good as none: the caller says that no daemon answers.
    return undefined;
  }
}

export async function removeRunFile(path: string): Promise<void> {
  await rm(path, {force: true});
}
