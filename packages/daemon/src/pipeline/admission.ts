/**
 * Whether this node takes one more job now. A refusal for want of room is information, never a fault: it
 * says how long to wait, and the next candidate is tried.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Executor} from "@catalyze/core/ports/executor";

export type AdmissionOptions = {
  /** Jobs waiting beyond the slots. */
  readonly queueMax: number;
};

export class Admission {
  readonly #executor: Executor | undefined;
  readonly #options: AdmissionOptions;
  #held = 0;
  #isDraining = false;

  constructor(executor: Executor | undefined, options: AdmissionOptions) {
    this.#executor = executor;
    this.#options = options;
  }

  drain(): void {
    this.#isDraining = true;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Jobs admitted and not finished. */
  get held(): number {
    return this.#held;
  }

  /** Throws `PROVIDER_DRAINING`, `EXECUTOR_UNAVAILABLE` or `PROVIDER_BUSY`. */
  check(): void {
    if (this.#isDraining) throw new CodedError("PROVIDER_DRAINING");
    if (this.#executor === undefined) throw new CodedError("EXECUTOR_UNAVAILABLE");
    const {slots} = this.#executor.state();
    if (this.#held >= slots + this.#options.queueMax) {
      throw new CodedError("PROVIDER_BUSY", {
        retryAfterMs: 500,
        evidence: {jobs: this.#held, slots, queueMax: this.#options.queueMax},
      });
    }
  }

  /** Holds a place until the returned function runs. Throws like `check`. */
  hold(): () => void {
    this.check();
    this.#held += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#held -= 1;
      isHeld = false;
    };
  }
}
