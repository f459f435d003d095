/**
 * What one peer may cost us: a token bucket each. A unit is about one signature check; a frame costs by
 * its kind and size, an input that needed the slow confirmation or was wrong costs more.
 *
 * A name costs nothing, so a new one brings next to nothing: what peers have at first comes out of one bucket for
 * all of them. Who comes back under ever new names gets no more of us than one who stays.
 */
import type {Clock} from "@catalyze/core/ports/clock";
import type {PeerId} from "@catalyze/core/primitives/id";

export type BudgetRate = {readonly perSecond: number; readonly burst: number};

/** What a peer has at first, if all newcomers together have not used that up. */
const FIRST = 1_000;
const NEWCOMERS: BudgetRate = {perSecond: 1_000, burst: 20_000};

/** Peers remembered; the one idle for longest goes first, and starts as a newcomer when it comes back. */
const PEERS_MAX = 1_024;

type Bucket = {tokens: number; atMs: number};

export class PeerBudgets {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #rateOf: (peer: PeerId) => BudgetRate;
  readonly #buckets = new Map<PeerId, Bucket>();
  readonly #newcomers: Bucket;

  constructor(clock: Pick<Clock, "monotonicMs">, rateOf: (peer: PeerId) => BudgetRate) {
    this.#clock = clock;
    this.#rateOf = rateOf;
    this.#newcomers = {tokens: NEWCOMERS.burst, atMs: clock.monotonicMs()};
  }

  /** Takes `cost` units; false, and nothing taken, when the peer has fewer than that left. */
  take(peer: PeerId, cost: number): boolean {
    const bucket = this.#bucket(peer);
    if (bucket.tokens < cost) return false;
    bucket.tokens -= cost;
    return true;
  }

  /** Takes what was spent already: the balance may fall below zero, so the peer waits longer. */
  charge(peer: PeerId, cost: number): void {
    const bucket = this.#bucket(peer);
    bucket.tokens = Math.max(bucket.tokens - cost, -this.#rateOf(peer).burst);
  }

  /** Whether it was charged more than it had: what of it still waits is not worth a look. */
  isSpent(peer: PeerId): boolean {
    return this.#bucket(peer).tokens < 0;
  }

  #bucket(peer: PeerId): Bucket {
    const now = this.#clock.monotonicMs();
    const rate = this.#rateOf(peer);
    const bucket = this.#buckets.get(peer) ?? {tokens: this.#firstOf(rate, now), atMs: now};
    fill(bucket, rate, now);
    // Re-inserted, so that the map's order is the order of last use.
    this.#buckets.delete(peer);
    this.#buckets.set(peer, bucket);
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
