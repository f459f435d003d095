/** Another replicated log, run as its own package in its own process: two peers that it holds, fed from here. */
import {type ChildProcess, fork, spawnSync} from "node:child_process";
import {once} from "node:events";
import {statSync} from "node:fs";
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {fileURLToPath} from "node:url";

const FOLDER = fileURLToPath(new URL("../compare", import.meta.url));
const ANSWER_MS_MAX = 120_000;

/** Installs the other logs, unless they are there as their lock file names them. Throws when it cannot. */
export function installOtherLogs(): void {
  if (timeOf("node_modules/.package-lock.json") >= timeOf("package-lock.json")) return;
  const {status} = spawnSync("npm", ["ci"], {cwd: FOLDER, stdio: ["ignore", 2, 2]});
  if (status !== 0) throw new Error("the other logs could not be installed");
}

function timeOf(file: string): number {
  return statSync(join(FOLDER, file), {throwIfNoEntry: false})?.mtimeMs ?? 0;
}

export class OtherLog {
  readonly #child: ChildProcess;
  readonly #home: string;

  private constructor(child: ChildProcess, home: string) {
    this.#child = child;
    this.#home = home;
  }

  static async open(program: string): Promise<OtherLog> {
    const home = await mkdtemp(join(tmpdir(), "ctz-bench-other-"));
    const child = fork(join(FOLDER, program), [home], {
      serialization: "advanced",
      execArgv: [],
      stdio: ["ignore", "ignore", 2, "ipc"],
    });
    const log = new OtherLog(child, home);
    await log.#answer();
    return log;
  }

  /** Resolves when the second peer has them all. */
  async append(values: readonly Uint8Array[]): Promise<void> {
    this.#child.send({values});
    await this.#answer();
  }

  async close(): Promise<void> {
    this.#child.send({isLast: true});
    await once(this.#child, "exit");
    await rm(this.#home, {recursive: true, force: true});
  }

  async #answer(): Promise<void> {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const died = once(this.#child, "exit", {signal}).then(([code]) => {
      throw new Error(`the other log ended with ${code}`);
    });
    await Promise.race([once(this.#child, "message", {signal}), died]);
    // It may end later, in peace.
    died.catch(() => {});
  }
}
