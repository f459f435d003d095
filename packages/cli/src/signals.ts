/** The only file that listens to signals and ends the process: first signal asks, second forces. */
import type {InterruptListener} from "./io.ts";

/**
 * One Ctrl-C reaches a process twice or thrice: from its terminal and from each parent that passes it on.
 * People press again more slowly.
 */
export const ECHO_MS = 250;

/** 128 + the signal's number, as shells do. */
const EXIT_CODE = {SIGINT: 130, SIGTERM: 143} as const;

/** The result takes the listener off; signals then have their default effect again. */
export function onInterrupt(listener: InterruptListener): () => void {
  let heardMs: number | undefined;
  const handle = (signal: "SIGINT" | "SIGTERM"): void => {
    const nowMs = performance.now();
    if (heardMs === undefined) {
      heardMs = nowMs;
      listener(signal);
    } else if (nowMs - heardMs >= ECHO_MS) process.exit(EXIT_CODE[signal]);
  };
  const onInt = (): void => handle("SIGINT");
  const onTerm = (): void => handle("SIGTERM");
  process.on("SIGINT", onInt);
  process.on("SIGTERM", onTerm);
  // A parent that started us with a channel and died, the demo say, wants nothing to outlive it.
  if (process.channel !== undefined) process.on("disconnect", onTerm);
  return () => {
    process.off("disconnect", onTerm);
    process.off("SIGINT", onInt);
    process.off("SIGTERM", onTerm);
  };
}
