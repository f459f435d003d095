/**
 * One thread that checks signatures, so that the node's own is free for what only it can do. Started by the
 * first batch: a node that has little to check never has it. One that dies, or does not answer in time, is
 * replaced a few times, and what it was asked is checked by who asked.
 */
import {existsSync} from "node:fs";
import {availableParallelism} from "node:os";
import {fileURLToPath} from "node:url";
import {Worker} from "node:worker_threads";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {SignatureCheck} from "@catalyze/core/ports/signer";
import {packChecks} from "./checkBatch.ts";

/** What is used of a `Worker`. */
export type CheckWorker = Pick<Worker, "postMessage" | "terminate" | "unref"> & {
  on(event: "message", listener: (answers: Uint8Array) => void): unknown;
  on(event: "error" | "exit", listener: () => void): unknown;
};

export type CheckThreadComponents = {
  readonly clock: Pick<Clock, "after">;
  readonly log?: Pick<Log, "warn">;
  /** Another thread than the program beside this file. `undefined`: this machine has none. */
  readonly open?: () => CheckWorker | undefined;
};

/** Two batches take some 100 ms; a machine that is a hundred times slower is better off without the thread. */
export const ANSWER_MAX_MS = 10_000;
/** What fails so often will fail again. */
export const REPLACED_MAX = 3;

type Waiting = {readonly resolve: (answers: Uint8Array) => void; readonly count: number};

export class CheckThread {
  readonly #components: CheckThreadComponents;
  #worker: CheckWorker | undefined;
  #isOff = false;
  #failures = 0;
  readonly #waiting: Waiting[] = [];
  #stopWatch: (() => void) | undefined;

  constructor(components: CheckThreadComponents) {
    this.#components = components;
  }

  /** Times that it died or did not answer; beyond `REPLACED_MAX` it stays away. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * For each check 1 when the signature is surely valid, else 0, which says nothing: all of them when the
   * thread does not run or does not answer. Answers come in the order of the calls.
   */
  async check(checks: readonly SignatureCheck[]): Promise<Uint8Array> {
    const worker = this.#opened();
    if (worker === undefined) return new Uint8Array(checks.length);
    const {promise, resolve} = Promise.withResolvers<Uint8Array>();
    this.#waiting.push({resolve, count: checks.length});
    if (this.#waiting.length === 1) this.#watch(worker);
    const batch = packChecks(checks);
    worker.postMessage(batch, [batch.buffer]);
    return await promise;
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#isOff = true;
    this.#drop();
    await worker?.terminate();
  }

  #opened(): CheckWorker | undefined {
    if (this.#isOff || this.#worker !== undefined) return this.#worker;
    const {open = openProgram} = this.#components;
    const worker = open();
    if (worker === undefined) {
      this.#isOff = true;
      return undefined;
    }
    worker.on("message", (answers) => this.#answered(worker, answers));
    worker.on("error", () => this.#failed(worker, "it died"));
    worker.on("exit", () => this.#failed(worker, "it died"));
    // A process that has nothing else to do may end.
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #answered(worker: CheckWorker, answers: Uint8Array): void {
    if (worker !== this.#worker) return;
    this.#waiting.shift()?.resolve(answers);
    this.#watch(worker);
  }

  /** Time for the next answer begins anew with each. */
  #watch(worker: CheckWorker): void {
    this.#stopWatch?.();
    this.#stopWatch = undefined;
    if (this.#waiting.length === 0) return;
    this.#stopWatch = this.#components.clock.after(ANSWER_MAX_MS, () => this.#failed(worker, "it hung"));
  }

  #failed(worker: CheckWorker, why: string): void {
    if (worker !== this.#worker) return;
    this.#failures += 1;
    this.#isOff = this.#failures > REPLACED_MAX;
    this.#components.log?.warn("the thread that checks signatures failed", {why, failures: this.#failures});
    this.#drop();
    // One that hangs ends when it ends: nobody waits for it.
    void worker.terminate();
  }

  /** Whoever waits checks by itself. */
  #drop(): void {
    this.#worker = undefined;
    this.#stopWatch?.();
    this.#stopWatch = undefined;
    for (const {resolve, count} of this.#waiting.splice(0)) resolve(new Uint8Array(count));
  }
}

function openProgram(): Worker | undefined {
  const program = programPath();
  // With one processor a thread only adds the way there and back.
  if (availableParallelism() < 2 || !existsSync(program)) return undefined;
  // Flags of this process are about its own work.
  return new Worker(program, {execArgv: []});
}

/** A thread runs built JavaScript, also when this file is loaded from its source, as tests do. */
function programPath(): string {
  return fileURLToPath(new URL("./checkProgram.js", import.meta.url)).replace(
    /([\\/])src([\\/]identity[\\/])/,
    "$1dist$2",
  );
}
