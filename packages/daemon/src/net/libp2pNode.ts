/** Builds the libp2p node: TCP, Noise, Yamux, identify, ping, gossipsub, the DHT, mDNS. */
import type {PeerId} from "@catalyze/core/primitives/id";
import {dhtProtocolOf} from "@catalyze/proto/topics";
import type {GossipSub} from "@chainsafe/libp2p-gossipsub";
import {identify} from "@libp2p/identify";
import type {Libp2p, PrivateKey} from "@libp2p/interface";
import {type KadDHT, kadDHT, passthroughMapper} from "@libp2p/kad-dht";
import {mdns} from "@libp2p/mdns";
import {noise} from "@libp2p/noise";
import {type Ping, ping} from "@libp2p/ping";
import {tcp} from "@libp2p/tcp";
import {yamux} from "@libp2p/yamux";
import {createLibp2p} from "libp2p";
import {gossipService} from "./gossip.ts";

export type NodeServices = {
  readonly identify: ReturnType<ReturnType<typeof identify>>;
  readonly ping: Ping;
  readonly pubsub: GossipSub;
  readonly dht: KadDHT;
};
export type Libp2pNode = Libp2p<NodeServices>;

export type NodeOptions = {
  readonly privateKey: PrivateKey;
  readonly networkTag: string;
  readonly listen: readonly string[];
  /** Addresses told to others instead of the ones listened on. */
  readonly announce?: readonly string[];
  readonly mdns: boolean;
  readonly isBanned: (peer: PeerId) => boolean;
  readonly pointsOf: (peer: PeerId) => number;
};

const CONNECTIONS_MAX = 200;
/** The library's 5 a second and host refuses a local network that starts at once. */
const INBOUND_CONNECTIONS_PER_SECOND = 50;
/** A busy machine answers a ping late; a dead peer's socket closes at once anyway. */
const PING_TIMEOUT_MS = 15_000;
/** Below the 4 MiB at which a paused stream is reset: what is under way when it pauses must fit. */
const WINDOW_BYTES_MAX = 2 * 1024 * 1024;

/** Not started: handlers come first. */
export async function createNode(options: NodeOptions): Promise<Libp2pNode> {
  const {privateKey, networkTag, isBanned} = options;
  const refuse = (peer: {toString(): string}) => isBanned(peer.toString() as PeerId);
  return await createLibp2p({
    privateKey,
    start: false,
    addresses: {
      listen: [...options.listen],
      ...(options.announce === undefined ? {} : {announce: [...options.announce]}),
    },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({streamOptions: {maxStreamWindowSize: WINDOW_BYTES_MAX}})],
    peerDiscovery: options.mdns ? [mdns({serviceTag: `_ctz-${networkTag}._udp.local`})] : [],
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND,
      maxIncomingPendingConnections: INBOUND_CONNECTIONS_PER_SECOND,
      // Addresses that a person gave, and bans, are ours to retry: see redialer.ts.
      reconnectRetries: 0,
    },
    connectionMonitor: {pingTimeout: {minTimeout: PING_TIMEOUT_MS}},
    connectionGater: {
      // The default refuses private addresses in some environments; local networks live on them.
      denyDialMultiaddr: () => false,
      denyDialPeer: refuse,
      denyInboundEncryptedConnection: refuse,
      denyOutboundEncryptedConnection: refuse,
    },
    services: {
      identify: identify(),
      ping: ping(),
      pubsub: gossipService(networkTag, options.pointsOf),
      // Only provider records are used; without validators no value can be stored here by strangers.
      dht: kadDHT({
        protocol: dhtProtocolOf(networkTag),
        clientMode: false,
        peerInfoMapper: passthroughMapper,
        validators: {},
        selectors: {},
      }),
    },
  });
}
