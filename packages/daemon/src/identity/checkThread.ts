/**
 * One thread that checks signatures, so that the node's own is free for what only it can do. Started by the
 * first batch: a node that has little to check never has it.
 */
import {existsSync} from "node:fs";
import {availableParallelism} from "node:os";
import {fileURLToPath} from "node:url";
import {Worker} from "node:worker_threads";
import type {SignatureCheck} from "@catalyze/core/ports/signer";
import {packChecks} from "./checkBatch.ts";

type Waiting = {readonly resolve: (answers: Uint8Array) => void; readonly count: number};

export class CheckThread {
  #worker: Worker | undefined;
  #hasFailed = false;
  readonly #waiting: Waiting[] = [];

  /**
   * For each check 1 when the signature is surely valid, else 0, which says nothing: all of them when the
   * thread does not run. Answers come in the order of the calls.
   */
  async check(checks: readonly SignatureCheck[]): Promise<Uint8Array> {
    const worker = this.#open();
    if (worker === undefined) return new Uint8Array(checks.length);
    const {promise, resolve} = Promise.withResolvers<Uint8Array>();
    this.#waiting.push({resolve, count: checks.length});
    const batch = packChecks(checks);
    worker.postMessage(batch, [batch.buffer]);
    return await promise;
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#fail();
    await worker?.terminate();
  }

  #open(): Worker | undefined {
    if (this.#hasFailed || this.#worker !== undefined) return this.#worker;
    const program = programPath();
    // With one processor a thread only adds the way there and back.
    if (availableParallelism() < 2 || !existsSync(program)) {
      this.#hasFailed = true;
      return undefined;
    }
    // Flags of this process are about its own work.
    const worker = new Worker(program, {execArgv: []});
    worker.on("message", (answers: Uint8Array) => this.#waiting.shift()?.resolve(answers));
    worker.on("error", () => this.#fail());
    worker.on("exit", () => this.#fail());
    // A process that has nothing else to do may end.
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #fail(): void {
    this.#hasFailed = true;
    this.#worker = undefined;
    for (const {resolve, count} of this.#waiting.splice(0)) resolve(new Uint8Array(count));
  }
}

/** A thread runs built JavaScript, also when this file is loaded from its source, as tests do. */
function programPath(): string {
  return fileURLToPath(new URL("./checkProgram.js", import.meta.url)).replace(
    /([\\/])src([\\/]identity[\\/])/,
    "$1dist$2",
  );
}
