import {PassThrough, Writable} from "node:stream";
import {setImmediate as turn} from "node:timers/promises";
import {corkedEncrypter} from "@catalyze/daemon/net/corkedEncrypter";
import type {ConnectionEncrypter, MessageStream} from "@libp2p/interface";
import {expect, it} from "vitest";

const secured = {connection: {}, remotePeer: {}} as Awaited<ReturnType<ConnectionEncrypter["secureInbound"]>>;
const plain = () => ({
  protocol: "/plain",
  secureInbound: async () => secured,
  secureOutbound: async () => secured,
});

/** How many chunks each write to the kernel carried. */
function socketOf(writes: number[]): Writable {
  return new Writable({
    writev(chunks, done) {
      writes.push(chunks.length);
      done();
    },
    write(_chunk, _encoding, done) {
      writes.push(1);
      done();
    },
  });
}

const connectionOf = (socket: unknown) => ({socket}) as unknown as MessageStream;

for (const side of ["secureInbound", "secureOutbound"] as const) {
  it(`sends what one turn wrote together (${side})`, async () => {
    const writes: number[] = [];
    const socket = socketOf(writes);
    await corkedEncrypter(plain)({})[side](connectionOf(socket));
    for (const text of ["a", "b", "c"]) socket.write(text);
    expect(writes).toEqual([]);
    await turn();
    socket.write("d");
    await turn();
    expect(writes).toEqual([3, 1]);
  });
}

it("does not hold bulk data back", async () => {
  const writes: number[] = [];
  const socket = socketOf(writes);
  await corkedEncrypter(plain)({}).secureInbound(connectionOf(socket));
  socket.write("head");
  socket.write(Buffer.alloc(64 * 1024));
  expect(writes).toEqual([2]);
  socket.write("tail");
  await turn();
  expect(writes).toEqual([2, 1]);
});

it("keeps the order, and an end flushes", async () => {
  const socket = new PassThrough();
  await corkedEncrypter(plain)({}).secureInbound(connectionOf(socket));
  socket.write("one ");
  socket.write("two ");
  socket.end("three");
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe("one two three");
});

it("leaves a connection without a socket as it is", async () => {
  await expect(corkedEncrypter(plain)({}).secureInbound(connectionOf(undefined))).resolves.toBe(secured);
});
