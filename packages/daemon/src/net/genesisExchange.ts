/**
 * How a machine that knows one address learns the network: it asks for the genesis and, in the same
 * breath, which peer answered. Whoever joins checks and pins the genesis hash; this only carries bytes.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {PeerId} from "@catalyze/core/primitives/id";
import {GENESIS_PROTOCOL} from "@catalyze/proto/topics";
import {generateKeyPair} from "@libp2p/crypto/keys";
import {identify} from "@libp2p/identify";
import type {Stream} from "@libp2p/interface";
import {noise} from "@libp2p/noise";
import {tcp} from "@libp2p/tcp";
import {yamux} from "@libp2p/yamux";
import {multiaddr} from "@multiformats/multiaddr";
import {createLibp2p} from "libp2p";
import type {Libp2pNode} from "./libp2pNode.ts";
import {Libp2pStream} from "./libp2pStream.ts";
import {netError} from "./netError.ts";
import {withDeadline} from "./withDeadline.ts";

/** A genesis lists accounts and witnesses; a thousand of them fit. */
const GENESIS_BYTES_MAX = 1024 * 1024;
const INBOUND_STREAMS_MAX = 8;

export type FetchedGenesis = {readonly bytes: Uint8Array; readonly peer: PeerId};

/** Answers every asker with the same bytes. The result stops it. */
export async function serveGenesis(node: Libp2pNode, genesis: Uint8Array): Promise<() => void> {
  await node.handle(
    GENESIS_PROTOCOL,
    (stream, connection) => answer(stream, connection.remotePeer, genesis),
    {
      maxInboundStreams: INBOUND_STREAMS_MAX,
    },
  );
  return () => {
    // Unregistering can only fail on a node that has stopped.
    node.unhandle(GENESIS_PROTOCOL).catch(() => {});
  };
}

/** Asks the peer at `address`, from a throw-away identity. Throws `PEER_UNREACHABLE` or `REQUEST_INVALID`. */
export async function fetchGenesis(
  address: string,
  {clock, timeoutMs}: {readonly clock: Clock; readonly timeoutMs: number},
): Promise<FetchedGenesis> {
  const target = parseAddress(address);
  const node = await createLibp2p({
    privateKey: await generateKeyPair("Ed25519"),
    addresses: {listen: []},
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: {denyDialMultiaddr: () => false},
    services: {identify: identify()},
  });
  try {
    return await withDeadline({clock, ms: timeoutMs}, async (signal) => {
      const connection = await node.dial(target, {signal});
      const peer = connection.remotePeer.toString() as PeerId;
      const stream = new Libp2pStream(
        await connection.newStream(GENESIS_PROTOCOL, {signal}),
        peer,
        GENESIS_BYTES_MAX,
      );
      const bytes = await stream.receive(signal);
      if (bytes === undefined)
        throw new CodedError("PEER_UNREACHABLE", {evidence: {address, reason: "noAnswer"}});
      await stream.close();
      return {bytes, peer};
    });
  } catch (error) {
    throw netError(error, {address});
  } finally {
    await node.stop();
  }
}

async function answer(stream: Stream, remote: {toString(): string}, genesis: Uint8Array): Promise<void> {
  const frames = new Libp2pStream(stream, remote.toString() as PeerId, GENESIS_BYTES_MAX);
  try {
    await frames.send(genesis);
    await frames.close();
  } catch (error) {
    frames.abort(error instanceof Error ? error : undefined);
  }
}

function parseAddress(address: string) {
  try {
    return multiaddr(address);
  } catch (error) {
    throw new CodedError("REQUEST_INVALID", {
      message: "That is not an address. Write /ip4/<address>/tcp/<port>, with /p2p/<peer id> or without.",
      cause: error,
    });
  }
}
