/**
 * Models without models: the output and the meter are functions of input and parameters, time is the
 * clock's, and a test may make any run fail in its own way. Kind `text`: tokens are characters.
 */
import {createHash} from "node:crypto";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Executor, RunHooks, RunRequest, RunResult, SlotState} from "@catalyze/core/ports/executor";
import {fromUtf8, utf8} from "@catalyze/core/primitives/bytes";
import {parseTextParams} from "@catalyze/core/task/params";

export type Behaviour =
  | {readonly kind: "ok"; readonly output?: string; readonly units?: bigint}
  | {readonly kind: "fail"; readonly code: ErrorCode}
  /** Runs until its signal or time limit ends it. */
  | {readonly kind: "hang"}
  /** A side effect in the middle of the run, such as the death of the node. */
  | {readonly kind: "middle"; readonly act: () => void};

export type SimExecutorOptions = {
  readonly slots: number;
  readonly msPerToken: number;
  readonly behave?: (request: RunRequest) => Behaviour;
  readonly determinism?: string;
};

const OK: Behaviour = {kind: "ok"};

export class SimExecutor implements Executor {
  readonly determinism: string;
  readonly options: SimExecutorOptions;
  /** Every run that was started, for tests. */
  runs = 0;
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(clock: Clock, options: SimExecutorOptions) {
    this.#clock = clock;
    this.options = options;
    this.determinism = options.determinism ?? "sim/1";
  }

  async prepare(): Promise<void> {}

  async run(request: RunRequest, hooks: RunHooks = {}): Promise<RunResult> {
    const startedMs = this.#clock.monotonicMs();
    await this.#slot(hooks.signal);
    try {
      this.runs += 1;
      return await this.#execute(request, hooks, startedMs);
    } finally {
      this.#busy -= 1;
      this.#waiting.shift()?.();
    }
  }

  state(): SlotState {
    return {slots: this.options.slots, busy: this.#busy, queued: this.#waiting.length};
  }

  unitsPerSecond(): number {
    return 1_000 / this.options.msPerToken;
  }

  async #slot(signal: AbortSignal | undefined): Promise<void> {
    if (this.#busy >= this.options.slots) {
      const {promise, resolve, reject} = Promise.withResolvers<void>();
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(resolve), 1);
        reject(signal?.reason);
      };
      this.#waiting.push(resolve);
      signal?.addEventListener("abort", onAbort, {once: true});
      await promise;
      signal?.removeEventListener("abort", onAbort);
    }
    this.#busy += 1;
  }

  async #execute(request: RunRequest, hooks: RunHooks, startedMs: number): Promise<RunResult> {
    const behaviour = this.options.behave?.(request) ?? OK;
    const {maxTokens} = parseTextParams(request.params);
    const text = behaviour.kind === "ok" ? (behaviour.output ?? textFor(request, maxTokens)) : "";
    const prompt = [...fromUtf8(request.input)].length;
    const units =
      (behaviour.kind === "ok" ? behaviour.units : undefined) ?? BigInt(prompt + [...text].length);
    const durationMs =
      behaviour.kind === "hang" ? Number.POSITIVE_INFINITY : (prompt + maxTokens) * this.options.msPerToken;
    await this.#sleep(Math.min(durationMs / 2, request.timeoutMs), hooks.signal);
    if (behaviour.kind === "fail") throw new CodedError(behaviour.code);
    if (behaviour.kind === "middle") behaviour.act();
    const first = text.slice(0, text.length >> 1);
    hooks.onOutput?.(utf8(first));
    await this.#sleep(Math.min(durationMs / 2, request.timeoutMs), hooks.signal);
    if (durationMs > request.timeoutMs) throw new CodedError("EXECUTOR_TIMEOUT");
    return {output: utf8(text), units, executorMs: this.#clock.monotonicMs() - startedMs};
  }

  async #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#clock.sleep(ms, signal);
  }
}

/** At most `maxTokens` characters, and rarely all of them. */
export function textFor({bundle, params, input}: RunRequest, maxTokens: number): string {
  const hash = createHash("sha256").update(bundle).update(params).update(input).digest("hex");
  return hash.slice(0, Math.max(1, Math.min(maxTokens - 1, 40)));
}
