/** The only file that listens to signals and ends the process: first signal asks, second forces. */
import type {InterruptListener} from "./io.ts";

/** 128 + the signal's number, as shells do. */
const EXIT_CODE = {SIGINT: 130, SIGTERM: 143} as const;

/** The result takes the listener off; signals then have their default effect again. */
export function onInterrupt(listener: InterruptListener): () => void {
  let count = 0;
  const handle = (signal: "SIGINT" | "SIGTERM"): void => {
    count += 1;
    if (count > 1) process.exit(EXIT_CODE[signal]);
    listener(signal);
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
