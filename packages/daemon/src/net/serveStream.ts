/** Runs one handler on one inbound stream and leaves nothing open behind it. */
import type {Log} from "@catalyze/core/ports/log";
import type {StreamHandler} from "@catalyze/core/ports/net";
import type {ProtocolName} from "@catalyze/proto/topics";
import type {Libp2pStream} from "./libp2pStream.ts";

/**
 * Streams of each protocol, each way and per connection; those past it are reset. The library's 32 would
 * refuse a requester with 33 tasks at one provider.
 */
export const STREAMS_MAX: Readonly<Record<ProtocolName, number>> = {
  task: 256,
  market: 256,
  ledger: 64,
  blob: 32,
};

/** A handler that throws resets the stream; one that returns closes it. Never throws. */
export async function serveStream(
  stream: Libp2pStream,
  handler: StreamHandler,
  {log, protocol}: {readonly log: Log; readonly protocol: ProtocolName},
): Promise<void> {
  try {
    await handler(stream);
    await stream.close();
    await stream.release();
  } catch (error) {
    log.debug("stream handler failed", {protocol, peer: stream.peer, error: String(error)});
    stream.abort(error instanceof Error ? error : undefined);
  }
}
