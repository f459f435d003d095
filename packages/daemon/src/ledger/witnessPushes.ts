/** One push stream to every other member of the present committee. */
import type {PeerId} from "@catalyze/core/primitives/id";
import {PushQueue, type PushQueueComponents} from "./pushQueue.ts";
import type {WitnessPeers} from "./witnessPeers.ts";

export class WitnessPushes {
  readonly #components: PushQueueComponents;
  readonly #witnesses: WitnessPeers;
  readonly #queues = new Map<PeerId, PushQueue>();
  readonly #stopping = new Set<Promise<void>>();

  constructor(components: PushQueueComponents, witnesses: WitnessPeers) {
    this.#components = components;
    this.#witnesses = witnesses;
  }

  push(frame: Uint8Array): void {
    const peers = new Set(this.#witnesses.others().map(({peer}) => peer));
    for (const [peer, queue] of this.#queues) if (!peers.has(peer)) this.#drop(peer, queue);
    for (const peer of peers) this.#queueOf(peer).push(frame);
  }

  async stop(): Promise<void> {
    await Promise.all([...[...this.#queues.values()].map((queue) => queue.stop()), ...this.#stopping]);
  }

  #queueOf(peer: PeerId): PushQueue {
    const known = this.#queues.get(peer);
    if (known !== undefined) return known;
    const queue = new PushQueue(this.#components, peer);
    this.#queues.set(peer, queue);
    return queue;
  }

  #drop(peer: PeerId, queue: PushQueue): void {
    this.#queues.delete(peer);
    const stopping = queue.stop().finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }
}
