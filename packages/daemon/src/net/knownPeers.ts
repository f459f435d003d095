/** Addresses of peers that answered before, kept across restarts: how a node finds its network again. */
import type {Clock} from "@catalyze/core/ports/clock";
import type {Store} from "@catalyze/core/ports/store";
import {fromUtf8, utf8} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";

const PREFIX = "net/peer/";
/** More do not help to find a network; the longest unseen goes first. */
const PEERS_MAX = 256;
const ADDRESSES_MAX = 8;
const ADDRESS_CHARS_MAX = 256;
const AGE_MAX_MS = 14 * 24 * 3_600_000;

export type KnownPeer = {
  readonly peer: PeerId;
  readonly addresses: readonly string[];
  readonly seenAtMs: number;
};

export class KnownPeers {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #peers = new Map<PeerId, KnownPeer>();

  constructor({store, clock}: {readonly store: Store; readonly clock: Clock}) {
    this.#store = store;
    this.#clock = clock;
  }

  async load(): Promise<void> {
    for (const [key, value] of await this.#store.range(PREFIX, {limit: PEERS_MAX})) {
      const peer = parse(key.slice(PREFIX.length) as PeerId, value);
      if (peer !== undefined && peer.seenAtMs > this.#clock.now() - AGE_MAX_MS)
        this.#peers.set(peer.peer, peer);
    }
  }

  /** Most recently seen first. */
  list(): readonly KnownPeer[] {
    return [...this.#peers.values()].sort((left, right) => right.seenAtMs - left.seenAtMs);
  }

  async note(peer: PeerId, addresses: readonly string[]): Promise<void> {
    const usable = addresses.filter((text) => text.length <= ADDRESS_CHARS_MAX).slice(0, ADDRESSES_MAX);
    if (usable.length === 0) return;
    const entry = {peer, addresses: usable, seenAtMs: this.#clock.now()};
    this.#peers.set(peer, entry);
    const dropped = this.list().slice(PEERS_MAX);
    for (const old of dropped) this.#peers.delete(old.peer);
    const value = utf8(JSON.stringify({addresses: entry.addresses, seenAtMs: entry.seenAtMs}));
    await this.#store.write([
      {key: `${PREFIX}${peer}`, value},
      ...dropped.map((old) => ({key: `${PREFIX}${old.peer}`, value: undefined})),
    ]);
  }
}

/** Our own record; anything else under the key is ignored. */
function parse(peer: PeerId, value: Uint8Array): KnownPeer | undefined {
  try {
    const {addresses, seenAtMs} = JSON.parse(fromUtf8(value)) as Partial<KnownPeer>;
    if (!Array.isArray(addresses) || typeof seenAtMs !== "number") return undefined;
    return {peer, addresses: addresses.filter((text) => typeof text === "string"), seenAtMs};
  } catch {
    // A damaged hint is no hint; the peer is learned again.
    return undefined;
  }
}
