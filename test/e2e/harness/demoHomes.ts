/** The homes that an ended demo leaves, brought to life again as their owners would: `ctz up` in each. */
import {existsSync, readFileSync} from "node:fs";
import {join} from "node:path";
import {ApiClient} from "@catalyze/api/client/apiClient";
import type {TaskView} from "@catalyze/api/schema/task";
import {CAST} from "@catalyze/cli/demo/cast";
import type {Log} from "@catalyze/core/ports/log";
import {UCTZ_PER_CTZ} from "@catalyze/core/primitives/amount";
import {EvmNode} from "@catalyze/daemon/chain/evmNode";
import {readApiToken} from "@catalyze/daemon/home/apiToken";
import {readRunFile} from "@catalyze/daemon/home/runFile";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {expect} from "vitest";
import {childrenOf, Daemon} from "./daemon.ts";

const SILENT: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT};

const SUPPLY = CAST.reduce((sum, {balance}) => sum + balance, 0n) * UCTZ_PER_CTZ;

export class DemoHomes {
  readonly folder: string;
  readonly supply = SUPPLY;
  #daemons = new Map<string, Daemon>();
  #chain: EvmNode | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** False when the demo ended before it had started any daemon. */
  get haveRun(): boolean {
    return CAST.some(({name}) => existsSync(join(this.folder, `${name}.log`)));
  }

  get daemons(): readonly Daemon[] {
    return [...this.#daemons.values()];
  }

  daemon(name: string): Daemon {
    const daemon = this.#daemons.get(name);
    if (daemon === undefined) throw new Error(`nobody is called ${name}`);
    return daemon;
  }

  /** At genesis, µCTZ. */
  balanceOf(name: string): bigint {
    return (CAST.find((role) => role.name === name)?.balance ?? 0n) * UCTZ_PER_CTZ;
  }

  bundle(alias: string): string {
    return join(this.folder, "bundles", alias);
  }

  /** The running demo's process of this name; `undefined` while there is none. */
  pidOf(name: string): number | undefined {
    if (name === "chain") return json(join(this.folder, "chain/evm-node.json"))?.pid;
    const recorded = json(join(this.folder, "processes.json")) ?? [];
    return recorded.find((each: {name: string}) => each.name === name)?.pid;
  }

  /** Executor processes of the running demo's daemons. */
  executors(): readonly number[] {
    return CAST.flatMap(({name}) => {
      const pid = this.pidOf(name);
      return pid === undefined ? [] : childrenOf(pid);
    });
  }

  /** The tasks that the running demo's requester has acknowledged so far. */
  async acknowledged(): Promise<readonly TaskView[]> {
    const home = join(this.folder, "ria");
    try {
      const run = await readRunFile(join(home, "run.json"));
      const token = await readApiToken(join(home, "api.token"));
      const client = new ApiClient({url: run?.api ?? "", token});
      return (await client.call("taskList", {query: {limit: 1000}, timeoutMs: 2_000})).tasks;
    } catch {
      // It does not run yet, so it has acknowledged nothing.
      return [];
    }
  }

  /** All daemons at their own flags; with the chain where it was, or without any. */
  async up(hasChain: boolean): Promise<void> {
    if (hasChain) await this.#startChain();
    const [first, ...others] = CAST;
    if (first === undefined) throw new Error("nobody plays");
    await this.#spawn(first.name, first.flags, []).ready();
    const {addresses} = await this.daemon(first.name).client.call("status", {});
    for (const {name, flags} of others) this.#spawn(name, flags, addresses);
    await Promise.all(this.daemons.map((daemon) => daemon.ready()));
  }

  /** In order, as at SIGTERM. */
  async down(): Promise<void> {
    const running = this.daemons.filter(({isRunning}) => isRunning);
    for (const {code} of await Promise.all(running.map((daemon) => daemon.stop()))) expect(code).toBe(0);
    await this.#chain?.stop();
  }

  #spawn(name: string, flags: readonly string[], addresses: readonly string[]): Daemon {
    const joins = addresses.flatMap((address) => ["--join", address]);
    const daemon = new Daemon({
      home: join(this.folder, name),
      flags: ["--p2p-port", "0", ...flags, ...joins],
    });
    this.#daemons.set(name, daemon);
    return daemon.spawn();
  }

  async #startChain(): Promise<void> {
    const {rpcUrl} = json(join(this.folder, "ria/chain.json"));
    this.#chain = new EvmNode(
      {clock: new SystemClock(), log: SILENT},
      {folder: join(this.folder, "chain"), environment: process.env, port: Number(new URL(rpcUrl).port)},
    );
    await this.#chain.start();
  }
}

function json(path: string): any {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
