import {CodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Clock} from "@catalyze/core/ports/clock";

export type Deadline = {
  readonly clock: Clock;
  readonly ms: number;
  readonly code: ErrorCode;
  readonly signal?: AbortSignal;
};

/**
 * Runs `work` with a signal that aborts after `ms` or with the caller's signal; whichever comes first
 * also settles the result, so no caller ever waits on work that ignores its signal.
 */
export async function withDeadline<T>(
  deadline: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const {clock, ms, code, signal} = deadline;
  const controller = new AbortController();
  const {promise: aborted, reject} = Promise.withResolvers<never>();
  const stop = (reason: unknown) => {
    controller.abort(reason);
    reject(reason);
  };
  const onAbort = () => stop(signal?.reason);
  if (signal?.aborted === true) throw signal.reason;
  signal?.addEventListener("abort", onAbort, {once: true});
  const cancel = clock.after(Math.max(0, ms), () =>
    stop(new CodedError(code, {evidence: {afterMs: Math.round(ms)}})),
  );
  // The race below has its own rejection; this one would otherwise count as unhandled once work wins.
  aborted.catch(() => undefined);
  try {
    return await Promise.race([work(controller.signal), aborted]);
  } finally {
    cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}
