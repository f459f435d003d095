/** A peer with the keys of nobody and no manners: raw frames on streams, raw bytes on topics. */
import {concat} from "@catalyze/core/primitives/bytes";
import {createNode, type Libp2pNode} from "@catalyze/daemon/net/libp2pNode";
import {
  GENESIS_PROTOCOL,
  type ProtocolName,
  protocolOf,
  type TopicName,
  topicOf,
} from "@catalyze/proto/topics";
import {generateKeyPair} from "@libp2p/crypto/keys";
import type {Connection, PeerId, Stream} from "@libp2p/interface";
import {multiaddr} from "@multiformats/multiaddr";
import {pause, until} from "./until.ts";

export type Protocol = ProtocolName | "genesis";

const ANSWER_MS = 600;
const DIAL_MS = 5_000;

export class Enemy {
  readonly #node: Libp2pNode;
  readonly #tag: string;
  readonly #target: string;
  /** What was gossiped to it, by topic. */
  readonly heard = new Map<string, Uint8Array[]>();

  private constructor(node: Libp2pNode, tag: string, target: string) {
    this.#node = node;
    this.#tag = tag;
    this.#target = target;
  }

  /** A new identity, connected to the address; `prepare` may teach its node bad manners first. */
  static async at(
    target: string,
    tag: string,
    prepare?: (node: Libp2pNode) => Promise<void>,
  ): Promise<Enemy> {
    const node = await createNode({
      ...{privateKey: await generateKeyPair("Ed25519"), networkTag: tag, mdns: false},
      // Who can be dialled back is asked by the DHT.
      listen: ["/ip4/127.0.0.1/tcp/0"],
      isBanned: () => false,
      pointsOf: () => 0,
    });
    await node.start();
    await prepare?.(node);
    const enemy = new Enemy(node, tag, target);
    node.services.pubsub.addEventListener("message", ({detail}) => {
      enemy.heard.set(detail.topic, [...(enemy.heard.get(detail.topic) ?? []), detail.data]);
    });
    await node.dial(multiaddr(target), {signal: AbortSignal.timeout(DIAL_MS)});
    return enemy;
  }

  get isConnected(): boolean {
    return this.#node.getConnections().some(({status}) => status === "open");
  }

  /** Whether the target still lets it in. */
  async isWelcome(): Promise<boolean> {
    try {
      const connection = await this.connect();
      await pause(200);
      return connection.status === "open";
    } catch {
      return false;
    }
  }

  /** Sends bytes as they are on a stream of its own and waits until the other side ends it, or has said enough. */
  async send(protocol: Protocol, bytes: Uint8Array): Promise<void> {
    await this.sendTo(protocol === "genesis" ? GENESIS_PROTOCOL : protocolOf(this.#tag, protocol), bytes);
  }

  /** The same on any protocol, by its full name. What the target said to it, if anything. */
  async sendTo(name: string, bytes: Uint8Array, answerMs = ANSWER_MS): Promise<Uint8Array> {
    let stream: Stream | undefined;
    const heard: Uint8Array[] = [];
    try {
      stream = await this.open(name);
      stream.addEventListener("message", ({data}) => heard.push(data.subarray()));
      const closed = new Promise<void>((resolve) => stream?.addEventListener("close", () => resolve()));
      stream.send(bytes);
      await Promise.race([closed, pause(answerMs)]);
    } catch {
      // Refused, reset or banned: what this is for.
    } finally {
      stream?.abort(new Error("done"));
    }
    return concat(...heard);
  }

  /** A stream to do anything with; whatever the library would limit at this end is not. */
  async open(name: string): Promise<Stream> {
    return await this.#node.dialProtocol(multiaddr(this.#target), name, {
      ...{signal: AbortSignal.timeout(DIAL_MS), maxOutboundStreams: 100_000},
    });
  }

  /** One more connection of the same identity. */
  async connect(): Promise<Connection> {
    return await this.#node.dial(multiaddr(this.#target), {
      signal: AbortSignal.timeout(DIAL_MS),
      force: true,
    });
  }

  get peerId(): PeerId {
    return this.#node.peerId;
  }

  /** One frame with its length before it. */
  async sendFrame(protocol: Protocol, frame: Uint8Array): Promise<void> {
    await this.send(protocol, concat(varint(frame.length), frame));
  }

  /** Joins the topics and waits until the target is seen there. */
  async join(topics: readonly TopicName[]): Promise<void> {
    const {pubsub} = this.#node.services;
    for (const topic of topics) pubsub.subscribe(topicOf(this.#tag, topic));
    await until("the target listens to the topics", () =>
      topics.every((topic) => pubsub.getSubscribers(topicOf(this.#tag, topic)).length > 0),
    );
  }

  async publish(topic: TopicName, bytes: Uint8Array): Promise<void> {
    // Too large, or graylisted by the target: the library may throw.
    await this.#node.services.pubsub.publish(topicOf(this.#tag, topic), bytes).catch(() => undefined);
  }

  heardOn(topic: TopicName): readonly Uint8Array[] {
    return this.heard.get(topicOf(this.#tag, topic)) ?? [];
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }
}

export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return new Uint8Array([...bytes, rest]);
}
