import type {Clock} from "@catalyze/core/ports/clock";

export type DeadlineOptions = {
  readonly clock: Clock;
  readonly ms: number;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Hands `work` a signal that fires with the caller's, or after `ms`. Everything it registers is gone when
 * the work ends: `AbortSignal.any` over a long-lived signal would keep growing.
 */
export async function withDeadline<T>(
  {clock, ms, signal}: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, {once: true});
  const cancel = clock.after(ms, () => controller.abort(new DOMException("timed out", "TimeoutError")));
  try {
    return await work(controller.signal);
  } finally {
    cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}
