/**
 * One executor process as the parent sees it. A native run cannot be interrupted, so the only way to
 * stop is SIGKILL. Invariant: every promise of `call()` settles, whatever happens to the process.
 */
import {type ChildProcess, spawn} from "node:child_process";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {ChildProgram} from "./childProgram.ts";
import {confine, type Isolation} from "./isolation.ts";
import type {ChildAnswers, ChildReply, ChildRequest} from "./protocol.ts";

export type ExecutorChildOptions = {
  readonly program: ChildProgram;
  readonly isolation: Isolation;
  /** Folder of the model files. */
  readonly modelsDir: string;
  readonly memoryBytesMax: number;
  readonly scratchBytesMax?: number;
};

export type CallHooks = {
  readonly onOutput?: (chunk: Uint8Array) => void;
  readonly onProgress?: (progress: {
    readonly phase: string;
    readonly done: number;
    readonly total: number;
  }) => void;
};

type Pending = CallHooks & {
  readonly resolve: (value: ChildAnswers[keyof ChildAnswers]) => void;
  readonly reject: (error: CodedError) => void;
};

const STDERR_BYTES_MAX = 4096;
const START_TIMEOUT_MS = 20_000;

export class ExecutorChild {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #closed: Promise<void>;
  readonly #ready: Promise<void>;
  #isAlive = true;
  #nextId = 1;
  #stderr = "";

  constructor(options: ExecutorChildOptions) {
    const {program, isolation, modelsDir, memoryBytesMax, scratchBytesMax} = options;
    const [file, ...args] = confine(isolation, {
      program: [process.execPath, "--max-old-space-size=512", program.entry],
      readPaths: [...program.readPaths, process.execPath, modelsDir],
      memoryBytesMax,
      ...(scratchBytesMax === undefined ? {} : {scratchBytesMax}),
    });
    this.#process = spawn(file, args, {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      serialization: "advanced",
      // Nothing else of the daemon's environment: it may hold secrets, and NODE_OPTIONS would apply.
      env: {ORT_DISABLE_TELEMETRY: "1", PATH: process.env["PATH"] ?? ""},
    });
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    this.#ready = promise;
    promise.catch(() => undefined); // Whoever calls sees it; a child that nobody calls must not crash us.
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), START_TIMEOUT_MS);
    this.#process.on("message", (reply: ChildReply) => {
      if (reply.type === "ready") {
        clearTimeout(timer);
        resolve();
      } else this.#onReply(reply);
    });
    this.#process.stderr?.on("data", (data: Buffer) => {
      this.#stderr = (this.#stderr + data.toString("latin1")).slice(-STDERR_BYTES_MAX);
    });
    this.#closed = new Promise((done) => {
      // `close`, not `exit`: inside a sandbox the inner process ends a moment after the outer one.
      this.#process.once("close", (exitCode, signal) => {
        clearTimeout(timer);
        this.#onEnd(String(signal ?? exitCode ?? "unknown"), reject);
        done();
      });
      this.#process.once("error", (error) => this.#onEnd(error.message, reject));
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Last words on stderr, for the log. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Throws `EXECUTOR_CRASHED` when the process ends first, else the coded error of the child. */
  async call<Type extends ChildRequest["type"]>(
    request: Extract<ChildRequest, {type: Type}>,
    hooks: CallHooks = {},
  ): Promise<ChildAnswers[Type]> {
    await this.#ready;
    const id = this.#nextId++;
    const answer = new Promise<ChildAnswers[keyof ChildAnswers]>((resolve, reject) => {
      if (!this.#isAlive) {
        reject(crashed("gone"));
        return;
      }
      this.#pending.set(id, {...hooks, resolve, reject});
      this.#process.send({...request, id}, (error) => {
        if (error !== null) this.#take(id)?.reject(crashed(error.message));
      });
    });
    return (await answer) as ChildAnswers[Type];
  }

  /** Resolves once the process and what a sandbox put around it have ended. */
  async kill(): Promise<void> {
    // A sandbox that dies while it is being set up leaves its inner half waiting for it for ever: what it
    // starts is tied to it only once it runs. That takes a fraction of a second, or the time limit ends it.
    await Promise.race([this.#ready.catch(() => undefined), this.#closed]);
    this.#process.kill("SIGKILL");
    await this.#closed;
  }

  #onReply(reply: Exclude<ChildReply, {type: "ready"}>): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if (reply.type === "output") pending.onOutput?.(new Uint8Array(reply.chunk));
    else if (reply.type === "progress") pending.onProgress?.(reply);
    else if (reply.type === "done") this.#take(reply.id)?.resolve(reply.value);
    else {
      const {code, message, evidence} = reply;
      this.#take(reply.id)?.reject(new CodedError(code, {message, evidence}));
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #onEnd(reason: string, rejectReady: (error: CodedError) => void): void {
    this.#isAlive = false;
    rejectReady(crashed(reason));
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(crashed(reason));
  }
}

function crashed(reason: string): CodedError {
  return new CodedError("EXECUTOR_CRASHED", {evidence: {reason}});
}
