import type {UnixMs} from "../primitives/time.ts";

/** Time enters the rules and the pipeline only here; the simulator supplies its own. */
export interface Clock {
  now(): UnixMs;
  /** Monotonic, for durations. */
  monotonicMs(): number;
  /** Calls `task` once, `delayMs` from now. The result cancels it. */
  after(delayMs: number, task: () => void): () => void;
  /** Resolves after `delayMs`; rejects with the signal's reason when aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}
