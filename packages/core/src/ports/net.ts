import type {ProtocolName, TopicName} from "@catalyze/proto/topics";
import type {ErrorCode} from "../errors/table.ts";
import type {PeerId} from "../primitives/id.ts";

/** What a validator says of a gossiped message. `reject` costs the sender score; `ignore` does not. */
export type Verdict = "accept" | "ignore" | "reject";

export type GossipMessage = {
  /** The neighbour that passed it on, not the author. */
  readonly from: PeerId;
  readonly data: Uint8Array;
};

/** One stream of length-prefixed frames. Every method throws `PEER_UNREACHABLE` once the stream is broken. */
export interface FrameStream {
  readonly peer: PeerId;
  /** Resolves when the frame is handed over; waits while the other side is slow. */
  send(frame: Uint8Array): Promise<void>;
  /** The next frame; `undefined` when the other side has closed. Throws `FRAME_TOO_LARGE`. */
  receive(signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Ends our side; frames already sent arrive. */
  close(): Promise<void>;
  /** Drops the stream at once, both ways. */
  abort(reason?: Error): void;
}

export type StreamHandler = (stream: FrameStream) => Promise<void>;

export type PeerEvent = {readonly kind: "up" | "down"; readonly peer: PeerId};

export type PeerInfo = {
  readonly peer: PeerId;
  readonly addresses: readonly string[];
  readonly direction: "inbound" | "outbound";
  readonly connectedAtMs: number;
  readonly latencyMs: number | undefined;
};

/** The network as the rules see it. */
export interface Net {
  readonly self: PeerId;
  peers(): readonly PeerInfo[];
  /** The machine that a connected peer comes from; `undefined` where nobody can tell, or many share it by right. */
  hostOf(peer: PeerId): string | undefined;
  /** The result removes the listener. */
  onPeer(listener: (event: PeerEvent) => void): () => void;
  /** Delivered to subscribers of other nodes only. Fails silently when nobody listens. */
  publish(topic: TopicName, data: Uint8Array): Promise<void>;
  /** One handler a topic; it validates and consumes. A throwing handler counts as `ignore`. */
  subscribe(topic: TopicName, handler: (message: GossipMessage) => Verdict | Promise<Verdict>): () => void;
  handle(protocol: ProtocolName, handler: StreamHandler): () => void;
  open(peer: PeerId, protocol: ProtocolName, signal?: AbortSignal): Promise<FrameStream>;
  /** A peer broke the protocol: costs it standing here, and the connection when it goes on. */
  penalize(peer: PeerId, code: ErrorCode): void;
}
