/** `Clock.sleep`, for any clock that can call back: the same for the machine's and the simulator's. */
import type {Clock} from "../ports/clock.ts";

/** Resolves after `delayMs`; rejects with the signal's reason when aborted first. */
export function sleepOn(
  clock: Pick<Clock, "after">,
  delayMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, {once: true});
  });
}
