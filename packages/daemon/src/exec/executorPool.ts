/**
 * Runs task classes in isolated processes, one per slot, one thread each: on CPU more processes beat
 * threads and batches (measured). The queue is bounded; every promise settles.
 */
import {mkdirSync} from "node:fs";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Executor, RunHooks, RunRequest, RunResult, SlotState} from "@catalyze/core/ports/executor";
import type {Log} from "@catalyze/core/ports/log";
import type {Cid} from "@catalyze/core/primitives/id";
import {abortReason} from "./abortReason.ts";
import type {OpenBundle} from "./bundleStore.ts";
import {findChildProgram} from "./childProgram.ts";
import {determinismOf} from "./determinism.ts";
import {describeIsolation, type Isolation} from "./isolation.ts";
import {Slot} from "./slot.ts";

export type ExecutorPoolComponents = {
  readonly bundles: {open(bundle: Cid): Promise<OpenBundle>};
  readonly log: Log;
};

export type ExecutorPoolOptions = {
  /** Processes, one running task each. */
  readonly slots: number;
  /** Tasks that wait; one more is refused with `QUEUE_FULL`. */
  readonly queueMax: number;
  /** Memory of one process, where prlimit is there. */
  readonly memoryBytesMax: number;
  /** Model bytes kept loaded in one process. */
  readonly warmBytesMax: number;
  /** Devnets only: a provider that answers late, for trying out what a network does about it. */
  readonly delayMs: number;
  readonly isolation: Isolation;
  /** The folder of `BundleStore`; a sandbox shows it to the processes. */
  readonly bundlesDir: string;
};

export const EXECUTOR_DEFAULTS = {
  queueMax: 64,
  memoryBytesMax: 2 * 1024 ** 3,
  warmBytesMax: 512 * 1024 ** 2,
  delayMs: 0,
} as const;

export type ExecutorProbe = {
  readonly ok: boolean;
  readonly runtime: string;
  readonly determinism: string;
  readonly isolation: string;
  readonly rssBytes: number;
  readonly startMs: number;
  readonly problem?: string;
};

type Work<Value> = (slot: Slot, abort: AbortController) => Promise<Value>;

type Job = {
  readonly bundle: Cid | undefined;
  /** One a job, not `AbortSignal.any` over the pool's: on Node 20 that keeps every job's signal alive. */
  readonly abort: AbortController;
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
};

/** Weight of the newest run in the measured speed. */
const SPEED_WEIGHT = 0.2;

export class ExecutorPool implements Executor {
  readonly determinism: string;
  readonly #components: ExecutorPoolComponents;
  readonly #options: ExecutorPoolOptions;
  readonly #idle: Slot[];
  readonly #slots: readonly Slot[];
  readonly #waiting: Job[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #speeds = new Map<Cid, number>();
  /** Waiting and running. */
  readonly #jobs = new Set<Job>();
  #isStopped = false;

  /** Throws `EXECUTOR_UNAVAILABLE` when the runtime is missing. */
  constructor(components: ExecutorPoolComponents, options: ExecutorPoolOptions) {
    this.#components = components;
    this.#options = options;
    const program = findChildProgram();
    this.determinism = determinismOf(program.runtimeVersion);
    const {isolation, bundlesDir: modelsDir, memoryBytesMax, warmBytesMax} = options;
    mkdirSync(modelsDir, {recursive: true}); // A sandbox can only show a folder that is there.
    const child = {program, isolation, modelsDir, memoryBytesMax};
    this.#slots = Array.from({length: options.slots}, () => new Slot({child, warmBytesMax}, components.log));
    this.#idle = [...this.#slots];
  }

  async prepare(bundle: Cid): Promise<void> {
    await this.#push(bundle, undefined, (slot, abort) => this.#load(slot, bundle, abort.signal));
  }

  async run(request: RunRequest, hooks: RunHooks = {}): Promise<RunResult> {
    return await this.#push(request.bundle, hooks.signal, (slot, abort) =>
      this.#runIn(slot, request, {...hooks, abort}),
    );
  }

  state(): SlotState {
    const busy = this.#slots.length - this.#idle.length;
    return {slots: this.#slots.length, busy, queued: this.#waiting.length};
  }

  unitsPerSecond(bundle: Cid): number | undefined {
    return this.#speeds.get(bundle);
  }

  /** Resident memory and process id of each slot that has a process. */
  processes(): readonly {readonly pid: number; readonly rssBytes: number}[] {
    return this.#slots.flatMap(({pid, rssBytes}) => (pid === undefined ? [] : [{pid, rssBytes}]));
  }

  /** Starts a process and runs a tiny model in it, for `doctor` and at start. Never throws. */
  async probe(): Promise<ExecutorProbe> {
    const started = performance.now();
    const isolation = describeIsolation(this.#options.isolation);
    const {determinism} = this;
    try {
      const {runtime, rssBytes, matches} = await this.#push(undefined, undefined, (slot) => slot.probe());
      const startMs = performance.now() - started;
      const known = {runtime, determinism, isolation, rssBytes, startMs};
      return matches
        ? {ok: true, ...known}
        : {ok: false, ...known, problem: "a known model gave a wrong result"};
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return {
        ok: false,
        runtime: "",
        determinism,
        isolation,
        rssBytes: 0,
        startMs: performance.now() - started,
        problem,
      };
    }
  }

  /** Refuses what waits, kills what runs; resolves when no process is left. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const job of [...this.#jobs]) job.abort.abort(new CodedError("PROVIDER_DRAINING"));
    await Promise.all(this.#slots.map((slot) => slot.stop()));
    await Promise.all(this.#running);
    // A job that was between two steps may have started a process again.
    await Promise.all(this.#slots.map((slot) => slot.stop()));
  }

  async #load(slot: Slot, bundle: Cid, signal: AbortSignal): Promise<OpenBundle> {
    return await slot.load(bundle, () => this.#components.bundles.open(bundle), signal);
  }

  async #runIn(
    slot: Slot,
    request: RunRequest,
    hooks: RunHooks & {readonly abort: AbortController},
  ): Promise<RunResult> {
    const {signal} = hooks.abort;
    const {outputBytesMax} = (await this.#load(slot, request.bundle, signal)).manifest;
    const {output, units, executorMs} = await slot.run(request, {...hooks, outputBytesMax});
    if (executorMs > 0 && units > 0n) this.#learnSpeed(request.bundle, Number(units) / (executorMs / 1000));
    if (this.#options.delayMs > 0) await wait(this.#options.delayMs, signal);
    return {output: new Uint8Array(output), units, executorMs};
  }

  #learnSpeed(bundle: Cid, speed: number): void {
    const before = this.#speeds.get(bundle) ?? speed;
    this.#speeds.set(bundle, before + SPEED_WEIGHT * (speed - before));
  }

  async #push<Value>(
    bundle: Cid | undefined,
    signal: AbortSignal | undefined,
    work: Work<Value>,
  ): Promise<Value> {
    if (this.#isStopped) throw new CodedError("PROVIDER_DRAINING");
    if (signal?.aborted === true) throw abortReason(signal);
    if (this.#idle.length === 0 && this.#waiting.length >= this.#options.queueMax) {
      throw new CodedError("QUEUE_FULL", {evidence: {queueMax: this.#options.queueMax}});
    }
    const {promise, resolve, reject} = Promise.withResolvers<unknown>();
    const job: Job = {bundle, abort: new AbortController(), work, resolve, reject};
    // A waiting job leaves at once; a running one hears it from its slot.
    job.abort.signal.addEventListener("abort", () => this.#leave(job), {once: true});
    const onAbort = () => job.abort.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, {once: true});
    this.#jobs.add(job);
    this.#waiting.push(job);
    this.#fill();
    try {
      return (await promise) as Value;
    } finally {
      this.#jobs.delete(job);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #leave(job: Job): void {
    const at = this.#waiting.indexOf(job);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    job.reject(abortReason(job.abort.signal));
  }

  #fill(): void {
    while (this.#idle.length > 0) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      const slot = this.#takeSlot(job.bundle);
      const running: Promise<void> = this.#work(job, slot).finally(() => {
        this.#running.delete(running);
        this.#idle.push(slot);
        this.#fill();
      });
      this.#running.add(running);
    }
  }

  /** An idle slot that has the bundle loaded, else one with a process, else any. */
  #takeSlot(bundle: Cid | undefined): Slot {
    const warm = this.#idle.findIndex((slot) => bundle !== undefined && slot.isWarm(bundle));
    const alive = this.#idle.findIndex((slot) => slot.pid !== undefined);
    const [slot] = this.#idle.splice(warm >= 0 ? warm : Math.max(alive, 0), 1);
    return slot as Slot;
  }

  async #work(job: Job, slot: Slot): Promise<void> {
    try {
      job.resolve(await job.work(slot, job.abort));
    } catch (error) {
      job.reject(error);
    }
  }
}

async function wait(delayMs: number, signal: AbortSignal): Promise<void> {
  const {promise, resolve, reject} = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, delayMs);
  const onAbort = () => reject(abortReason(signal));
  signal.addEventListener("abort", onAbort, {once: true});
  if (signal.aborted) onAbort();
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
