/** The built `ctz` as a person or a script runs it: a process, its exit code, its two streams. */
import {type ChildProcess, spawn} from "node:child_process";
import {fileURLToPath} from "node:url";

export const CTZ = fileURLToPath(new URL("../../../packages/cli/bin/ctz.js", import.meta.url));

export type CliResult = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of stdout, when it is JSON. */
  readonly json: any;
};

export type CliOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  readonly cwd?: string;
  readonly timeoutMs?: number;
};

/** Nothing of the caller's settings reaches the process. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([key, value]) => value !== undefined && /^(PATH|HOME|USER|TMPDIR|LANG|LC_.*)$/.test(key),
  ) as [string, string][];
  return {...Object.fromEntries(kept), ...extra};
}

const TIMEOUT_MS = 120_000;

/** Runs one command to its end; SIGKILL when it takes too long. */
export async function ctz(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawn(process.execPath, [CTZ, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: cleanEnv(options.env),
    ...(options.cwd === undefined ? {} : {cwd: options.cwd}),
  });
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");
  return await ended(child, options.timeoutMs ?? TIMEOUT_MS);
}

/** What a spawned command says until it ends. */
export async function ended(child: ChildProcess, timeoutMs: number): Promise<CliResult> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
    });
    return {code, signal, stdout, stderr, json: lastJson(stdout)};
  } finally {
    clearTimeout(timer);
  }
}

function lastJson(text: string): unknown {
  try {
    return JSON.parse(text.trim().split("\n").at(-1) ?? "");
  } catch {
    return undefined;
  }
}
