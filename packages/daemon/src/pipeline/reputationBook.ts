/**
 * What this node has seen of each peer in each class, kept across restarts. It only ranks: a write that is
 * lost costs a little experience, never money, so nobody waits for the disk here.
 */
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Store, Write} from "@catalyze/core/ports/store";
import type {PeerId, TaskClass} from "@catalyze/core/primitives/id";
import {
  newReputation,
  type OutcomeEvent,
  type PeerReputation,
  recordOutcome,
} from "@catalyze/core/reputation/reputation";
import {decodeReputation, encodeReputation} from "@catalyze/core/reputation/reputationCodec";

export type ReputationBookComponents = {readonly store: Store; readonly clock: Clock; readonly log: Log};

const KEY = "reputation/";
/** Peers and classes that we remember; about 500 bytes each. */
const REPUTATIONS_MAX = 20_000;

export class ReputationBook {
  readonly #components: ReputationBookComponents;
  /** In the order of use: the first is the one that was silent for longest. */
  readonly #known = new Map<string, PeerReputation>();

  constructor(components: ReputationBookComponents) {
    this.#components = components;
  }

  async start(): Promise<void> {
    for (const [key, bytes] of await this.#components.store.range(KEY, {limit: REPUTATIONS_MAX})) {
      this.#known.set(key.slice(KEY.length), decodeReputation(bytes));
    }
  }

  get(peer: PeerId, taskClass: TaskClass): PeerReputation {
    return this.#known.get(keyOf(peer, taskClass)) ?? newReputation(this.#components.clock.now());
  }

  record(peer: PeerId, taskClass: TaskClass, event: OutcomeEvent): void {
    const {store, clock, log} = this.#components;
    const key = keyOf(peer, taskClass);
    const next = recordOutcome(this.get(peer, taskClass), event, clock.now());
    this.#known.delete(key);
    this.#known.set(key, next);
    // That a call has started matters to this process only.
    if (event.kind === "started") return;
    const writes: Write[] = [{key: KEY + key, value: encodeReputation(next)}, ...this.#dropOldest()];
    store.write(writes).catch((error: unknown) => log.debug("experience not written", {error}));
  }

  /** Paid and failed attempts at a peer, over all classes. */
  countsOf(peer: PeerId): {readonly paid: number; readonly faults: number} {
    let paid = 0;
    let faults = 0;
    for (const [key, {counts}] of this.#known) {
      if (!key.startsWith(`${peer} `)) continue;
      paid += counts.paid;
      faults += counts.faults + counts.frauds;
    }
    return {paid, faults};
  }

  #dropOldest(): Write[] {
    const [oldest] = this.#known.keys();
    if (this.#known.size <= REPUTATIONS_MAX || oldest === undefined) return [];
    this.#known.delete(oldest);
    return [{key: KEY + oldest, value: undefined}];
  }
}

function keyOf(peer: PeerId, taskClass: TaskClass): string {
  return `${peer} ${taskClass}`;
}
