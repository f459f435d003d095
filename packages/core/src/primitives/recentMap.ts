const LOTS = 4;

/**
 * Remembers what was set last: the latest `countMin` keys, and up to a quarter more. The oldest go in whole lots,
 * because the first of a map is found past everything that was deleted before it.
 */
export class RecentMap<Key, Value> {
  readonly #lotMax: number;
  /** Newest first. */
  readonly #lots: Map<Key, Value>[] = [new Map()];

  constructor(countMin: number) {
    this.#lotMax = Math.ceil(countMin / LOTS);
  }

  set(key: Key, value: Value): void {
    const newest = this.#lots[0];
    if (newest === undefined || newest.size >= this.#lotMax) {
      this.#lots.unshift(new Map([[key, value]]));
      if (this.#lots.length > LOTS + 1) this.#lots.pop();
    } else newest.set(key, value);
  }

  get(key: Key): Value | undefined {
    return this.#lots.find((lot) => lot.has(key))?.get(key);
  }

  has(key: Key): boolean {
    return this.#lots.some((lot) => lot.has(key));
  }
}
