/** The network port over libp2p. Handlers may be set before `start()`; they are kept across a restart. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {FrameStream, Net, PeerEvent, PeerInfo, StreamHandler} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import type {ContentRouting} from "@catalyze/core/ports/routing";
import type {Store} from "@catalyze/core/ports/store";
import type {PeerId} from "@catalyze/core/primitives/id";
import {FRAME_BYTES_MAX, GOSSIP_BYTES_MAX} from "@catalyze/proto/frameLimits";
import {type ProtocolName, protocolOf, type TopicName, topicOf} from "@catalyze/proto/topics";
import type {PrivateKey} from "@libp2p/interface";
import {peerIdFromPrivateKey, peerIdFromString} from "@libp2p/peer-id";
import {multiaddr} from "@multiformats/multiaddr";
import {DhtRouting} from "./dhtRouting.ts";
import {serveGenesis} from "./genesisExchange.ts";
import {type GossipHandler, subscribeTopic} from "./gossip.ts";
import {peerKeyOfSeed} from "./identity.ts";
import {createNode, type Libp2pNode} from "./libp2pNode.ts";
import {Libp2pStream} from "./libp2pStream.ts";
import {netError, startError} from "./netError.ts";
import {PeerKeeper} from "./peerKeeper.ts";
import {PeerStanding} from "./peerStanding.ts";
import {STREAMS_MAX, serveStream} from "./serveStream.ts";
import {withDeadline} from "./withDeadline.ts";

export type Libp2pNetComponents = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Remembers peers across restarts; without it nothing is remembered. */
  readonly store?: Store;
};

export type Libp2pNetOptions = {
  /** 32 bytes: the peer's Ed25519 seed. */
  readonly seed: Uint8Array;
  /** Eight hex digits, part of every protocol id, topic and mDNS tag. */
  readonly networkTag: string;
  /** Multiaddrs, e.g. `/ip4/0.0.0.0/tcp/4150`; port 0 takes a free one. */
  readonly listen: readonly string[];
  readonly announce?: readonly string[];
  /** Multiaddrs, with a peer id or without. */
  readonly bootstrap: readonly string[];
  /** Multicasts on real interfaces: never on in tests. */
  readonly mdns: boolean;
};

/** Dial and negotiation together. */
const OPEN_MS_MAX = 10_000;
const DIAL_MS_MAX = 10_000;

export class Libp2pNet implements Net {
  readonly self: PeerId;
  readonly routing: ContentRouting;
  readonly #components: Libp2pNetComponents;
  readonly #options: Libp2pNetOptions;
  readonly #privateKey: PrivateKey;
  readonly #standing = new PeerStanding();
  readonly #protocols = new Map<ProtocolName, StreamHandler>();
  readonly #topics = new Map<TopicName, {readonly handler: GossipHandler; stop: () => void}>();
  readonly #listeners = new Set<(event: PeerEvent) => void>();
  readonly #keeper: PeerKeeper;
  #genesis: Uint8Array | undefined;
  #node: Libp2pNode | undefined;

  private constructor(privateKey: PrivateKey, components: Libp2pNetComponents, options: Libp2pNetOptions) {
    this.#privateKey = privateKey;
    this.#components = components;
    this.#options = options;
    this.self = peerIdFromPrivateKey(privateKey).toString() as PeerId;
    this.routing = new DhtRouting({...components, node: () => this.#running()});
    this.#keeper = new PeerKeeper({
      ...components,
      self: this.self,
      dial: (address) => this.dial(address),
      isBanned: (peer) => this.#standing.isBanned(peer, components.clock.now()),
      emit: (event) => this.#emit(event),
    });
  }

  static async create(components: Libp2pNetComponents, options: Libp2pNetOptions): Promise<Libp2pNet> {
    return new Libp2pNet(await peerKeyOfSeed(options.seed), components, options);
  }

  /** Throws `PORT_IN_USE`. Returns when listening; peers come later. */
  async start(): Promise<void> {
    const {clock} = this.#components;
    const node = await createNode({
      ...this.#options,
      privateKey: this.#privateKey,
      isBanned: (peer) => this.#standing.isBanned(peer, clock.now()),
      pointsOf: (peer) => this.#standing.pointsOf(peer, clock.now()),
    });
    for (const [name, handler] of this.#protocols) await this.#register(node, name, handler);
    if (this.#genesis !== undefined) await serveGenesis(node, this.#genesis);
    this.#keeper.attach(node);
    try {
      await node.start();
    } catch (error) {
      this.#keeper.stop();
      await node.stop();
      throw startError(error);
    }
    this.#node = node;
    for (const name of this.#topics.keys()) this.#join(node, name);
    await this.#keeper.start(this.#options.bootstrap);
  }

  async stop(): Promise<void> {
    const node = this.#node;
    if (node === undefined) return;
    this.#node = undefined;
    this.#keeper.stop();
    await node.stop();
  }

  /** Where others reach this node, with its peer id. */
  addresses(): readonly string[] {
    return this.#node?.getMultiaddrs().map(String) ?? [];
  }

  /** Connects to an address and says who answered. Throws `PEER_UNREACHABLE`, `REQUEST_INVALID`. */
  async dial(address: string, signal?: AbortSignal): Promise<PeerId> {
    const target = parseTarget(address);
    try {
      const connection = await withDeadline(
        {clock: this.#components.clock, ms: DIAL_MS_MAX, signal},
        (deadline) => this.#running().dial(target, {signal: deadline}),
      );
      return connection.remotePeer.toString() as PeerId;
    } catch (error) {
      signal?.throwIfAborted();
      throw netError(error, {address});
    }
  }

  /** Stays connected to the peer, redialling when it is lost: witnesses among themselves. */
  keep(peer: PeerId): void {
    this.#keeper.keep(peer);
  }

  /** Lets strangers learn this network. Call before `start()`. */
  serveGenesis(bytes: Uint8Array): void {
    this.#genesis = bytes;
  }

  peers(): readonly PeerInfo[] {
    return this.#node === undefined ? [] : this.#keeper.peers(this.#node);
  }

  hostOf(peer: PeerId): string | undefined {
    return this.#keeper.hostOf(peer);
  }

  onPeer(listener: (event: PeerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async publish(topic: TopicName, data: Uint8Array): Promise<void> {
    if (data.length > GOSSIP_BYTES_MAX[topic]) {
      throw new CodedError("FRAME_TOO_LARGE", {evidence: {topic, bytes: data.length}});
    }
    try {
      await this.#node?.services.pubsub.publish(topicOf(this.#options.networkTag, topic), data);
    } catch (error) {
      // Gossip is best effort: whoever needs certainty asks on a stream.
      this.#components.log.debug("gossip was not sent", {topic, error: String(error)});
    }
  }

  subscribe(topic: TopicName, handler: GossipHandler): () => void {
    this.#topics.get(topic)?.stop();
    const entry = {handler, stop: () => {}};
    this.#topics.set(topic, entry);
    if (this.#node !== undefined) this.#join(this.#node, topic);
    return () => {
      if (this.#topics.get(topic) !== entry) return;
      this.#topics.delete(topic);
      if (this.#node !== undefined) entry.stop();
    };
  }

  handle(protocol: ProtocolName, handler: StreamHandler): () => void {
    this.#protocols.set(protocol, handler);
    if (this.#node !== undefined) {
      this.#register(this.#node, protocol, handler).catch((error) => {
        this.#components.log.warn("protocol not registered", {protocol, error: String(error)});
      });
    }
    return () => {
      if (this.#protocols.get(protocol) !== handler) return;
      this.#protocols.delete(protocol);
      // Unregistering can only fail on a node that has stopped.
      this.#node?.unhandle(protocolOf(this.#options.networkTag, protocol)).catch(() => {});
    };
  }

  async open(peer: PeerId, protocol: ProtocolName, signal?: AbortSignal): Promise<FrameStream> {
    const {clock} = this.#components;
    const evidence = {peer, protocol};
    if (this.#standing.isBanned(peer, clock.now())) {
      throw new CodedError("PEER_UNREACHABLE", {evidence: {...evidence, reason: "banned"}});
    }
    try {
      const name = protocolOf(this.#options.networkTag, protocol);
      const stream = await withDeadline({clock, ms: OPEN_MS_MAX, signal}, (deadline) =>
        this.#running().dialProtocol(peerIdFromString(peer), name, {
          signal: deadline,
          maxOutboundStreams: STREAMS_MAX[protocol],
        }),
      );
      return new Libp2pStream(stream, peer, FRAME_BYTES_MAX[protocol]);
    } catch (error) {
      signal?.throwIfAborted();
      throw netError(error, evidence);
    }
  }

  penalize(peer: PeerId, code: ErrorCode): void {
    const {clock, log} = this.#components;
    const isBan = this.#standing.penalize(peer, code, clock.now());
    log.debug("peer penalized", {peer, code, isBan});
    if (isBan) this.#keeper.hangUp(peer);
  }

  #running(): Libp2pNode {
    if (this.#node === undefined)
      throw new CodedError("PEER_UNREACHABLE", {evidence: {reason: "netStopped"}});
    return this.#node;
  }

  async #register(node: Libp2pNode, protocol: ProtocolName, handler: StreamHandler): Promise<void> {
    await node.handle(
      protocolOf(this.#options.networkTag, protocol),
      (stream, connection) => {
        const peer = connection.remotePeer.toString() as PeerId;
        void serveStream(new Libp2pStream(stream, peer, FRAME_BYTES_MAX[protocol]), handler, {
          log: this.#components.log,
          protocol,
        });
      },
      {maxInboundStreams: STREAMS_MAX[protocol], maxOutboundStreams: STREAMS_MAX[protocol], force: true},
    );
  }

  #join(node: Libp2pNode, name: TopicName): void {
    const entry = this.#topics.get(name);
    if (entry === undefined) return;
    const {networkTag} = this.#options;
    entry.stop = subscribeTopic(
      node.services.pubsub,
      {networkTag, name, log: this.#components.log},
      entry.handler,
    );
  }

  #emit(event: PeerEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#components.log.warn("peer listener failed", {error: String(error)});
      }
    }
  }
}

function parseTarget(address: string) {
  try {
    // A bare peer id is looked up: in the peer store, then through the DHT.
    return address.startsWith("/p2p/") ? peerIdFromString(address.slice(5)) : multiaddr(address);
  } catch (error) {
    throw new CodedError("REQUEST_INVALID", {message: "That is not a network address.", cause: error});
  }
}
