/**
 * The live asks of a node, by class and provider. Bounded everywhere; an account can push out its own
 * asks and never those of one that holds fewer, so a flood costs only the flooder.
 */
import type {AccountId, PeerId, TaskClass} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {Verified} from "../primitives/verified.ts";
import type {Ask} from "./ask.ts";
import {lifetimeMs} from "./validity.ts";

export type AskBookOptions = {
  /** Asks of one account, over all its peers and classes. */
  readonly perAccountMax: number;
  /** Providers of one class: more would not be reached by routing anyway. */
  readonly perClassMax: number;
  readonly totalMax: number;
  /** Who stays when a class is full: the higher value, e.g. results already paid to the account. */
  readonly rankOf?: (account: AccountId) => number;
};

/** About 10 MB of asks at most. */
export const ASK_BOOK_OPTIONS: AskBookOptions = {perAccountMax: 256, perClassMax: 512, totalMax: 10_000};

export type LiveAsk = {
  readonly ask: Verified<Ask>;
  /** By our clock: received + the lifetime that the ask states, so that skewed clocks do no harm. */
  readonly liveUntilMs: UnixMs;
};

export type AskAdded =
  | {readonly kind: "added" | "replaced"}
  | {readonly kind: "refused"; readonly reason: "stale" | "classFull" | "bookFull"};

export class AskBook {
  readonly #options: AskBookOptions;
  /** Class, then peer. */
  readonly #byClass = new Map<TaskClass, Map<PeerId, LiveAsk>>();
  readonly #byAccount = new Map<AccountId, Set<LiveAsk>>();
  #size = 0;

  constructor(options: AskBookOptions = ASK_BOOK_OPTIONS) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** Only a higher sequence replaces what the same peer asked for the same class. */
  add(ask: Verified<Ask>, nowMs: UnixMs): AskAdded {
    const live: LiveAsk = {ask, liveUntilMs: (nowMs + lifetimeMs(ask)) as UnixMs};
    const current = this.#byClass.get(ask.taskClass)?.get(ask.peer);
    if (current !== undefined && current.ask.sequence >= ask.sequence)
      return {kind: "refused", reason: "stale"};
    if (current !== undefined) {
      this.#remove(current);
      this.#insert(live);
      return {kind: "replaced"};
    }
    const refused = this.#makeRoom(ask, nowMs);
    if (refused !== undefined) return {kind: "refused", reason: refused};
    this.#insert(live);
    return {kind: "added"};
  }

  /** Asks of a class that still count, ordered by peer id. */
  live(taskClass: TaskClass, nowMs: UnixMs): readonly LiveAsk[] {
    const asks = [...(this.#byClass.get(taskClass)?.values() ?? [])];
    return asks.filter((live) => live.liveUntilMs > nowMs).sort(byPeer);
  }

  /** Every ask that still counts, ordered by class, then peer id. */
  all(nowMs: UnixMs): readonly LiveAsk[] {
    return [...this.#byClass.keys()].sort().flatMap((taskClass) => this.live(taskClass, nowMs));
  }

  /** What a peer asks for a class, while it counts. */
  find(peer: PeerId, taskClass: TaskClass, nowMs: UnixMs): LiveAsk | undefined {
    const live = this.#byClass.get(taskClass)?.get(peer);
    return live !== undefined && live.liveUntilMs > nowMs ? live : undefined;
  }

  /** Forgets a peer: it is gone, or broke the protocol. */
  removePeer(peer: PeerId): void {
    for (const asks of [...this.#byClass.values()]) {
      const live = asks.get(peer);
      if (live !== undefined) this.#remove(live);
    }
  }

  /** Drops what has expired; called on a timer and when something is full. */
  sweep(nowMs: UnixMs): number {
    const expired = [...this.#byClass.values()].flatMap((asks) =>
      [...asks.values()].filter((live) => live.liveUntilMs <= nowMs),
    );
    for (const live of expired) this.#remove(live);
    return expired.length;
  }

  #makeRoom(ask: Ask, nowMs: UnixMs): "classFull" | "bookFull" | undefined {
    const {perAccountMax, perClassMax, totalMax} = this.#options;
    const isFull = (): boolean =>
      this.#size >= totalMax || (this.#byClass.get(ask.taskClass)?.size ?? 0) >= perClassMax;
    if (isFull()) this.sweep(nowMs);

    const own = this.#byAccount.get(ask.account) ?? new Set<LiveAsk>();
    if (own.size >= perAccountMax) this.#remove(soonest(own));
    if ((this.#byClass.get(ask.taskClass)?.size ?? 0) >= perClassMax && !this.#evictFromClass(ask))
      return "classFull";
    if (this.#size >= totalMax && !this.#evictFromLargest(own.size)) return "bookFull";
    return undefined;
  }

  /** The lowest-ranked ask of the class leaves, if the newcomer ranks strictly higher. */
  #evictFromClass(ask: Ask): boolean {
    const rankOf = this.#options.rankOf ?? (() => 0);
    let lowest: LiveAsk | undefined;
    for (const live of this.#byClass.get(ask.taskClass)?.values() ?? []) {
      if (lowest === undefined || isLower(live, lowest, rankOf)) lowest = live;
    }
    if (lowest === undefined || rankOf(lowest.ask.account) >= rankOf(ask.account)) return false;
    this.#remove(lowest);
    return true;
  }

  /** The account with the most asks loses its oldest, if it stays no poorer than the newcomer becomes. */
  #evictFromLargest(ownCount: number): boolean {
    let largest: ReadonlySet<LiveAsk> | undefined;
    for (const asks of this.#byAccount.values()) {
      if (largest === undefined || asks.size > largest.size) largest = asks;
    }
    if (largest === undefined || largest.size <= ownCount + 1) return false;
    this.#remove(soonest(largest));
    return true;
  }

  #insert(live: LiveAsk): void {
    const {taskClass, peer, account} = live.ask;
    mapAt(this.#byClass, taskClass, () => new Map<PeerId, LiveAsk>()).set(peer, live);
    mapAt(this.#byAccount, account, () => new Set<LiveAsk>()).add(live);
    this.#size += 1;
  }

  #remove(live: LiveAsk): void {
    const {taskClass, peer, account} = live.ask;
    const ofClass = this.#byClass.get(taskClass);
    ofClass?.delete(peer);
    if (ofClass?.size === 0) this.#byClass.delete(taskClass);
    const ofAccount = this.#byAccount.get(account);
    ofAccount?.delete(live);
    if (ofAccount?.size === 0) this.#byAccount.delete(account);
    this.#size -= 1;
  }
}

function byPeer(left: LiveAsk, right: LiveAsk): number {
  return left.ask.peer < right.ask.peer ? -1 : left.ask.peer > right.ask.peer ? 1 : 0;
}

/** A total order, so that what leaves does not depend on the order of arrival. */
function isLower(left: LiveAsk, right: LiveAsk, rankOf: (account: AccountId) => number): boolean {
  const difference = rankOf(left.ask.account) - rankOf(right.ask.account);
  return difference === 0 ? byPeer(left, right) < 0 : difference < 0;
}

function soonest(asks: ReadonlySet<LiveAsk>): LiveAsk {
  return [...asks].reduce((first, live) => (live.liveUntilMs < first.liveUntilMs ? live : first));
}

function mapAt<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
