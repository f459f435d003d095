import type {Log} from "@catalyze/core/ports/log";

/** Listeners of one event. A listener that throws is logged and harms neither the others nor the ledger. */
export class Listeners<Args extends readonly unknown[]> {
  readonly #listeners = new Set<(...args: Args) => void>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The result removes the listener. */
  add(listener: (...args: Args) => void): () => void {
    // Wrapped, so that one function added twice is two registrations.
    const own = (...args: Args) => listener(...args);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  emit(...args: Args): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(...args);
      } catch (error) {
        this.#log.error("ledger listener failed", {error});
      }
    }
  }
}
