/** Which blocks are wanted, who is fetching which, and who has none. No input or output: pure bookkeeping. */
import type {PeerId} from "@catalyze/core/primitives/id";
import type {CID} from "multiformats/cid";

export type Wanted = {
  readonly cid: CID;
  /** Stated by the parent; a block of another length is no block of this tree. */
  readonly bytes: number | undefined;
};

type Entry = Wanted & {readonly refusedBy: Set<PeerId>};

export class BlockQueue {
  readonly #waiting: Entry[];
  readonly #taken = new Map<string, {readonly entry: Entry; readonly by: PeerId}>();
  #changed = Promise.withResolvers<void>();

  constructor(wanted: readonly Wanted[]) {
    this.#waiting = wanted.map((one) => ({...one, refusedBy: new Set()}));
  }

  get isDone(): boolean {
    return this.#waiting.length === 0 && this.#taken.size === 0;
  }

  /** A block that is still waiting, for the error that names it. */
  get next(): Wanted | undefined {
    return this.#waiting[0];
  }

  /** The next block that this peer has not refused. */
  take(peer: PeerId): Wanted | undefined {
    const at = this.#waiting.findIndex(({refusedBy}) => !refusedBy.has(peer));
    const entry = at === -1 ? undefined : this.#waiting.splice(at, 1)[0];
    if (entry !== undefined) this.#taken.set(entry.cid.toString(), {entry, by: peer});
    return entry;
  }

  finish(cid: CID): void {
    this.#taken.delete(cid.toString());
    this.wake();
  }

  /** The peer does not have it; others may. */
  refuse(cid: CID, peer: PeerId): void {
    const taken = this.#taken.get(cid.toString());
    if (taken === undefined || taken.by !== peer) return;
    this.#taken.delete(cid.toString());
    taken.entry.refusedBy.add(peer);
    this.#waiting.push(taken.entry);
    this.wake();
  }

  /** The peer is gone: what it had taken goes back to the front. */
  release(peer: PeerId): void {
    for (const [key, {entry, by}] of [...this.#taken]) {
      if (by !== peer) continue;
      this.#taken.delete(key);
      this.#waiting.unshift(entry);
    }
    this.wake();
  }

  /** Whether this peer may yet be of use. */
  isUseful(peer: PeerId): boolean {
    return this.#taken.size > 0 || this.#waiting.some(({refusedBy}) => !refusedBy.has(peer));
  }

  /** Resolves at the next change. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Lets everyone who waits for a change look again. */
  wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
