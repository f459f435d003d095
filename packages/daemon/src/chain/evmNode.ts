/**
 * The embedded EVM node of demo and devnet: anvil as a child process that never outlives us.
 *
 * It mines on demand, since its automatic mining loses transactions under load: this class looks into the
 * pool a few times a second and mines when something waits, whoever sent it. Two empty blocks follow, so
 * that the `finalized` tag, which is two blocks behind here, reaches the last transaction, and two more
 * later, so that the chain's clock passes the challenge window of a demo.
 *
 * Its state is ours to keep: dumped after each burst of blocks, replaced atomically, two generations.
 */
import {type ChildProcess, spawn} from "node:child_process";
import {mkdir, rm} from "node:fs/promises";
import {join} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import {isRecord} from "@catalyze/core/primitives/canonicalJson";
import {reapChild, recordChild} from "./childRecord.ts";
import {type Environment, findAnvil, onPath} from "./findAnvil.ts";
import {jsonRpc} from "./jsonRpc.ts";
import {saveState, usableState} from "./stateFile.ts";

export const CHAIN_ID_EMBEDDED = 31_337;
const START_MS_MAX = 15_000;
const STOP_MS_MAX = 5_000;
const POOL_INTERVAL_MS = 200;
/** `finalized` is this many blocks behind with one slot an epoch. */
const BLOCKS_TO_FINAL = 2;
const FOLLOW_UP_MS = [6_000, 61_000] as const;
const LOG_TAIL_BYTES = 2_000;
const PID_FILE = "evm-node.json";

export type EvmNodeComponents = {readonly clock: Clock; readonly log: Log};

export type EvmNodeOptions = {
  /** State, pid file and whatever anvil writes; made when absent. */
  readonly folder: string;
  readonly environment: Environment;
  /** 0, the default: any free one. */
  readonly port?: number;
  readonly chainId?: number;
  /** False in tests that mine by hand. */
  readonly isMiningOnDemand?: boolean;
  /** Called when it has started and then ends without `stop()`. */
  readonly onEnded?: (exit: EvmNodeExit) => void;
};

export type EvmNodeExit = {readonly code: number | null; readonly signal: NodeJS.Signals | null};

export class EvmNode {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #options: EvmNodeOptions;
  #child: ChildProcess | undefined;
  #url: string | undefined;
  #isStopping = false;
  #cancelPoll: (() => void) | undefined;
  #polling: Promise<void> | undefined;
  #saving: Promise<void> = Promise.resolve();
  #blocksToFinal = 0;
  /** When the later empty blocks are due. */
  #followUps: readonly number[] = [];

  constructor({clock, log}: EvmNodeComponents, options: EvmNodeOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#options = options;
  }

  /** Ends what an earlier run left in this folder. True when there was something to end. */
  static async reap(folder: string): Promise<boolean> {
    return await reapChild(join(folder, PID_FILE));
  }

  /** Where it listens, on loopback only. */
  get url(): string {
    if (this.#url === undefined) throw new CodedError("STARTING");
    return this.#url;
  }

  /** `undefined` when not running. */
  get pid(): number | undefined {
    return this.#url === undefined ? undefined : this.#child?.pid;
  }

  /** Ends what an earlier run left, starts the node from its last state. Throws `TOOL_MISSING` or `CHAIN_UNREACHABLE`. */
  async start(): Promise<void> {
    const {folder, environment} = this.#options;
    const program = findAnvil(environment);
    await mkdir(folder, {recursive: true, mode: 0o700});
    if (await reapChild(this.#pidFile)) this.#log.warn("ended the EVM node of an earlier run");
    const state = await usableState(this.#stateFile);
    const child = this.#spawn(program, state);
    this.#child = child;
    try {
      const port = await this.#listeningPort(child, program);
      this.#url = `http://127.0.0.1:${port}`;
      await jsonRpc(this.#url, "eth_chainId");
      // It answers for the state of blocks of this run only: the finalized one must be among them.
      if (state !== undefined && this.#options.isMiningOnDemand !== false)
        await this.mine(BLOCKS_TO_FINAL + 1);
    } catch (error) {
      await this.#kill(child);
      throw error;
    }
    if (this.#options.isMiningOnDemand !== false) this.#schedulePoll(POOL_INTERVAL_MS);
  }

  /** Saves the state, ends the process, and returns once it is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelPoll?.();
    await this.#polling;
    const child = this.#child;
    if (child === undefined) return;
    if (this.#url !== undefined) {
      await this.save().catch((error: unknown) => this.#log.error("EVM state not saved", {error}));
    }
    this.#url = undefined;
    await this.#kill(child);
  }

  /** Looks at the pool now instead of at the next turn. */
  poke(): void {
    if (this.#isStopping || this.#polling !== undefined || this.#options.isMiningOnDemand === false) return;
    this.#schedulePoll(0);
  }

  /** Mines this many blocks at once. */
  async mine(count = 1): Promise<void> {
    for (let mined = 0; mined < count; mined += 1) await jsonRpc(this.url, "evm_mine");
  }

  /** Gives an address enough to pay for gas on this chain, where ether has no value. */
  async fund(address: string): Promise<void> {
    await jsonRpc(this.url, "anvil_setBalance", [address, `0x${(10n ** 21n).toString(16)}`]);
  }

  /** Brings the state to disk. One at a time. */
  async save(): Promise<void> {
    const next = this.#saving.then(async () => {
      const dump = await jsonRpc(this.url, "anvil_dumpState");
      if (typeof dump !== "string")
        throw new CodedError("CHAIN_UNREACHABLE", {evidence: {method: "anvil_dumpState"}});
      await saveState(this.#stateFile, dump);
    });
    this.#saving = next.catch(() => undefined);
    await next;
  }

  get #stateFile(): string {
    return join(this.#options.folder, "evm-state.json");
  }

  get #pidFile(): string {
    return join(this.#options.folder, PID_FILE);
  }

  #spawn(program: string, state: string | undefined): ChildProcess {
    const {folder, environment, port = 0, chainId = CHAIN_ID_EMBEDDED} = this.#options;
    const args = [
      ...["--host", "127.0.0.1", "--port", String(port), "--chain-id", String(chainId)],
      // Any web page could otherwise talk to it.
      ...["--no-cors", "--accounts", "1", "--no-mining", "--slots-in-an-epoch", "1"],
      ...(state === undefined ? [] : ["--load-state", state]),
    ];
    // Where setpriv exists the kernel ends the node together with us; elsewhere the next start reaps it.
    const setpriv = process.platform === "linux" ? onPath("setpriv", environment) : undefined;
    const [command, ...rest] =
      setpriv === undefined ? [program, ...args] : [setpriv, "--pdeathsig", "KILL", "--", program, ...args];
    return spawn(command ?? program, rest, {
      cwd: folder,
      // It writes below HOME; nothing of ours may lie outside the home.
      env: {PATH: environment["PATH"] ?? "", HOME: folder, NO_COLOR: "1"},
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async #listeningPort(child: ChildProcess, program: string): Promise<number> {
    const {promise, resolve, reject} = Promise.withResolvers<number>();
    let tail = "";
    const fail = (reason: string) =>
      reject(new CodedError("CHAIN_UNREACHABLE", {message: `The EVM node ${reason}.`, evidence: {tail}}));
    const onData = (chunk: Buffer) => {
      tail = (tail + chunk.toString("utf8")).slice(-LOG_TAIL_BYTES);
      const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(tail)?.[1];
      if (port !== undefined) resolve(Number(port));
    };
    // The handlers stay: an output that nobody reads would fill its pipe and stop the node.
    child.stdout?.on("data", onData);
    child.stderr?.on("data", onData);
    child.once("error", (error) => fail(`does not run (${error.message})`));
    child.once("exit", (code, signal) => {
      fail(`ended at once (${signal ?? code})`);
      this.#ended({code, signal});
    });
    const cancel = this.#clock.after(START_MS_MAX, () => fail("did not start in time"));
    const recorded = child.pid === undefined ? undefined : recordChild(this.#pidFile, child.pid, program);
    try {
      const [port] = await Promise.all([promise, recorded]);
      return port;
    } finally {
      cancel();
      // The file must not appear after the caller has cleaned up.
      await Promise.allSettled([recorded]);
    }
  }

  #ended(exit: EvmNodeExit): void {
    if (this.#url === undefined) return;
    this.#url = undefined;
    this.#log.error("the EVM node has ended", exit);
    if (!this.#isStopping) this.#options.onEnded?.(exit);
  }

  #schedulePoll(delayMs: number): void {
    this.#cancelPoll?.();
    if (this.#isStopping || this.#url === undefined) return;
    this.#cancelPoll = this.#clock.after(delayMs, () => {
      this.#polling = this.#poll().finally(() => {
        this.#polling = undefined;
        this.#schedulePoll(POOL_INTERVAL_MS);
      });
    });
  }

  async #poll(): Promise<void> {
    try {
      const pool = await jsonRpc(this.url, "txpool_status");
      const isWaiting = isRecord(pool) && Number(pool["pending"]) > 0;
      const now = this.#clock.monotonicMs();
      if (isWaiting) {
        await this.mine();
        this.#blocksToFinal = BLOCKS_TO_FINAL;
        this.#followUps = FOLLOW_UP_MS.map((afterMs) => now + afterMs);
      } else if (this.#blocksToFinal > 0) {
        await this.mine();
        this.#blocksToFinal -= 1;
        if (this.#blocksToFinal === 0) await this.save();
      } else if ((this.#followUps[0] ?? Number.POSITIVE_INFINITY) <= now) {
        await this.mine();
        this.#followUps = this.#followUps.slice(1);
      }
    } catch (error) {
      if (!this.#isStopping) this.#log.warn("the EVM node does not mine", {error});
    }
  }

  async #kill(child: ChildProcess): Promise<void> {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGTERM");
      const cancel = this.#clock.after(STOP_MS_MAX, () => child.kill("SIGKILL"));
      await gone;
      cancel();
    }
    this.#child = undefined;
    await rm(this.#pidFile, {force: true});
  }
}
