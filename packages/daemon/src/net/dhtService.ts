/**
 * The DHT of a node: provider records and nothing else. The library takes messages of 4 MiB in both
 * directions and decodes them whole, half a million addresses at once, so what is said on one of its
 * streams is counted before the library sees it.
 */
import {dhtProtocolOf} from "@catalyze/proto/topics";
import type {PeerInfo, Stream} from "@libp2p/interface";
import {type KadDHT, kadDHT} from "@libp2p/kad-dht";

/** Twenty peers with eight addresses each take 10 KiB; a request takes less. */
const DHT_STREAM_BYTES_MAX = 64 * 1024;
/** A walk asks one peer a few things at once. */
const DHT_STREAMS_PER_CONNECTION_MAX = 8;
/** Over all connections: with what a stream may hold, 32 MiB. */
const DHT_STREAMS_MAX = 128;
/** Told to others of one peer, so that an answer of honest peers stays below the stream's bytes. */
const ADDRESSES_TOLD_MAX = 8;
const ADDRESS_BYTES_MAX = 128;

type Create = ReturnType<typeof kadDHT>;
type Components = Parameters<Create>[0];

export function dhtService(networkTag: string): (components: Components) => KadDHT {
  const create = kadDHT({
    protocol: dhtProtocolOf(networkTag),
    clientMode: false,
    maxInboundStreams: DHT_STREAMS_PER_CONNECTION_MAX,
    peerInfoMapper: withFewAddresses,
    // The library adds one of its own, which lets any stranger store any number of public keys.
    validators: {pk: refuseValue},
    selectors: {},
  });
  return (components) => create(counted(components));
}

async function refuseValue(): Promise<void> {
  throw new Error("no values are kept");
}

function withFewAddresses({id, multiaddrs}: PeerInfo): PeerInfo {
  const short = multiaddrs.filter(({bytes}) => bytes.length <= ADDRESS_BYTES_MAX);
  return {id, multiaddrs: short.slice(0, ADDRESSES_TOLD_MAX)};
}

/** The same components; streams that they hand to the DHT are counted. */
function counted(components: Components): Components {
  const {registrar, connectionManager} = components;
  const serving = new Set<Stream>();
  return overriding(components, {
    registrar: overriding(registrar, {
      handle: (protocol, handler, options) => {
        const counting: typeof handler = (stream, connection) => {
          if (serving.size >= DHT_STREAMS_MAX) {
            stream.abort(new Error("too many streams"));
            return;
          }
          serving.add(stream);
          stream.addEventListener("close", () => serving.delete(stream), {once: true});
          // In the same turn as the handler: what has already come is told to both.
          limitBytes(stream);
          return handler(stream, connection);
        };
        return registrar.handle(protocol, counting, options);
      },
    }),
    connectionManager: overriding(connectionManager, {
      openStream: async (...args) => limitBytes(await connectionManager.openStream(...args)),
    }),
  });
}

/** Ends the stream when the other side has said too much. */
function limitBytes(stream: Stream): Stream {
  let left = DHT_STREAM_BYTES_MAX;
  stream.addEventListener("message", ({data}) => {
    left -= data.byteLength;
    if (left < 0 && stream.status === "open") stream.abort(new Error("too many bytes"));
  });
  return stream;
}

/** `target` with some members replaced; the others run on `target` itself. */
function overriding<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const member: unknown = Reflect.get(name in members ? members : target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
