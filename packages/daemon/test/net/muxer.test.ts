import {setImmediate as turn} from "node:timers/promises";
import type {MessageStream, Stream, StreamMuxer} from "@libp2p/interface";
import {describe, expect, it} from "vitest";
import {muxer} from "../../src/net/muxer.ts";

const log = Object.assign(() => {}, {
  ...{error() {}, trace() {}, enabled: false},
  newScope: () => log,
}) as unknown as MessageStream["log"];

/** One end of a connection without sockets; counts what is said on it. */
class End extends EventTarget {
  readonly direction: "inbound" | "outbound";
  readonly log = log;
  readonly status = "open";
  readonly writeBufferLength = 0;
  other: End | undefined;
  frames = 0;
  bytes = 0;

  constructor(direction: "inbound" | "outbound") {
    super();
    this.direction = direction;
  }

  send(data: {subarray(): Uint8Array; readonly byteLength: number}): boolean {
    this.frames += 1;
    this.bytes += data.byteLength;
    const event = Object.assign(new Event("message"), {data: data.subarray()});
    queueMicrotask(() => this.other?.dispatchEvent(event));
    return true;
  }

  abort(): void {}
}

async function connected() {
  const [near, far] = [new End("outbound"), new End("inbound")];
  [near.other, far.other] = [far, near];
  const [from, to] = [near, far].map((end) =>
    muxer()().createStreamMuxer(end as unknown as MessageStream),
  ) as [StreamMuxer, StreamMuxer];
  let received = 0;
  to.addEventListener("stream", ({detail}) => {
    detail.protocol = "/test";
    detail.addEventListener("message", ({data}) => {
      received += data.byteLength;
    });
  });
  const stream = await from.createStream();
  stream.protocol = "/test";
  await turn();
  return {far, stream, received: () => received};
}

async function sendAll(stream: Stream, chunks: number, bytes: number): Promise<void> {
  for (let at = 0; at < chunks; at += 1) {
    if (!stream.send(new Uint8Array(bytes))) await stream.onDrain();
    await turn();
  }
}

describe("the muxer", () => {
  it("does not answer every frame", async () => {
    const {far, stream, received} = await connected();
    const before = far.frames;
    await sendAll(stream, 100, 200);
    await turn();
    expect(received()).toBe(20_000);
    // The one that says that the stream is open.
    expect(far.frames - before).toBeLessThanOrEqual(1);
  });

  it("lets through many times the window, with an update for each half of it", async () => {
    const {far, stream, received} = await connected();
    const before = far.frames;
    await sendAll(stream, 640, 16 * 1024);
    for (let at = 0; at < 100 && received() < 640 * 16 * 1024; at += 1) await turn();
    expect(received()).toBe(640 * 16 * 1024);
    const updates = far.frames - before;
    expect(updates).toBeGreaterThan(4);
    expect(updates).toBeLessThan(100);
  });
});
