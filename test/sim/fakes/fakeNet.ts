/** The network port of one simulated node. All behaviour between nodes is in `FakeNetwork`. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {
  FrameStream,
  GossipMessage,
  Net,
  PeerEvent,
  PeerInfo,
  StreamHandler,
  Verdict,
} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import {PeerStanding} from "@catalyze/daemon/net/peerStanding";
import {GOSSIP_BYTES_MAX} from "@catalyze/proto/frameLimits";
import type {ProtocolName, TopicName} from "@catalyze/proto/topics";
import {never} from "./diskFaults.ts";
import type {FakeClock} from "./fakeClock.ts";
import type {FakeStream} from "./fakeStream.ts";

export type GossipHandler = (message: GossipMessage) => Verdict | Promise<Verdict>;

/** What a node needs of the network; `FakeNetwork` is it. */
export type FakeWire = {
  readonly clock: FakeClock;
  readonly latencyMs: number;
  gossip(from: FakeNet, topic: TopicName, data: Uint8Array): void;
  openStream(from: FakeNet, to: PeerId, protocol: ProtocolName): Promise<FakeStream>;
  disconnect(left: PeerId, right: PeerId): void;
};

export class FakeNet implements Net {
  readonly self: PeerId;
  readonly standing = new PeerStanding();
  /** Codes that this node charged to others, for tests. */
  readonly penalties: {readonly peer: PeerId; readonly code: ErrorCode}[] = [];
  readonly verdicts = {accept: 0, ignore: 0, reject: 0};
  readonly #network: FakeWire;
  readonly #topics = new Map<TopicName, GossipHandler>();
  readonly #protocols = new Map<ProtocolName, StreamHandler>();
  readonly #listeners = new Set<(event: PeerEvent) => void>();
  readonly #seen = new Map<string, number>();
  readonly #connectedAtMs = new Map<PeerId, {atMs: number; direction: PeerInfo["direction"]}>();
  #isUp = true;

  constructor(self: PeerId, network: FakeWire) {
    this.self = self;
    this.#network = network;
  }

  peers(): readonly PeerInfo[] {
    return [...this.#connectedAtMs].map(([peer, {atMs, direction}]) => ({
      peer,
      addresses: [`/fake/${peer}`],
      direction,
      connectedAtMs: atMs,
      latencyMs: this.#network.latencyMs,
    }));
  }

  hostOf(): string | undefined {
    return undefined;
  }

  onPeer(listener: (event: PeerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async publish(topic: TopicName, data: Uint8Array): Promise<void> {
    if (!this.#isUp) return await never();
    if (data.length > GOSSIP_BYTES_MAX[topic]) throw new CodedError("FRAME_TOO_LARGE");
    this.#network.gossip(this, topic, data);
  }

  subscribe(topic: TopicName, handler: GossipHandler): () => void {
    this.#topics.set(topic, handler);
    return () => this.#topics.delete(topic);
  }

  handle(protocol: ProtocolName, handler: StreamHandler): () => void {
    this.#protocols.set(protocol, handler);
    return () => this.#protocols.delete(protocol);
  }

  async open(peer: PeerId, protocol: ProtocolName, signal?: AbortSignal): Promise<FrameStream> {
    return await this.openStream(peer, protocol, signal);
  }

  /** As `open`, with the fake's own type: a hostile test sends frames of any size. */
  async openStream(peer: PeerId, protocol: ProtocolName, signal?: AbortSignal): Promise<FakeStream> {
    if (!this.#isUp) return await never();
    signal?.throwIfAborted();
    const stream = await this.#network.openStream(this, peer, protocol);
    if (signal?.aborted) {
      stream.abort();
      throw signal.reason;
    }
    return stream;
  }

  penalize(peer: PeerId, code: ErrorCode): void {
    if (!this.#isUp) return;
    this.penalties.push({peer, code});
    const isBan = this.standing.penalize(peer, code, this.#network.clock.now());
    if (isBan) this.#network.disconnect(this.self, peer);
  }

  // What follows is called by the network only.

  get isUp(): boolean {
    return this.#isUp;
  }

  crash(): void {
    this.#isUp = false;
    this.#listeners.clear();
    this.#topics.clear();
    this.#protocols.clear();
  }

  isSubscribed(topic: TopicName): boolean {
    return this.#topics.has(topic);
  }

  handlerOf(protocol: ProtocolName): StreamHandler | undefined {
    return this.#protocols.get(protocol);
  }

  setConnected(peer: PeerId, direction: PeerInfo["direction"]): void {
    if (this.#connectedAtMs.has(peer)) return;
    this.#connectedAtMs.set(peer, {atMs: this.#network.clock.now(), direction});
    for (const listener of [...this.#listeners]) listener({kind: "up", peer});
  }

  setDisconnected(peer: PeerId): void {
    if (!this.#connectedAtMs.delete(peer)) return;
    for (const listener of [...this.#listeners]) listener({kind: "down", peer});
  }

  isConnected(peer: PeerId): boolean {
    return this.#connectedAtMs.has(peer);
  }

  get neighbours(): readonly PeerId[] {
    return [...this.#connectedAtMs.keys()];
  }

  /** True the first time within `windowMs`. */
  markSeen(id: string, nowMs: number, windowMs: number): boolean {
    const atMs = this.#seen.get(id);
    if (atMs !== undefined && atMs > nowMs - windowMs) return false;
    this.#seen.delete(id);
    this.#seen.set(id, nowMs);
    for (const [oldest, seenMs] of this.#seen) {
      if (seenMs > nowMs - windowMs) break;
      this.#seen.delete(oldest);
    }
    return true;
  }

  async judge(topic: TopicName, message: GossipMessage): Promise<Verdict> {
    const handler = this.#topics.get(topic);
    if (handler === undefined) return "ignore";
    const verdict = await runHandler(handler, message);
    this.verdicts[verdict] += 1;
    return verdict;
  }
}

/** A throwing handler counts as `ignore`: a local fault never costs a peer standing. */
async function runHandler(handler: GossipHandler, message: GossipMessage): Promise<Verdict> {
  try {
    return await handler(message);
  } catch {
    return "ignore";
  }
}
