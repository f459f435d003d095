/**
 * Coalesces concurrent callers into one durable write: while a write is on its way to the disk, whatever
 * arrives waits and goes with the next one. One fsync then serves many vouchers or ops.
 *
 * A failed write fails what waits behind it too: later items may rest on earlier ones.
 */
import {CodedError} from "@catalyze/core/errors/codedError";

/** Items waiting for the disk; beyond it callers are told to slow down. */
const WAITING_MAX = 10_000;

type Waiting<Item> = {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
};

export class GroupCommit<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  readonly #onFailure: ((items: readonly Item[]) => void) | undefined;
  #waiting: Waiting<Item>[] = [];
  #running: Promise<void> | undefined;

  /** `onFailure` is told of every item that failed, before any caller is. */
  constructor(
    write: (items: readonly Item[]) => Promise<void>,
    onFailure?: (items: readonly Item[]) => void,
  ) {
    this.#write = write;
    this.#onFailure = onFailure;
  }

  /** Settles with the write that carried the item. Items of one caller keep their order. */
  async add(item: Item): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX)
      throw new CodedError("QUEUE_FULL", {evidence: {max: WAITING_MAX}});
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    this.#waiting.push({item, resolve, reject});
    this.#running ??= this.#drain();
    await promise;
  }

  /** Resolves when nothing is on its way any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(group.map(({item}) => item));
        for (const {resolve} of group) resolve();
      } catch (error) {
        const failed = [...group, ...this.#waiting.splice(0)];
        this.#onFailure?.(failed.map(({item}) => item));
        for (const {reject} of failed) reject(error);
      }
    }
    this.#running = undefined;
  }
}
