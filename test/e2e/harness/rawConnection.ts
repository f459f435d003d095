/** A connection that was made in good order, and then the bare channel below its streams. */
import {generateKeyPair} from "@libp2p/crypto/keys";
import type {MessageStream, StreamMuxer} from "@libp2p/interface";
import {noise} from "@libp2p/noise";
import {tcp} from "@libp2p/tcp";
import {yamux} from "@libp2p/yamux";
import {multiaddr} from "@multiformats/multiaddr";
import {createLibp2p} from "libp2p";

export type RawConnection = {
  /** Its own, for streams that the library would not open. */
  readonly muxer: StreamMuxer;
  readonly isOpen: boolean;
  /** Encrypted, and otherwise as it is. Resolves when there is room for more. */
  send(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
};

const STREAMS_MAX = 1_000_000;
const DRAIN_MS = 1_000;

export async function rawConnection(address: string): Promise<RawConnection> {
  let channel: MessageStream | undefined;
  let muxer: StreamMuxer | undefined;
  const node = await createLibp2p({
    privateKey: await generateKeyPair("Ed25519"),
    addresses: {listen: []},
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      () => ({
        protocol: "/yamux/1.0.0",
        createStreamMuxer(stream) {
          channel = stream;
          muxer = yamux({maxOutboundStreams: STREAMS_MAX})().createStreamMuxer(stream);
          return muxer;
        },
      }),
    ],
    connectionGater: {denyDialMultiaddr: () => false},
  });
  const connection = await node.dial(multiaddr(address));
  if (channel === undefined || muxer === undefined) throw new Error("no channel");
  const stream = channel;
  return {
    muxer,
    get isOpen() {
      return connection.status === "open";
    },
    send: async (bytes) => {
      if (connection.status !== "open" || stream.send(bytes)) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, DRAIN_MS);
        for (const event of ["drain", "close"] as const) {
          stream.addEventListener(
            event,
            () => {
              clearTimeout(timer);
              resolve();
            },
            {once: true},
          );
        }
      });
    },
    close: async () => {
      await node.stop();
    },
  };
}
