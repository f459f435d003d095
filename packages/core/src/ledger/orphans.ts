/** Entries that cannot be taken in yet: they wait for something that they link to, or for a link to them. */
import type {Hash} from "../primitives/id.ts";
import type {Entry} from "./entry.ts";

type Orphan = {readonly entry: Entry; readonly missing: Set<Hash>};

/** Of one witness: none can push out what waits of another. A sync brings a dropped one again. */
const WAITING_PER_WITNESS_MAX = 2_048;
const WAITING_BYTES_PER_WITNESS_MAX = 16 * 1024 * 1024;
export const HELD_PER_WITNESS_MAX = 64;

export class Orphans {
  readonly #orphans = new Map<Hash, Orphan>();
  /** Missing hash → who waits for it. */
  readonly #waiters = new Map<Hash, Set<Hash>>();
  readonly #held = new Map<Hash, Entry>();
  /** Nobody can say yet whether they belong to the graph. */
  readonly #ahead = new Map<Hash, Entry>();
  /** Ends of logs that a final checkpoint names. */
  #named: ReadonlySet<Hash> = new Set();
  readonly #load = new Map<number, {count: number; bytes: number; held: number}>();

  get size(): number {
    return this.#orphans.size;
  }

  has(hash: Hash): boolean {
    return this.#orphans.has(hash) || this.#ahead.has(hash);
  }

  /** Keeps an entry until the next checkpoint. */
  addAhead(entry: Entry): void {
    if (this.#take(entry)) this.#ahead.set(entry.hash, entry);
  }

  /** Those kept until now. */
  takeAhead(): Entry[] {
    const all = [...this.#ahead.values()];
    this.#ahead.clear();
    for (const entry of all) this.#release(entry);
    return all;
  }

  /** Instead of those named before. */
  name(hashes: readonly Hash[]): void {
    this.#named = new Set(hashes);
  }

  /**
   * Waited for by an entry of somebody else than `author`, or named by a final checkpoint, through entries of
   * the author's own if need be.
   */
  isWantedByOthers(hash: Hash, author: number): boolean {
    const open = [hash];
    const seen = new Set(open);
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (this.#named.has(next)) return true;
      for (const waiter of this.#waiters.get(next) ?? []) {
        if (this.#orphans.get(waiter)?.entry.header.witness !== author) return true;
        if (!seen.has(waiter)) open.push(waiter);
        seen.add(waiter);
      }
    }
    return false;
  }

  add(entry: Entry, missing: readonly Hash[]): void {
    if (!this.#take(entry)) return;
    this.#orphans.set(entry.hash, {entry, missing: new Set(missing)});
    for (const hash of missing) {
      const waiters = this.#waiters.get(hash);
      if (waiters === undefined) this.#waiters.set(hash, new Set([entry.hash]));
      else waiters.add(entry.hash);
    }
  }

  /** Where the entries belong that are waited for and do not wait themselves, as far as links say it. */
  missingPlaces(): {readonly witness: number; readonly n: bigint}[] {
    return [...this.#orphans.values()].flatMap(({entry: {header}, missing}) => {
      const own = {witness: header.witness, n: header.n - 1n, hash: header.prev};
      return [own, ...header.refs].filter(({hash}) => missing.has(hash) && !this.#orphans.has(hash));
    });
  }

  /** Takes out those that waited for nothing else but this entry. */
  freedBy(hash: Hash): Entry[] {
    const freed: Entry[] = [];
    for (const waiter of this.#waiters.get(hash) ?? []) {
      const orphan = this.#orphans.get(waiter);
      orphan?.missing.delete(hash);
      if (orphan === undefined || orphan.missing.size > 0) continue;
      this.#orphans.delete(waiter);
      this.#release(orphan.entry);
      freed.push(orphan.entry);
    }
    this.#waiters.delete(hash);
    return freed;
  }

  /** Everything that waits or is held, oldest first: nothing is left. */
  takeAll(): Entry[] {
    const waiting = [...this.#orphans.values()].map(({entry}) => entry);
    const all = [...waiting, ...this.#ahead.values(), ...this.#held.values()];
    this.#orphans.clear();
    this.#ahead.clear();
    this.#waiters.clear();
    this.#held.clear();
    this.#load.clear();
    return all;
  }

  /** Keeps an entry of a forked log in case somebody links to it, instead of the one kept for longest. */
  hold(entry: Entry): void {
    const load = this.#loadOf(entry);
    if (this.#held.has(entry.hash)) return;
    if (load.held >= HELD_PER_WITNESS_MAX) this.#dropOldest(entry.header.witness);
    load.held += 1;
    this.#held.set(entry.hash, entry);
  }

  #dropOldest(witness: number): void {
    for (const [hash, {header}] of this.#held) {
      if (header.witness !== witness) continue;
      this.takeHeld(hash);
      return;
    }
  }

  takeHeld(hash: Hash): Entry | undefined {
    const entry = this.#held.get(hash);
    if (entry === undefined) return undefined;
    this.#held.delete(hash);
    this.#loadOf(entry).held -= 1;
    return entry;
  }

  /** False when it is here, or too much of its author waits. */
  #take(entry: Entry): boolean {
    const load = this.#loadOf(entry);
    const isFull =
      load.count >= WAITING_PER_WITNESS_MAX ||
      load.bytes + entry.bytes.length > WAITING_BYTES_PER_WITNESS_MAX;
    if (isFull || this.has(entry.hash)) return false;
    load.count += 1;
    load.bytes += entry.bytes.length;
    return true;
  }

  #release(entry: Entry): void {
    const load = this.#loadOf(entry);
    load.count -= 1;
    load.bytes -= entry.bytes.length;
  }

  #loadOf({header}: Entry): {count: number; bytes: number; held: number} {
    const known = this.#load.get(header.witness);
    if (known !== undefined) return known;
    const load = {count: 0, bytes: 0, held: 0};
    this.#load.set(header.witness, load);
    return load;
  }
}
