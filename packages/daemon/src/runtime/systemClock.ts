import {performance} from "node:perf_hooks";
import type {Clock} from "@catalyze/core/ports/clock";
import {sleepOn} from "@catalyze/core/primitives/sleep";
import type {UnixMs} from "@catalyze/core/primitives/time";

/** Longest delay a timer of the platform takes; longer ones would fire at once. */
const DELAY_MS_MAX = 2_147_483_647;

/** The machine's clock. */
export class SystemClock implements Clock {
  now(): UnixMs {
    return Date.now() as UnixMs;
  }

  monotonicMs(): number {
    return performance.now();
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
    return () => clearTimeout(timer);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }
}
