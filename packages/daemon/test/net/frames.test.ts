/**
 * Frames of every stream protocol under fire. Protobuf has many encodings of one message, so only the
 * answer counts here: a value or the code. What is signed or named by its hash is canonical inside.
 */
import {create, toBinary} from "@bufbuild/protobuf";
import type {FrameStream} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import {decodeFrame} from "@catalyze/daemon/blobs/blockExchange";
import {decodeLedgerFrame, encodeLedgerFrame} from "@catalyze/daemon/ledger/ledgerFrame";
import {MessageStream} from "@catalyze/daemon/pipeline/messageStream";
import {BlobFrameSchema} from "@catalyze/proto/gen/catalyze/v1/blob_pb";
import {MarketFrameSchema, TaskFrameSchema} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {LIMITS} from "@catalyze/proto/limits";
import {describe, expect, it} from "vitest";
import {type FuzzedDecoder, fuzzDecoder} from "../../../../test/fuzz/fuzzDecoder.ts";

const BYTES = new Uint8Array(32).fill(0xab);
const CODES = ["DECODE_INVALID", "FRAME_TOO_LARGE"];

function streamOf(frame: Uint8Array): FrameStream {
  return {
    peer: "peer" as PeerId,
    send: async () => undefined,
    receive: async () => frame,
    close: async () => undefined,
    abort: () => undefined,
  } as Partial<FrameStream> as FrameStream;
}

const head = {witness: 3, n: 7n, hash: BYTES};
const decoders: Record<string, FuzzedDecoder> = {
  ledger: {
    roundTrip: (bytes) => void decodeLedgerFrame(bytes),
    samples: [
      encodeLedgerFrame({case: "entry", value: BYTES}),
      encodeLedgerFrame({case: "syncRequest", value: {heads: [head, head]}}),
      encodeLedgerFrame({case: "opSubmit", value: {ops: [BYTES, BYTES]}}),
      encodeLedgerFrame({case: "cellReply", value: {state: BYTES, height: 4n, pendingOps: [BYTES]}}),
    ],
    codes: CODES,
  },
  blob: {
    roundTrip: (bytes) => void decodeFrame(bytes),
    samples: [
      toBinary(
        BlobFrameSchema,
        create(BlobFrameSchema, {body: {case: "request", value: {cids: ["bafy", "bafk"]}}}),
      ),
      toBinary(
        BlobFrameSchema,
        create(BlobFrameSchema, {body: {case: "reply", value: {cid: "bafy", data: BYTES}}}),
      ),
    ],
    codes: CODES,
  },
  task: {
    roundTrip: async (bytes) =>
      void (await new MessageStream(streamOf(bytes), TaskFrameSchema, LIMITS.taskFrameBytesMax).receive()),
    samples: [
      toBinary(TaskFrameSchema, create(TaskFrameSchema, {body: {case: "input", value: {data: BYTES}}})),
      toBinary(TaskFrameSchema, create(TaskFrameSchema, {body: {case: "open", value: {}}})),
    ],
    codes: CODES,
  },
  market: {
    roundTrip: async (bytes) =>
      void (await new MessageStream(
        streamOf(bytes),
        MarketFrameSchema,
        LIMITS.marketFrameBytesMax,
      ).receive()),
    samples: [
      toBinary(MarketFrameSchema, create(MarketFrameSchema, {body: {case: "quoteRequest", value: {}}})),
    ],
    codes: CODES,
  },
};

describe.each(Object.entries(decoders))("%s frames", (name, decoder) => {
  it("are a message or a refusal with its code, and cost no memory", async () => {
    expect(await fuzzDecoder(`${name} frame`, decoder)).toBeGreaterThan(0);
  });
});
