/**
 * Forgets the logs from before the snapshot at which they start. In small steps with pauses, so that the
 * ledger goes on beside it; what a stop or a crash leaves undone the next start does.
 */
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {LedgerParams} from "@catalyze/core/ledger/params";
import {pruneSteps} from "@catalyze/core/ledger/pruning";
import type {SnapshotHead} from "@catalyze/core/ledger/snapshot";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Store} from "@catalyze/core/ports/store";
import type {LedgerMetrics} from "./ledgerMetrics.ts";

export type LogPrunerComponents = {
  readonly store: Store;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
  readonly metrics: LedgerMetrics;
  readonly params: LedgerParams;
};

/** Between two steps: 16 entries each make 8,000 a second, more than a network writes. */
const PAUSE_MS = 2;

export class LogPruner {
  readonly #components: LogPrunerComponents;
  readonly #abort = new AbortController();
  #start: SnapshotHead | undefined;
  #running: Promise<void> | undefined;

  constructor(components: LogPrunerComponents) {
    this.#components = components;
  }

  /** What lies before this snapshot may go. */
  started(start: SnapshotHead): void {
    if (this.#abort.signal.aborted) return;
    this.#components.metrics.logsStart(start.final.checkpoint.height);
    this.#start = start;
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let start = this.#start; start !== undefined; start = this.#start) {
      this.#start = undefined;
      try {
        await this.#prune(start);
      } catch (error) {
        // The node stops, or the disk is full: the next epoch's end tries again.
        if (!this.#abort.signal.aborted)
          this.#components.log.warn("old logs could not be pruned", {code: toCodedError(error).code});
      }
    }
    this.#running = undefined;
  }

  async #prune(start: SnapshotHead): Promise<void> {
    const {store, clock, metrics, params, log} = this.#components;
    let entries = 0;
    for await (const step of pruneSteps(store, start, params)) {
      await store.write(step.writes);
      entries += step.entries;
      metrics.pruned(step.entries);
      await clock.sleep(PAUSE_MS, this.#abort.signal);
    }
    const {height} = start.final.checkpoint;
    if (entries > 0) log.info("old logs were pruned", {entries, height});
  }
}
