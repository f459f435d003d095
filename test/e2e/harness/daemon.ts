/** One daemon as a process with a home, and how its owner and others see it. */
import {type ChildProcess, spawn} from "node:child_process";
import {closeSync, openSync, readdirSync, readFileSync} from "node:fs";
import {ApiClient} from "@catalyze/api/client/apiClient";
import type {TaskHeader, TaskView} from "@catalyze/api/schema/task";
import {readApiToken} from "@catalyze/daemon/home/apiToken";
import {type HomeLayout, homeLayout} from "@catalyze/daemon/home/homePath";
import {readRunFile} from "@catalyze/daemon/home/runFile";
import {type CliOptions, type CliResult, CTZ, cleanEnv, ctz} from "./cli.ts";
import {until} from "./until.ts";

export type DaemonSpec = {
  readonly home: string;
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

export type Exit = {readonly code: number | null; readonly signal: NodeJS.Signals | null};

const READY_MS = 90_000;

/** Tests that fail half-way must not leave daemons behind. */
const alive = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

export class Daemon {
  readonly layout: HomeLayout;
  readonly #spec: DaemonSpec;
  readonly logFile: string;
  #child: ChildProcess | undefined;
  #exit: Promise<Exit> | undefined;
  #client: ApiClient | undefined;

  constructor(spec: DaemonSpec) {
    this.#spec = spec;
    this.layout = homeLayout(spec.home);
    this.logFile = `${spec.home}.out`;
  }

  get home(): string {
    return this.#spec.home;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.home} does not run`);
    return pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get client(): ApiClient {
    if (this.#client === undefined) throw new Error(`${this.home} is not ready`);
    return this.#client;
  }

  spawn(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): this {
    const out = openSync(this.logFile, "a", 0o600);
    const args = [CTZ, "up", "--home", this.home, "--listen", "127.0.0.1", "--api-port", "0", "--no-mdns"];
    const child = spawn(process.execPath, [...args, "--slots", "1", ...this.#spec.flags, ...flags], {
      stdio: ["ignore", out, out],
      env: cleanEnv({...this.#spec.env, ...env}),
    });
    closeSync(out);
    alive.add(child);
    this.#child = child;
    this.#client = undefined;
    this.#exit = new Promise((resolve) =>
      child.once("exit", (code, signal) => {
        alive.delete(child);
        resolve({code, signal});
      }),
    );
    return this;
  }

  /** As soon as the API is bound, ready or not. */
  async bound(): Promise<ApiClient> {
    return await until(
      `${this.home} binds its API\n${this.tail()}`,
      async () => {
        this.#throwIfEnded();
        const run = await readRunFile(this.layout.run);
        const token = await readApiToken(this.layout.apiToken);
        if (run?.pid !== this.pid || token === undefined) return undefined;
        this.#client = new ApiClient({url: run.api, token});
        return this.#client;
      },
      READY_MS,
    );
  }

  async ready(): Promise<this> {
    const client = await this.bound();
    await until(
      `${this.home} is ready\n${this.tail()}`,
      async () => {
        this.#throwIfEnded();
        return await client.call("readyz", {}).then(
          ({isReady}) => isReady,
          () => false,
        );
      },
      READY_MS,
    );
    return this;
  }

  /** Where its API is and what opens it, once it is bound. */
  async door(): Promise<{readonly api: string; readonly token: string}> {
    const run = await readRunFile(this.layout.run);
    const token = await readApiToken(this.layout.apiToken);
    if (run === undefined || token === undefined) throw new Error(`${this.home} is not bound`);
    return {api: run.api, token};
  }

  /** A command of this home, with `--json`. */
  async ctz(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    return await ctz([...args, "--home", this.home, "--json"], {
      ...options,
      env: {...this.#spec.env, ...options.env},
    });
  }

  /** Submits a task without waiting. Its id. */
  async submit(header: TaskHeader, input: Uint8Array): Promise<string> {
    return (await this.client.upload("taskCreate", {...header, input})).taskId;
  }

  async run(header: TaskHeader, input: Uint8Array): Promise<TaskView> {
    return await this.taskEnd(await this.submit(header, input));
  }

  /** The ended task. */
  async taskEnd(id: string, withinMs = 120_000): Promise<TaskView> {
    return await until(
      `task ${id} ends`,
      async () => {
        const task = await this.client.call("taskShow", {params: {id}});
        return task.state !== "open" && task;
      },
      withinMs,
    );
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async exited(withinMs = 60_000): Promise<Exit> {
    const exit = this.#exit;
    if (exit === undefined) throw new Error(`${this.home} was never started`);
    let ended: Exit | undefined;
    void exit.then((value) => {
      ended = value;
    });
    return await until(`${this.home} ends\n${this.tail()}`, () => ended, withinMs);
  }

  /** SIGKILL: no goodbye. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited();
  }

  /** SIGTERM, and what came of it. */
  async stop(): Promise<Exit> {
    this.signal("SIGTERM");
    return await this.exited();
  }

  /** Direct children: the executor processes. */
  executors(): readonly number[] {
    return childrenOf(this.pid);
  }

  /** The last lines that it printed. */
  tail(lines = 20): string {
    try {
      return readFileSync(this.logFile, "utf8").split("\n").slice(-lines).join("\n");
    } catch {
      return "";
    }
  }

  #throwIfEnded(): void {
    if (!this.isRunning) throw new Error(`${this.home} ended:\n${this.tail()}`);
  }
}

/** Children of a process, and theirs (Linux). */
export function childrenOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const found: number[] = [];
  const look = (parent: number) => {
    for (const [child, of] of parents) {
      if (of !== parent || found.includes(child)) continue;
      found.push(child);
      look(child);
    }
  };
  look(pid);
  return found;
}
