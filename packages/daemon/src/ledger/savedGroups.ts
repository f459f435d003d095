/** Which groups of a driver are on disk, for those who read what the replica holds and must not tell it early. */

type Reader = {
  /** The last group that it has seen something of. */
  readonly group: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
};

export class SavedGroups {
  /** Groups that the replica has taken, and those of them on disk; they are saved in order. */
  #taken = 0;
  #saved = 0;
  #readers: Reader[] = [];

  /** The replica has taken one more. */
  take(): void {
    this.#taken += 1;
  }

  /** The next one is on disk. */
  save(): void {
    this.#saved += 1;
    const readers = this.#readers;
    this.#readers = readers.filter(({group}) => group > this.#saved);
    for (const {group, resolve} of readers) if (group <= this.#saved) resolve();
  }

  /** Nothing can be written now, or ever again: nobody waits on. */
  fail(reason: unknown): void {
    for (const {reject} of this.#readers.splice(0)) reject(reason);
  }

  /** Resolves once every group taken so far is on disk. Rejects with the reason given to `fail`. */
  async all(): Promise<void> {
    if (this.#saved === this.#taken) return;
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    this.#readers.push({group: this.#taken, resolve, reject});
    await promise;
  }
}
