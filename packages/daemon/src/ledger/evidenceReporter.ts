/**
 * Puts evidence on the ledger: a certificate that a closed epoch left out, or a witness's fork. Everybody who
 * sees it reports it, so each waits a while of its own first: mostly one pays the fee for all.
 */
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Random} from "@catalyze/core/ports/random";

export type EvidenceReporterComponents = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Whether a checkpoint would still act on it. */
  readonly isOfUse: (proof: Uint8Array) => boolean;
  readonly submit: (proof: Uint8Array) => Promise<unknown>;
  readonly checkpointIntervalMs: () => number;
};

/** Checkpoints over which the reports of a network are spread. */
const SPREAD = 4;
/** Waiting at once; a witness's fork or a contested slot makes one each. */
const WAITING_MAX = 64;

export class EvidenceReporter {
  readonly #components: EvidenceReporterComponents;
  readonly #timers = new Set<() => void>();

  constructor(components: EvidenceReporterComponents) {
    this.#components = components;
  }

  stop(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  report(what: "certificate" | "fork", proof: Uint8Array): void {
    const {clock, random, checkpointIntervalMs} = this.#components;
    if (this.#timers.size >= WAITING_MAX) return;
    const cancel = clock.after((1 + random.float() * SPREAD) * checkpointIntervalMs(), () => {
      this.#timers.delete(cancel);
      this.#send(what, proof).catch(() => undefined);
    });
    this.#timers.add(cancel);
  }

  async #send(what: string, proof: Uint8Array): Promise<void> {
    const {log, isOfUse, submit} = this.#components;
    if (!isOfUse(proof)) return;
    try {
      await submit(proof);
      log.info("evidence is on the ledger", {what});
    } catch (error) {
      // An empty wallet, most of all: others see the same and report it too.
      log.warn("evidence could not be put on the ledger", {what, code: toCodedError(error).code});
    }
  }
}
