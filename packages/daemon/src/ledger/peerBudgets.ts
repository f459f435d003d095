/**
 * What one peer may cost us: a token bucket each. A unit is about one signature check; a frame costs by
 * its kind and size, an input that needed the slow confirmation or was wrong costs more.
 */
import type {Clock} from "@catalyze/core/ports/clock";
import type {PeerId} from "@catalyze/core/primitives/id";

export type BudgetRate = {readonly perSecond: number; readonly burst: number};

/** Peers remembered; the one idle for longest goes first, and starts full when it comes back. */
const PEERS_MAX = 1_024;

type Bucket = {tokens: number; atMs: number};

export class PeerBudgets {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #rateOf: (peer: PeerId) => BudgetRate;
  readonly #buckets = new Map<PeerId, Bucket>();

  constructor(clock: Pick<Clock, "monotonicMs">, rateOf: (peer: PeerId) => BudgetRate) {
    this.#clock = clock;
    this.#rateOf = rateOf;
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
    const {perSecond, burst} = this.#rateOf(peer);
    const known = this.#buckets.get(peer);
    const bucket = known ?? {tokens: burst, atMs: now};
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.atMs) * perSecond) / 1_000);
    bucket.atMs = now;
    // Re-inserted, so that the map's order is the order of last use.
    this.#buckets.delete(peer);
    this.#buckets.set(peer, bucket);
    if (this.#buckets.size > PEERS_MAX) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket;
  }
}
