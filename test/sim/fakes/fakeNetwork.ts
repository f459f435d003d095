/**
 * A whole network in memory: latency, drops, duplicates, reordering, partitions, streams that break,
 * nodes that crash and come back. Driven by one `FakeClock` and one seed, so a run replays exactly.
 *
 * Gossip floods as gossipsub does: a node that accepts a message passes it to a few neighbours; equal
 * bytes count once within `SEEN_MS`.
 */
import {createHash} from "node:crypto";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {PeerId} from "@catalyze/core/primitives/id";
import {FRAME_BYTES_MAX} from "@catalyze/proto/frameLimits";
import type {ProtocolName, TopicName} from "@catalyze/proto/topics";
import type {FakeClock} from "./fakeClock.ts";
import {FakeNet, type FakeWire} from "./fakeNet.ts";
import {type FakeStream, fakeStreamPair} from "./fakeStream.ts";
import type {SeededRandom} from "./seededRandom.ts";

export type NetworkFaults = {
  /** One way, uniform between the two. */
  latencyMinMs: number;
  latencyMaxMs: number;
  /** Probabilities for each gossip message and link. */
  drop: number;
  duplicate: number;
  /** Probability for each frame that its stream breaks. */
  streamBreak: number;
  /** How long until others notice a crash or a partition. */
  detectMs: number;
};

const CALM: NetworkFaults = {
  latencyMinMs: 1,
  latencyMaxMs: 5,
  drop: 0,
  duplicate: 0,
  streamBreak: 0,
  detectMs: 100,
};

/** As gossipsub: mesh degree, and the time a message id is remembered. */
const FORWARD_PEERS = 6;
const SEEN_MS = 120_000;
/** As the real adapter's limit per protocol and connection; streams past it are reset. */
const INBOUND_STREAMS_MAX = 256;

type OpenStream = {
  readonly pair: readonly [FakeStream, FakeStream];
  readonly ends: readonly [PeerId, PeerId];
};

export class FakeNetwork implements FakeWire {
  readonly clock: FakeClock;
  readonly faults: NetworkFaults;
  readonly #random: SeededRandom;
  readonly #nets = new Map<PeerId, FakeNet>();
  readonly #groups = new Map<PeerId, number>();
  readonly #streams = new Set<OpenStream>();

  constructor(clock: FakeClock, random: SeededRandom, faults: Partial<NetworkFaults> = {}) {
    this.clock = clock;
    this.#random = random;
    this.faults = {...CALM, ...faults};
  }

  get latencyMs(): number {
    return this.faults.latencyMinMs + this.faults.latencyMaxMs;
  }

  /** A node starts, or starts again after a crash; it connects to every node that it can reach. */
  join(peer: PeerId): FakeNet {
    if (this.#nets.get(peer)?.isUp) throw new Error(`${peer} is up already`);
    // It may be back before anybody noticed that it was gone.
    if (this.#nets.has(peer)) this.#noticeGone(peer);
    const net = new FakeNet(peer, this);
    this.#nets.set(peer, net);
    for (const other of this.#nets.keys()) if (other !== peer) this.connect(peer, other);
    return net;
  }

  net(peer: PeerId): FakeNet | undefined {
    return this.#nets.get(peer);
  }

  connect(dialer: PeerId, listener: PeerId): void {
    this.clock.after(this.#delayMs() * 3, () => {
      const [near, far] = [this.#nets.get(dialer), this.#nets.get(listener)];
      if (near === undefined || far === undefined || !this.#isOpen(near, far)) return;
      near.setConnected(listener, "outbound");
      far.setConnected(dialer, "inbound");
    });
  }

  /** Hangs up; gossip and streams between the two end, a later `open` dials again. */
  disconnect(left: PeerId, right: PeerId): void {
    this.#breakStreams((ends) => ends.includes(left) && ends.includes(right), "hungUp");
    this.#nets.get(left)?.setDisconnected(right);
    this.clock.after(this.#delayMs(), () => this.#nets.get(right)?.setDisconnected(left));
  }

  /** The process is gone: its handle is dead, others notice after `detectMs`. */
  crash(peer: PeerId): void {
    const net = this.#nets.get(peer);
    if (net === undefined || !net.isUp) return;
    net.crash();
    this.clock.after(this.faults.detectMs, () => {
      if (this.#nets.get(peer) === net) this.#noticeGone(peer);
    });
  }

  #noticeGone(peer: PeerId): void {
    this.#breakStreams((ends) => ends.includes(peer), "peerGone");
    for (const other of this.#nets.values()) other.setDisconnected(peer);
  }

  /** Nodes in different groups cannot hear each other; nodes not named form one more group. */
  partition(groups: readonly (readonly PeerId[])[]): void {
    this.#groups.clear();
    groups.forEach((group, index) => {
      for (const peer of group) this.#groups.set(peer, index + 1);
    });
    this.clock.after(this.faults.detectMs, () => {
      this.#breakStreams(([left, right]) => !this.#isSameGroup(left, right), "partitioned");
      for (const net of this.#nets.values()) {
        for (const other of net.neighbours) {
          if (!this.#isSameGroup(net.self, other)) net.setDisconnected(other);
        }
      }
    });
  }

  heal(): void {
    this.#groups.clear();
    const peers = [...this.#nets.keys()];
    peers.forEach((left, index) => {
      for (const right of peers.slice(index + 1)) this.connect(left, right);
    });
  }

  // What follows is called by `FakeNet` only.

  gossip(from: FakeNet, topic: TopicName, data: Uint8Array): void {
    const id = createHash("sha256").update(topic).update(data).digest("base64");
    if (!from.markSeen(id, this.clock.now(), SEEN_MS)) return;
    this.#forward({topic, data: data.slice(), id}, from, from.neighbours);
  }

  async openStream(from: FakeNet, to: PeerId, protocol: ProtocolName): Promise<FakeStream> {
    await this.clock.sleep(this.#delayMs() + this.#delayMs());
    const remote = this.#nets.get(to);
    if (remote === undefined || !from.isUp || !this.#isOpen(from, remote)) {
      throw new CodedError("PEER_UNREACHABLE", {evidence: {peer: to}});
    }
    const handler = remote.handlerOf(protocol);
    if (handler === undefined) throw new CodedError("PEER_UNREACHABLE", {evidence: {peer: to, protocol}});
    from.setConnected(to, "outbound");
    remote.setConnected(from.self, "inbound");
    const pair = fakeStreamPair(from.self, to, {
      clock: this.clock,
      delayMs: () => this.#delayMs(),
      frameBytesMax: FRAME_BYTES_MAX[protocol],
      isBreaking: () => this.#random.chance(this.faults.streamBreak),
    });
    if (!this.#admit({pair, ends: [from.self, to]})) {
      pair[1].breakNow("tooManyStreams");
      return pair[0];
    }
    handler(pair[1]).catch(() => pair[1].abort());
    return pair[0];
  }

  #admit(stream: OpenStream): boolean {
    let between = 0;
    for (const open of this.#streams) {
      if (open.pair[0].isOver && open.pair[1].isOver) this.#streams.delete(open);
      else if (open.ends[0] === stream.ends[0] && open.ends[1] === stream.ends[1]) between += 1;
    }
    if (between >= INBOUND_STREAMS_MAX) return false;
    this.#streams.add(stream);
    return true;
  }

  #forward(
    message: {readonly topic: TopicName; readonly data: Uint8Array; readonly id: string},
    from: FakeNet,
    candidates: readonly PeerId[],
  ): void {
    for (const peer of this.#random.shuffle(candidates).slice(0, FORWARD_PEERS)) {
      if (this.#random.chance(this.faults.drop)) continue;
      this.clock.after(this.#delayMs(), () => this.#arrive(message, from, peer));
      if (!this.#random.chance(this.faults.duplicate)) continue;
      // A duplicate that slipped past the seen cache: the receiver must not care.
      this.clock.after(this.#delayMs() * 2, () => {
        const to = this.#nets.get(peer);
        if (to !== undefined && this.#isOpen(from, to)) void to.judge(message.topic, gossipOf(message, from));
      });
    }
  }

  #arrive(
    message: {readonly topic: TopicName; readonly data: Uint8Array; readonly id: string},
    from: FakeNet,
    peer: PeerId,
  ): void {
    const to = this.#nets.get(peer);
    if (to === undefined || !this.#isOpen(from, to) || !to.isSubscribed(message.topic)) return;
    if (!to.markSeen(message.id, this.clock.now(), SEEN_MS)) return;
    void to.judge(message.topic, gossipOf(message, from)).then((verdict) => {
      if (verdict !== "accept" || !to.isUp) return;
      this.#forward(
        message,
        to,
        to.neighbours.filter((other) => other !== from.self),
      );
    });
  }

  #breakStreams(isHit: (ends: readonly [PeerId, PeerId]) => boolean, reason: string): void {
    for (const stream of [...this.#streams]) {
      if (!isHit(stream.ends)) continue;
      this.#streams.delete(stream);
      stream.pair[0].breakNow(reason);
    }
  }

  #isOpen(left: FakeNet, right: FakeNet): boolean {
    const nowMs = this.clock.now();
    return (
      left.isUp &&
      right.isUp &&
      this.#isSameGroup(left.self, right.self) &&
      !left.standing.isBanned(right.self, nowMs) &&
      !right.standing.isBanned(left.self, nowMs)
    );
  }

  #isSameGroup(left: PeerId, right: PeerId): boolean {
    return (this.#groups.get(left) ?? 0) === (this.#groups.get(right) ?? 0);
  }

  #delayMs(): number {
    return this.#random.between(this.faults.latencyMinMs, this.faults.latencyMaxMs);
  }
}

function gossipOf(message: {readonly data: Uint8Array}, from: FakeNet): {from: PeerId; data: Uint8Array} {
  return {from: from.self, data: message.data.slice()};
}
