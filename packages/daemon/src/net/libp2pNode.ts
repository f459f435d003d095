/** Builds the libp2p node: TCP, Noise, Yamux, identify, ping, gossipsub, the DHT, mDNS. */
import type {PeerId} from "@catalyze/core/primitives/id";
import type {GossipSub} from "@chainsafe/libp2p-gossipsub";
import {identify} from "@libp2p/identify";
import type {Libp2p, MultiaddrConnection, PrivateKey} from "@libp2p/interface";
import type {KadDHT} from "@libp2p/kad-dht";
import {mdns} from "@libp2p/mdns";
import {noise} from "@libp2p/noise";
import {peerIdFromPrivateKey} from "@libp2p/peer-id";
import {type Ping, ping} from "@libp2p/ping";
import {tcp} from "@libp2p/tcp";
import {createLibp2p} from "libp2p";
import {CONNECTIONS_MAX, isCrowded} from "./crowd.ts";
import {dhtService} from "./dhtService.ts";
import {gossipService} from "./gossip.ts";
import {muxer} from "./muxer.ts";
import {NetMemory} from "./netMemory.ts";

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

/** The library's 5 a second and host refuses a local network that starts at once. */
const INBOUND_CONNECTIONS_PER_SECOND = 50;
/** A busy machine answers a ping late; a dead peer's socket closes at once anyway. */
const PING_TIMEOUT_MS = 15_000;
/** Half the library's: a handshake takes 100 ms of a busy machine and two round trips. */
const UPGRADE_TIMEOUT_MS = 5_000;
/** More than one host can hold open, silent, until they time out: others still get in. */
const INBOUND_PENDING_MAX = 300;
/** A stream's protocol is named in one round trip. */
const NEGOTIATION_TIMEOUT_MS = 5_000;

/** Not started: handlers come first. */
export async function createNode(options: NodeOptions): Promise<Libp2pNode> {
  const {privateKey, networkTag, isBanned} = options;
  const refuse = (peer: {toString(): string}) => isBanned(peer.toString() as PeerId);
  const seated = () =>
    node.getConnections().map(({remotePeer, remoteAddr}) => seat(remotePeer.toString(), remoteAddr));
  const node: Libp2pNode = await createLibp2p({
    privateKey,
    datastore: new NetMemory(peerIdFromPrivateKey(privateKey).toString()),
    start: false,
    addresses: {
      listen: [...options.listen],
      ...(options.announce === undefined ? {} : {announce: [...options.announce]}),
    },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [muxer()],
    peerDiscovery: options.mdns ? [mdns({serviceTag: `_ctz-${networkTag}._udp.local`})] : [],
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND,
      maxIncomingPendingConnections: INBOUND_PENDING_MAX,
      inboundUpgradeTimeout: UPGRADE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: NEGOTIATION_TIMEOUT_MS,
      // Addresses that a person gave, and bans, are ours to retry: see redialer.ts.
      reconnectRetries: 0,
    },
    connectionMonitor: {pingTimeout: {minTimeout: PING_TIMEOUT_MS}},
    connectionGater: {
      // The default refuses private addresses in some environments; local networks live on them.
      denyDialMultiaddr: () => false,
      denyDialPeer: refuse,
      denyInboundEncryptedConnection: (peer, {remoteAddr}) =>
        refuse(peer) || isCrowded(seated(), seat(peer.toString(), remoteAddr)),
      denyOutboundEncryptedConnection: refuse,
    },
    services: {
      identify: identify(),
      ping: ping(),
      pubsub: gossipService(networkTag, options.pointsOf),
      dht: dhtService(networkTag),
    },
  });
  return node;
}

function seat(peer: string, address: MultiaddrConnection["remoteAddr"]) {
  return {peer: peer as PeerId, address: address.toString()};
}
