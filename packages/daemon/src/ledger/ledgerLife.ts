/**
 * Opens the parts of a ledger node and closes them; and when a node that has nothing, or was away for longer
 * than others keep their logs, was given a snapshot, closes them, writes where it begins in one batch, and
 * opens them again as after any restart.
 */
import {assert} from "@catalyze/core/errors/assert";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {beginningWrites, forgetWrites} from "@catalyze/core/ledger/storeKeys";
import type {LedgerEvents} from "./ledgerEvents.ts";
import {
  type LedgerNodeComponents,
  type LedgerNodeOptions,
  type LedgerParts,
  openLedger,
} from "./openLedger.ts";
import type {Beginning} from "./snapshotJoin.ts";

export class LedgerLife {
  readonly #components: LedgerNodeComponents;
  readonly #options: LedgerNodeOptions;
  readonly #events: LedgerEvents;
  #parts: LedgerParts | undefined;
  #beginning: Promise<void> | undefined;
  #isStopped = false;

  constructor(components: LedgerNodeComponents, options: LedgerNodeOptions, events: LedgerEvents) {
    this.#components = components;
    this.#options = options;
    this.#events = events;
  }

  /** Throws `STARTING` before the first are open. While a node begins these are the old ones, closed. */
  get parts(): LedgerParts {
    if (this.#parts === undefined) throw new CodedError("STARTING");
    return this.#parts;
  }

  async start(): Promise<void> {
    assert(this.#parts === undefined, "a ledger node starts once");
    await this.#openAll();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#beginning;
    if (this.#parts !== undefined) await closeAll(this.#parts);
  }

  async #openAll(): Promise<void> {
    const parts = await openLedger(this.#components, this.#options, {
      events: this.#events,
      begin: (beginning) => this.#begin(beginning),
    });
    this.#parts = parts;
    parts.driver.start();
    parts.protocol.start();
    parts.topic.start();
    parts.sync.start();
    parts.sender.sendAll();
  }

  #begin(beginning: Beginning): void {
    this.#beginning ??= this.#beginWith(beginning)
      .catch((error) => {
        this.#components.log.error("the ledger could not begin with a snapshot", {error});
        this.#events.degraded.emit(toCodedError(error));
      })
      .finally(() => {
        this.#beginning = undefined;
      });
  }

  async #beginWith({state, final, ...logs}: Beginning): Promise<void> {
    const {store, log} = this.#components;
    const old = this.parts;
    await closeAll(old);
    // Gossip may have brought it on meanwhile: then the logs are at hand.
    const isAhead = final.checkpoint.height > old.replica.checkpoint.height;
    try {
      const writes = [...(await forgetWrites(store)), ...beginningWrites(state, final, logs)];
      if (isAhead) await store.write(writes, {sync: true});
    } catch (error) {
      // Nothing of it is there then, and the node goes on with what it had.
      log.warn("a snapshot could not be written", {code: toCodedError(error).code});
    }
    if (!this.#isStopped) await this.#openAll();
  }
}

/** Everything acknowledged is on disk when it resolves. */
async function closeAll(parts: LedgerParts): Promise<void> {
  parts.topic.stop();
  parts.protocol.stop();
  parts.reporter.stop();
  parts.wallet.stop();
  await Promise.all([parts.sync.stop(), parts.sender.stop(), parts.pushes.stop()]);
  await parts.driver.stop();
  await Promise.all([parts.shelf.stop(), parts.pruner.stop()]);
  await parts.outbox.stop();
}
