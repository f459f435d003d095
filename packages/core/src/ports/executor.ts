import type {Cid} from "../primitives/id.ts";

/** What a finished run leaves: canonical output bytes and the meter that is part of the hashed result. */
export type RunResult = {
  readonly output: Uint8Array;
  /** Integer work units of the class (MAC, tokens, …). */
  readonly units: bigint;
  readonly executorMs: number;
};

export type RunRequest = {
  readonly bundle: Cid;
  /** Parameters of the class, canonical JSON, utf-8. */
  readonly params: Uint8Array;
  readonly input: Uint8Array;
  readonly unitsMax: bigint;
  readonly timeoutMs: number;
};

export type RunHooks = {
  /** Output that can be shown before the end (tokens of a text). Concatenated, it equals `output`. */
  readonly onOutput?: (chunk: Uint8Array) => void;
  readonly onProgress?: (progress: {
    readonly phase: string;
    readonly done: number;
    readonly total: number;
  }) => void;
  readonly signal?: AbortSignal;
};

export type SlotState = {readonly slots: number; readonly busy: number; readonly queued: number};

/** Runs task classes in isolated processes. Throws `EXECUTOR_*`, `INPUT_INVALID`, `TENSOR_SHAPE_MISMATCH`, `MODEL_INVALID`. */
export interface Executor {
  /** Names runtime, device, threads and layout: equal strings mean bit-equal results. */
  readonly determinism: string;
  /** The bundle's files must be here already. Loads it into a slot. */
  prepare(bundle: Cid): Promise<void>;
  run(request: RunRequest, hooks?: RunHooks): Promise<RunResult>;
  state(): SlotState;
  /** Measured units per second of one slot, once something ran. */
  unitsPerSecond(bundle: Cid): number | undefined;
}
