/** Connections of a running node: who is there, how far away, who to dial again. */
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {PeerEvent, PeerInfo} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import type {Store} from "@catalyze/core/ports/store";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {
  Connection,
  PeerInfo as Discovered,
  IdentifyResult,
  PeerId as LibraryPeerId,
} from "@libp2p/interface";
import {peerIdFromString} from "@libp2p/peer-id";
import {hostOf} from "./hostOf.ts";
import {KnownPeers} from "./knownPeers.ts";
import type {Libp2pNode} from "./libp2pNode.ts";
import {Redialer} from "./redialer.ts";
import {withDeadline} from "./withDeadline.ts";

export type PeerKeeperComponents = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store?: Store;
  readonly self: PeerId;
  readonly dial: (address: string) => Promise<PeerId>;
  readonly isBanned: (peer: PeerId) => boolean;
  readonly emit: (event: PeerEvent) => void;
};

const PING_MS_MAX = 5_000;
/** Peers that mDNS or the DHT shows are dialled up to here; more connections cost more than they give. */
const PEERS_DISCOVERED_MAX = 32;
/** One answer of the DHT may name a thousand peers that are nobody: the dials of others must not wait for them. */
const DISCOVERY_DIALS_MAX = 8;

export class PeerKeeper {
  readonly #components: PeerKeeperComponents;
  readonly #known: KnownPeers | undefined;
  readonly #redialer: Redialer;
  /** Pinned addresses that once answered, and who did. */
  readonly #peerOfAddress = new Map<string, PeerId>();
  readonly #latencyMs = new Map<PeerId, number>();
  /** Of connected peers. */
  readonly #hosts = new Map<PeerId, string>();
  #node: Libp2pNode | undefined;
  #discoveryDials = 0;

  constructor(components: PeerKeeperComponents) {
    const {clock, random, store} = components;
    this.#components = components;
    this.#known = store === undefined ? undefined : new KnownPeers({store, clock});
    this.#redialer = new Redialer({
      clock,
      random,
      dial: (address) => this.#redial(address),
      isConnected: (address) => this.#isConnected(address),
      peerCount: () => this.#node?.getPeers().length ?? 0,
    });
  }

  /** Before the node starts, so that no connection is missed. */
  attach(node: Libp2pNode): void {
    this.#node = node;
    node.addEventListener("connection:open", this.#onConnection);
    node.addEventListener("peer:connect", this.#onConnect);
    node.addEventListener("peer:disconnect", this.#onDisconnect);
    node.addEventListener("peer:identify", this.#onIdentify);
    node.addEventListener("peer:discovery", this.#onDiscovery);
  }

  async start(bootstrap: readonly string[]): Promise<void> {
    for (const address of bootstrap) this.#redialer.add(address, true);
    try {
      await this.#known?.load();
    } catch (error) {
      // Hints only: a store that cannot be read says so elsewhere.
      this.#components.log.warn("known peers not loaded", {error: String(error)});
    }
    for (const {peer, addresses} of this.#known?.list() ?? []) {
      if (peer === this.#components.self) continue;
      for (const address of addresses) this.#redialer.add(withPeer(address, peer), false);
    }
    this.#redialer.start();
  }

  stop(): void {
    const node = this.#node;
    this.#node = undefined;
    this.#redialer.stop();
    node?.removeEventListener("connection:open", this.#onConnection);
    node?.removeEventListener("peer:connect", this.#onConnect);
    node?.removeEventListener("peer:disconnect", this.#onDisconnect);
    node?.removeEventListener("peer:identify", this.#onIdentify);
    node?.removeEventListener("peer:discovery", this.#onDiscovery);
    this.#latencyMs.clear();
  }

  keep(peer: PeerId): void {
    if (peer !== this.#components.self) this.#redialer.add(`/p2p/${peer}`, true);
  }

  /** At once and without a goodbye, which a hostile peer could draw out. */
  hangUp(peer: PeerId): void {
    for (const connection of this.#node?.getConnections(peerIdFromString(peer)) ?? []) {
      connection.abort(new Error("banned"));
    }
  }

  hostOf(peer: PeerId): string | undefined {
    return this.#hosts.get(peer);
  }

  peers(node: Libp2pNode): readonly PeerInfo[] {
    const byPeer = new Map<PeerId, Connection[]>();
    for (const connection of node.getConnections()) {
      if (connection.status !== "open") continue;
      const peer = connection.remotePeer.toString() as PeerId;
      if (this.#components.isBanned(peer)) {
        // The library tells of a connection before it lists it: one made in between missed `hangUp`.
        connection.abort(new Error("banned"));
        continue;
      }
      byPeer.set(peer, [...(byPeer.get(peer) ?? []), connection]);
    }
    return [...byPeer].map(([peer, connections]) => this.#infoOf(peer, connections));
  }

  #infoOf(peer: PeerId, connections: readonly Connection[]): PeerInfo {
    const [first] = [...connections].sort((left, right) => left.timeline.open - right.timeline.open);
    return {
      peer,
      addresses: connections.map(({remoteAddr}) => remoteAddr.toString()),
      direction: first?.direction ?? "inbound",
      connectedAtMs: first?.timeline.open ?? this.#components.clock.now(),
      latencyMs: first?.rtt ?? this.#latencyMs.get(peer),
    };
  }

  async #redial(address: string): Promise<boolean> {
    const peer = await this.#components.dial(address);
    this.#peerOfAddress.set(address, peer);
    return peer !== this.#components.self;
  }

  #isConnected(address: string): boolean {
    const peer = this.#peerOfAddress.get(address) ?? peerIn(address);
    if (peer === undefined || this.#node === undefined) return false;
    return peer === this.#components.self || this.#node.getPeers().some((other) => other.toString() === peer);
  }

  /** A connection that was being made when its peer was banned passes the gate: it ends here. */
  readonly #onConnection = (event: CustomEvent<Connection>): void => {
    const peer = event.detail.remotePeer.toString() as PeerId;
    if (this.#components.isBanned(peer)) event.detail.abort(new Error("banned"));
    const host = hostOf([event.detail.remoteAddr.toString()]);
    if (host !== undefined) this.#hosts.set(peer, host);
  };

  readonly #onConnect = (event: CustomEvent<LibraryPeerId>): void => {
    const peer = event.detail.toString() as PeerId;
    this.#components.log.debug("peer connected", {peer});
    this.#components.emit({kind: "up", peer});
    void this.#measure(event.detail);
  };

  readonly #onDisconnect = (event: CustomEvent<LibraryPeerId>): void => {
    const peer = event.detail.toString() as PeerId;
    this.#latencyMs.delete(peer);
    this.#hosts.delete(peer);
    this.#components.log.debug("peer disconnected", {peer});
    this.#components.emit({kind: "down", peer});
  };

  readonly #onIdentify = (event: CustomEvent<IdentifyResult>): void => {
    const {peerId, listenAddrs} = event.detail;
    this.#known?.note(peerId.toString() as PeerId, listenAddrs.map(String)).catch((error) => {
      // A hint for the next start; losing it costs a lookup.
      this.#components.log.debug("peer address not kept", {error: String(error)});
    });
  };

  readonly #onDiscovery = (event: CustomEvent<Discovered>): void => {
    const node = this.#node;
    if (node === undefined || node.getPeers().length >= PEERS_DISCOVERED_MAX) return;
    const {id} = event.detail;
    if (node.getPeers().some((peer) => peer.equals(id)) || this.#discoveryDials >= DISCOVERY_DIALS_MAX)
      return;
    this.#discoveryDials += 1;
    const settle = () => {
      this.#discoveryDials -= 1;
    };
    // Others announce peers that are long gone.
    this.#components.dial(`/p2p/${id}`).then(settle, settle);
  };

  async #measure(peer: LibraryPeerId): Promise<void> {
    const node = this.#node;
    if (node === undefined) return;
    try {
      const latencyMs = await withDeadline({clock: this.#components.clock, ms: PING_MS_MAX}, (signal) =>
        node.services.ping.ping(peer, {signal}),
      );
      if (node.getPeers().some((other) => other.equals(peer))) {
        this.#latencyMs.set(peer.toString() as PeerId, latencyMs);
      }
    } catch {
      // Unknown latency is a valid answer.
    }
  }
}

function peerIn(address: string): PeerId | undefined {
  return /\/p2p\/([^/]+)$/.exec(address)?.[1] as PeerId | undefined;
}

function withPeer(address: string, peer: PeerId): string {
  return peerIn(address) === undefined ? `${address}/p2p/${peer}` : address;
}
