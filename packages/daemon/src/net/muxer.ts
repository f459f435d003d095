/**
 * Yamux with bounds that the library lacks. It waits for a whole frame before it looks at the stream's
 * window, and a header may promise 4 GiB: whoever finishes a handshake could fill our memory. It answers
 * any number of protocol names on one stream before it does anything else: whoever sends a megabyte of
 * them stops our event loop for seconds. And its answers wait for a reader without end. A connection
 * that does any of this ends; no honest peer does. Nor does it need to answer every frame with one of its own.
 */
import type {MessageStream, Stream, StreamMuxer, StreamMuxerFactory} from "@libp2p/interface";
import {yamux} from "@libp2p/yamux";
import {FrameHeaders} from "./frameHeaders.ts";

/** Below the 4 MiB at which a paused stream is reset: what is under way when it pauses must fit. */
const WINDOW_BYTES_MAX = 2 * 1024 * 1024;
/** All our protocols at their limits, at once, on one connection. */
const INBOUND_STREAMS_MAX = 640;
/** Answers that wait while the other side does not read: the windows of thirty streams. */
const CHANNEL_UNSENT_BYTES_MAX = 64 * 1024 * 1024;
/** Said on a stream before it has a protocol: a greeting and a few names, which have up to 60 bytes. */
const NEGOTIATION_BYTES_MAX = 2 * 1024;

export function muxer(): () => StreamMuxerFactory {
  const create = yamux({
    maxInboundStreams: INBOUND_STREAMS_MAX,
    streamOptions: {maxStreamWindowSize: WINDOW_BYTES_MAX},
  });
  return () => {
    const factory = create();
    return {
      protocol: factory.protocol,
      createStreamMuxer: (channel) => {
        // Before the muxer's own listener, in the same turn: it sees each byte first.
        watchFrames(channel);
        const muxed = factory.createStreamMuxer(channel);
        watchNegotiation(muxed, channel);
        spareUpdates(muxed);
        return muxed;
      },
    };
  };
}

function watchFrames(channel: MessageStream): void {
  const headers = new FrameHeaders(WINDOW_BYTES_MAX);
  channel.addEventListener("message", ({data}) => {
    if (channel.status !== "open") return;
    const chunks = data instanceof Uint8Array ? [data] : [...data];
    if (!chunks.every((chunk) => headers.read(chunk))) channel.abort(new Error("frame too large"));
    else if (channel.writeBufferLength > CHANNEL_UNSENT_BYTES_MAX) {
      channel.abort(new Error("nothing is read"));
    }
  });
}

type Listen = (type: string, listener: unknown, ...options: readonly unknown[]) => void;

/** Who listens for new streams finds each of them with its bytes being counted. */
function watchNegotiation(muxed: StreamMuxer, channel: MessageStream): void {
  const listen = muxed.addEventListener.bind(muxed) as Listen;
  const listenCounting: Listen = (type, listener, ...options) => {
    const isForStreams = type === "stream" && typeof listener === "function";
    const counting = (event: CustomEvent<Stream>) => {
      // In the same turn as the listener: what has already come is told to both.
      countNegotiation(event.detail, channel);
      if (isForStreams) listener(event);
    };
    listen(type, isForStreams ? counting : listener, ...options);
  };
  muxed.addEventListener = listenCounting as StreamMuxer["addEventListener"];
}

function countNegotiation(stream: Stream, channel: MessageStream): void {
  let left = NEGOTIATION_BYTES_MAX;
  const count = ({data}: {readonly data: {readonly byteLength: number}}) => {
    if (stream.protocol !== "") {
      stream.removeEventListener("message", count);
      return;
    }
    left -= data.byteLength;
    if (left < 0 && channel.status === "open") channel.abort(new Error("no protocol is named"));
  };
  stream.addEventListener("message", count);
}

/** What of the library's streams is ours to use: its types keep it private. */
type Window = {
  readonly state: number;
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
};
type MakesStreams = {_newStream(...args: readonly unknown[]): Window};

const ESTABLISHED = 3;

/**
 * The library makes the window whole after every frame of data, so that each costs a frame back, sealed and
 * sent. As in the yamux of HashiCorp an update waits until half of the window is used up.
 */
function spareUpdates(muxed: StreamMuxer): void {
  const makes = muxed as unknown as MakesStreams;
  const make = makes._newStream.bind(muxed);
  makes._newStream = (...args) => {
    const stream = make(...args);
    const update = stream.sendWindowUpdate.bind(stream);
    stream.sendWindowUpdate = () => {
      const isMostlyFree = stream.recvWindowCapacity > stream.recvWindow / 2;
      // Before that an update opens the stream.
      if (stream.state !== ESTABLISHED || !isMostlyFree) update();
    };
    return stream;
  };
}
