/**
 * What one peer may cost us: a token bucket each. A unit is about one signature check; a frame costs by
 * its kind and size, an input that needed the slow confirmation or was wrong costs more.
 *
 * A name costs nothing, so a new one brings next to nothing: what peers have at first comes out of one bucket for
 * all of them. Who comes back under ever new names gets no more of us than one who stays.
 *
 * Peers that come from one machine on the public network share a bucket besides, as large as that of a few: names
 * that were kept long enough to fill their own are no more worth for being many.
 */
import type {Clock} from "@catalyze/core/ports/clock";
import type {PeerId} from "@catalyze/core/primitives/id";

export type BudgetRate = {readonly perSecond: number; readonly burst: number};

/** A unit is about one signature check, 50 µs: a stranger may take a seventh of a core, a witness all. */
export const BUDGETS: {readonly witness: BudgetRate; readonly other: BudgetRate} = {
  witness: {perSecond: 50_000, burst: 100_000},
  other: {perSecond: 3_000, burst: 6_000},
};

/** What a peer has at first, if all newcomers together have not used that up. */
const FIRST = 1_000;
const NEWCOMERS: BudgetRate = {perSecond: 1_000, burst: 20_000};

/** Buckets of one peer that all peers of a machine have together: some live behind one address. */
const HOST_SHARE = 4;

/** Peers and machines remembered; the one idle for longest goes first, and starts as a newcomer when it comes back. */
const PEERS_MAX = 1_024;

type Paying = {readonly bucket: Bucket; readonly rate: BudgetRate};

type Bucket = {tokens: number; atMs: number};

export class PeerBudgets {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #rateOf: (peer: PeerId) => BudgetRate;
  readonly #hostOf: (peer: PeerId) => string | undefined;
  /** By peer id, or the name of a machine: no id has a dot or a colon, as every such name does. */
  readonly #buckets = new Map<string, Bucket>();
  readonly #newcomers: Bucket;

  /** `hostOf`: the machine whose peers share; `undefined` for who shares with nobody. */
  constructor(
    clock: Pick<Clock, "monotonicMs">,
    rateOf: (peer: PeerId) => BudgetRate,
    hostOf: (peer: PeerId) => string | undefined,
  ) {
    this.#clock = clock;
    this.#rateOf = rateOf;
    this.#hostOf = hostOf;
    this.#newcomers = {tokens: NEWCOMERS.burst, atMs: clock.monotonicMs()};
  }

  /** Takes `cost` units; false, and nothing taken, when the peer has fewer than that left. */
  take(peer: PeerId, cost: number): boolean {
    const paying = this.#paying(peer);
    if (paying.some(({bucket}) => bucket.tokens < cost)) return false;
    for (const {bucket} of paying) bucket.tokens -= cost;
    return true;
  }

  /** Takes what was spent already: the balance may fall below zero, so the peer waits longer. */
  charge(peer: PeerId, cost: number): void {
    for (const {bucket, rate} of this.#paying(peer))
      bucket.tokens = Math.max(bucket.tokens - cost, -rate.burst);
  }

  /** Whether it was charged more than it had: what of it still waits is not worth a look. */
  isSpent(peer: PeerId): boolean {
    return this.#paying(peer).some(({bucket}) => bucket.tokens < 0);
  }

  /** Its own bucket, and that of its machine. */
  #paying(peer: PeerId): readonly Paying[] {
    const rate = this.#rateOf(peer);
    const own = {rate, bucket: this.#bucket(peer, rate, (nowMs) => this.#firstOf(rate, nowMs))};
    const host = this.#hostOf(peer);
    if (host === undefined) return [own];
    const shared = {perSecond: HOST_SHARE * rate.perSecond, burst: HOST_SHARE * rate.burst};
    return [own, {rate: shared, bucket: this.#bucket(host, shared, () => shared.burst)}];
  }

  #bucket(name: string, rate: BudgetRate, firstOf: (nowMs: number) => number): Bucket {
    const now = this.#clock.monotonicMs();
    const bucket = this.#buckets.get(name) ?? {tokens: firstOf(now), atMs: now};
    fill(bucket, rate, now);
    // Re-inserted, so that the map's order is the order of last use.
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > PEERS_MAX) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket;
  }

  #firstOf({burst}: BudgetRate, nowMs: number): number {
    fill(this.#newcomers, NEWCOMERS, nowMs);
    const first = Math.min(FIRST, burst, this.#newcomers.tokens);
    this.#newcomers.tokens -= first;
    return first;
  }
}

function fill(bucket: Bucket, {perSecond, burst}: BudgetRate, nowMs: number): void {
  const gained = (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1_000;
  bucket.tokens = Math.min(burst, bucket.tokens + gained);
  bucket.atMs = nowMs;
}
