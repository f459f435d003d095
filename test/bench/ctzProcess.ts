/** One `ctz up` in a process of its own: when it answered, what memory and processor time it takes. */
import {type ChildProcess, spawn} from "node:child_process";
import {openSync, readFileSync} from "node:fs";
import {join} from "node:path";
import {performance} from "node:perf_hooks";
import {setTimeout as sleep} from "node:timers/promises";
import {fileURLToPath} from "node:url";
import {ApiClient} from "@catalyze/api/client/apiClient";
import {readApiToken} from "@catalyze/daemon/home/apiToken";
import {readRunFile} from "@catalyze/daemon/home/runFile";

const CTZ = fileURLToPath(new URL("../../packages/cli/bin/ctz.js", import.meta.url));
const START_MS_MAX = 60_000;
const POLL_MS = 5;
/** Of the kernel's accounting, on every Linux that Node runs on. */
const TICKS_PER_S = 100;

export class CtzProcess {
  readonly home: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #startedAtMs = performance.now();

  constructor(home: string, flags: readonly string[]) {
    this.home = home;
    const log = openSync(`${home}.log`, "a", 0o600);
    const ports = ["--api-port", "0", "--p2p-port", "0", "--listen", "127.0.0.1"];
    this.#child = spawn(CTZ, ["up", "--home", home, ...ports, ...flags], {
      stdio: ["ignore", log, log],
    });
    // A benchmark that ends early leaves nothing running.
    process.once("exit", () => this.#child.kill("SIGKILL"));
    this.#exited = new Promise((resolve) => this.#child.once("exit", () => resolve()));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Milliseconds from the start of the process until its API answers. */
  async bound(): Promise<number> {
    return await this.#until("/healthz");
  }

  /** Milliseconds from the start of the process until it takes tasks. */
  async ready(): Promise<number> {
    return await this.#until("/readyz");
  }

  async client(): Promise<ApiClient> {
    const run = await readRunFile(join(this.home, "run.json"));
    if (run === undefined) throw new Error(`${this.home} does not run`);
    return new ApiClient({url: run.api, token: await readApiToken(join(this.home, "api.token"))});
  }

  /** Resident memory of the daemon alone, MiB. */
  rssMiB(): number {
    const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8")) ?? [];
    return Number(kib) / 1024;
  }

  /** Processor time of the daemon alone since its start. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_S;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 15_000);
    await this.#exited;
    clearTimeout(timer);
  }

  async #until(path: string): Promise<number> {
    for (;;) {
      const run = await readRunFile(join(this.home, "run.json"));
      if (run?.pid === this.pid && (await answers(run.api + path))) {
        return performance.now() - this.#startedAtMs;
      }
      if (this.#child.exitCode !== null || performance.now() - this.#startedAtMs > START_MS_MAX) {
        throw new Error(
          `ctz up did not get to ${path}: ${readFileSync(`${this.home}.log`, "utf8").slice(-800)}`,
        );
      }
      await sleep(POLL_MS);
    }
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
