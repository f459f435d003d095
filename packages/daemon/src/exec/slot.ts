/**
 * One seat for running tasks: one child process at a time, the bundles that are warm in it, and one
 * task at a time. A child that crashed or was killed is replaced at the next use.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {RunHooks, RunRequest} from "@catalyze/core/ports/executor";
import type {Log} from "@catalyze/core/ports/log";
import type {Cid} from "@catalyze/core/primitives/id";
import {abortReason} from "./abortReason.ts";
import type {OpenBundle} from "./bundleStore.ts";
import {type CallHooks, ExecutorChild, type ExecutorChildOptions} from "./executorChild.ts";
import type {ChildAnswers} from "./protocol.ts";

const LOAD_TIMEOUT_MS = 60_000;

export type SlotOptions = {
  readonly child: ExecutorChildOptions;
  /** Model bytes kept loaded at once; the least recently used go first. */
  readonly warmBytesMax: number;
};

export type SlotRunHooks = Omit<RunHooks, "signal"> & {
  readonly abort: AbortController;
  readonly outputBytesMax: number;
};

export class Slot {
  readonly #options: SlotOptions;
  readonly #log: Log;
  readonly #warm = new Map<Cid, OpenBundle>();
  #child: ExecutorChild | undefined;
  #rssBytes = 0;

  constructor(options: SlotOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  get rssBytes(): number {
    return this.#rssBytes;
  }

  get pid(): number | undefined {
    return this.#child?.isAlive === true ? this.#child.pid : undefined;
  }

  isWarm(bundle: Cid): boolean {
    return this.#child?.isAlive === true && this.#warm.has(bundle);
  }

  /**
   * Makes the bundle warm; `open` is asked only when it is not. Throws what `open` throws,
   * `EXECUTOR_UNAVAILABLE`, `MODEL_INVALID`, `EXECUTOR_CRASHED`, `EXECUTOR_TIMEOUT`.
   */
  async load(cid: Cid, open: () => Promise<OpenBundle>, signal: AbortSignal): Promise<OpenBundle> {
    const child = this.#living();
    const known = this.#warm.get(cid);
    if (known !== undefined) {
      // Most recently used goes last.
      this.#warm.delete(cid);
      this.#warm.set(cid, known);
      return known;
    }
    const bundle = await open();
    await this.#makeRoom(child, bundle.bytes);
    const {manifest, files} = bundle;
    const call = child.call({type: "load", bundle: cid, manifest, files});
    const {rssBytes} = await this.#guard(child, call, LOAD_TIMEOUT_MS, signal);
    this.#rssBytes = rssBytes;
    this.#warm.set(cid, bundle);
    return bundle;
  }

  /**
   * The bundle must be warm. Kills the process when the time is over or `hooks.abort` fires, and fires
   * it when there is too much output.
   */
  async run(request: RunRequest, hooks: SlotRunHooks): Promise<ChildAnswers["run"]> {
    // The process may have died since `load`: a new one would not know the bundle.
    if (!this.isWarm(request.bundle)) throw new CodedError("EXECUTOR_CRASHED");
    const child = this.#living();
    const {abort, outputBytesMax, onOutput, onProgress} = hooks;
    let streamed = 0;
    const callHooks: CallHooks = {
      onOutput: (chunk) => {
        streamed += chunk.length;
        if (streamed > outputBytesMax) abort.abort(new CodedError("EXECUTOR_OUTPUT_TOO_LARGE"));
        else onOutput?.(chunk);
      },
      ...(onProgress === undefined ? {} : {onProgress}),
    };
    const {bundle, params, input, unitsMax, timeoutMs} = request;
    const call = child.call({type: "run", bundle, params, input, unitsMax}, callHooks);
    const result = await this.#guard(child, call, timeoutMs, abort.signal);
    this.#rssBytes = result.rssBytes;
    if (result.output.length > outputBytesMax) throw new CodedError("EXECUTOR_OUTPUT_TOO_LARGE");
    return result;
  }

  /** Proves that the runtime loads and computes. */
  async probe(): Promise<ChildAnswers["probe"]> {
    const child = this.#living();
    return await this.#guard(child, child.call({type: "probe"}), LOAD_TIMEOUT_MS);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#warm.clear();
    await child?.kill();
  }

  #living(): ExecutorChild {
    if (this.#child?.isAlive === true) return this.#child;
    this.#warm.clear();
    this.#child = new ExecutorChild(this.#options.child);
    return this.#child;
  }

  async #makeRoom(child: ExecutorChild, bytes: number): Promise<void> {
    for (const [bundle, {bytes: size}] of [...this.#warm]) {
      const held = [...this.#warm.values()].reduce((sum, each) => sum + each.bytes, 0);
      if (held + bytes <= this.#options.warmBytesMax) return;
      this.#warm.delete(bundle);
      await child.call({type: "unload", bundle});
      this.#log.debug("bundle unloaded to make room", {bundle, bytes: size});
    }
  }

  /** Races a call against time and abort; the loser is killed, because nothing softer stops native code. */
  async #guard<Value>(
    child: ExecutorChild,
    call: Promise<Value>,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Value> {
    const {promise: stopped, reject} = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new CodedError("EXECUTOR_TIMEOUT", {evidence: {timeoutMs}})),
      timeoutMs,
    );
    const onAbort = () => signal !== undefined && reject(abortReason(signal));
    signal?.addEventListener("abort", onAbort, {once: true});
    if (signal?.aborted === true) onAbort();
    try {
      return await Promise.race([call, stopped]);
    } catch (error) {
      const code = error instanceof CodedError ? error.code : "INTERNAL";
      const isOver = code === "EXECUTOR_CRASHED" || signal?.aborted === true || code === "EXECUTOR_TIMEOUT";
      if (isOver) {
        call.catch(() => undefined); // It rejects when the process ends; the caller gets `error`.
        this.#log.debug("executor process ended", {code, stderr: child.stderr.slice(-400)});
        await child.kill();
      }
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }
}
