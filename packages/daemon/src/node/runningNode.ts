/**
 * Start and stop of the wired parts, in order. Starting: records before doors, the network before the
 * ledger, the ledger before the market. Stopping is the reverse, and each step ends before the next.
 */
import type {Log} from "@catalyze/core/ports/log";
import type {Parts} from "./wire.ts";

/** Extra services with a life of their own: the anchor service, an EVM node. */
export type Service = {start(): Promise<void>; stop(): Promise<void>};

export class RunningNode {
  readonly parts: Parts;
  readonly #services: readonly Service[];
  readonly #log: Log;
  readonly #stops: (() => Promise<void> | void)[] = [];

  constructor(parts: Parts, services: readonly Service[], log: Log) {
    this.parts = parts;
    this.#services = services;
    this.#log = log;
    const {store, records, executor, checkThread} = parts;
    this.#stops.push(() => store.close());
    this.#stops.push(() => checkThread.stop());
    for (const record of records) this.#stops.push(() => record.close());
    if (executor !== undefined) this.#stops.push(() => executor.stop());
  }

  /** On failure everything that was started is stopped again, then it throws. */
  async start(): Promise<void> {
    const {vouchers, ledger, net, blobs, catalog, marketplace} = this.parts;
    try {
      await vouchers.start();
      this.#stops.push(() => vouchers.stop());
      await catalog.start();
      await net.start();
      this.#stops.push(() => net.stop());
      await ledger.start();
      this.#stops.push(() => ledger.stop());
      const keepWitnesses = () => {
        if (!ledger.status().isWitness) return;
        for (const {peer} of ledger.witnessPeers.others()) net.keep(peer);
      };
      keepWitnesses();
      this.#stops.push(ledger.events.checkpoint.add(keepWitnesses));
      blobs.start();
      this.#stops.push(() => blobs.stop());
      for (const service of this.#services) {
        await service.start();
        this.#stops.push(() => service.stop());
      }
      await marketplace.start();
    } catch (error) {
      await this.#unwind();
      throw error;
    }
  }

  /** Ends work within `drainMs`, then everything, newest first. */
  async stop(drainMs: number): Promise<void> {
    await this.parts.marketplace
      .stop(drainMs)
      .catch((error: unknown) => this.#log.error("market did not stop cleanly", {error}));
    await this.#unwind();
  }

  async #unwind(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        // The others must still stop: a half-stopped node keeps locks and ports.
        this.#log.error("a part did not stop cleanly", {error});
      }
    }
  }
}
