/** One source of blocks: requests in flight, a hash check in between, storage at the end. */
import {create, fromBinary, toBinary} from "@bufbuild/protobuf";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {FrameStream} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import {type BlobFrame, BlobFrameSchema, type BlockReply} from "@catalyze/proto/gen/catalyze/v1/blob_pb";
import {pipe} from "it-pipe";
import type {CID} from "multiformats/cid";
import type {BlockQueue, Wanted} from "./blockQueue.ts";
import {isBlockOf, RAW} from "./blockStorage.ts";

/** Requests that one source has open; with 1 MiB blocks enough to hide a round trip of 100 ms. */
const IN_FLIGHT_MAX = 4;
/** A source that sends no block for this long is as good as gone. */
const STALL_MS = 15_000;

export type ExchangeContext = {
  readonly stream: FrameStream;
  readonly queue: BlockQueue;
  readonly clock: Clock;
  readonly store: (cid: CID, bytes: Uint8Array) => Promise<void>;
  readonly signal: AbortSignal;
};

type Block = {readonly cid: CID; readonly bytes: Uint8Array};

/**
 * Fetches from one peer until nothing is left that it may have. Throws `BLOB_CORRUPT`, `DECODE_INVALID`
 * or `MESSAGE_UNEXPECTED` when the peer cheats, `PEER_UNREACHABLE` when it is lost or stalls.
 */
export async function exchangeBlocks(context: ExchangeContext): Promise<void> {
  const {stream, queue, store} = context;
  await pipe(
    repliesOf(context),
    (replies) => checked(replies, queue, stream.peer),
    async (blocks) => {
      for await (const {cid, bytes} of blocks) {
        await store(cid, bytes);
        queue.finish(cid);
      }
    },
  );
}

type Answer = {readonly wanted: Wanted; readonly reply: BlockReply};

/** Keeps a few requests open and yields the answers, which come in the order of the requests. */
async function* repliesOf({stream, queue, clock, signal}: ExchangeContext): AsyncGenerator<Answer> {
  const open: Wanted[] = [];
  for (;;) {
    signal.throwIfAborted();
    const batch: Wanted[] = [];
    while (open.length + batch.length < IN_FLIGHT_MAX) {
      const wanted = queue.take(stream.peer);
      if (wanted === undefined) break;
      batch.push(wanted);
    }
    if (batch.length > 0) {
      await stream.send(requestOf(batch));
      open.push(...batch);
    }
    const wanted = open.shift();
    if (wanted === undefined) {
      if (!queue.isUseful(stream.peer)) return;
      // Another source may yet fail: its blocks would come back.
      await withAbort(queue.changed(), signal);
      continue;
    }
    yield {wanted, reply: await receiveReply({stream, clock, signal})};
  }
}

async function* checked(
  answers: AsyncIterable<Answer>,
  queue: BlockQueue,
  peer: PeerId,
): AsyncGenerator<Block> {
  for await (const {wanted, reply} of answers) {
    const {cid, bytes} = wanted;
    if (reply.cid !== cid.toString()) throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {peer}});
    if (reply.missing) {
      queue.refuse(cid, peer);
      continue;
    }
    if (!isBlockOf(cid, reply.data)) {
      throw new CodedError("BLOB_CORRUPT", {evidence: {peer, cid: cid.toString()}});
    }
    if (bytes !== undefined && cid.code === RAW && reply.data.length !== bytes) {
      // The hash fits, so the peer is honest and whoever made the tree lied about its sizes.
      throw new CodedError("BLOB_CORRUPT", {evidence: {cid: cid.toString(), reason: "layout"}});
    }
    yield {cid, bytes: reply.data};
  }
}

async function receiveReply({
  stream,
  clock,
  signal,
}: Pick<ExchangeContext, "stream" | "clock" | "signal">): Promise<BlockReply> {
  const cancel = clock.after(STALL_MS, () => stream.abort(new Error("stalled")));
  try {
    const frame = await stream.receive(signal);
    if (frame === undefined) throw new CodedError("PEER_UNREACHABLE", {evidence: {peer: stream.peer}});
    const {body} = decodeFrame(frame);
    if (body.case !== "reply") throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {peer: stream.peer}});
    return body.value;
  } finally {
    cancel();
  }
}

/** Throws `DECODE_INVALID`. */
export function decodeFrame(frame: Uint8Array): BlobFrame {
  try {
    return fromBinary(BlobFrameSchema, frame);
  } catch (error) {
    throw new CodedError("DECODE_INVALID", {cause: error});
  }
}

function requestOf(batch: readonly Wanted[]): Uint8Array {
  const cids = batch.map(({cid}) => cid.toString());
  return toBinary(BlobFrameSchema, create(BlobFrameSchema, {body: {case: "request", value: {cids}}}));
}

function withAbort(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, {once: true});
    void work.then(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}
