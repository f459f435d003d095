/**
 * A map on top of another: reads fall through, writes stay here until `commit`. Forking is free and
 * costs memory only for what changes.
 */
import {assert} from "../errors/assert.ts";

export class OverlayMap<Key extends string, Value> {
  readonly #parent: OverlayMap<Key, Value> | undefined;
  /** `undefined` hides what the parent has. Made by the first change: most forks change few of their maps. */
  #own: Map<Key, Value | undefined> | undefined;

  constructor(parent?: OverlayMap<Key, Value>) {
    this.#parent = parent;
  }

  get(key: Key): Value | undefined {
    const own = this.#own?.get(key);
    return own !== undefined || this.#own?.has(key) ? own : this.#parent?.get(key);
  }

  set(key: Key, value: Value): void {
    this.#change().set(key, value);
  }

  delete(key: Key): void {
    if (this.#parent === undefined) this.#own?.delete(key);
    else this.#change().set(key, undefined);
  }

  /** What this layer changed; `undefined` for what it removed. */
  changes(): Iterable<[Key, Value | undefined]> {
    return this.#own ?? [];
  }

  values(): Generator<Value> {
    return this.#visible(new Set());
  }

  /** Moves the changes into the parent and leaves this layer empty. */
  commit(): void {
    const parent = this.#parent;
    assert(parent !== undefined, "a base layer has nothing to commit to");
    for (const [key, value] of this.changes()) {
      if (value === undefined) parent.delete(key);
      else parent.set(key, value);
    }
    this.#own = undefined;
  }

  #change(): Map<Key, Value | undefined> {
    this.#own ??= new Map();
    return this.#own;
  }

  *#visible(hidden: ReadonlySet<Key>): Generator<Value> {
    for (const [key, value] of this.changes()) if (value !== undefined && !hidden.has(key)) yield value;
    if (this.#parent === undefined) return;
    const below = new Set(hidden);
    for (const [key] of this.changes()) below.add(key);
    yield* this.#parent.#visible(below);
  }
}
