/** Peers that abuse what every libp2p node speaks, and sockets that do not even speak that. */
import {connect, type Socket} from "node:net";
import {concat, utf8} from "@catalyze/core/primitives/bytes";
import {multiaddr} from "@multiformats/multiaddr";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import {SeededRandom} from "../sim/fakes/seededRandom.ts";
import {type Enemy, varint} from "./harness/enemy.ts";
import {bytesField, framed, numberField, textField} from "./harness/protobuf.ts";
import {rawConnection} from "./harness/rawConnection.ts";
import {Siege} from "./harness/siege.ts";
import {pause, until} from "./harness/until.ts";

const IDENTIFY = "/ipfs/id/1.0.0";
const PUSH = "/ipfs/id/push/1.0.0";
const PING = "/ipfs/ping/1.0.0";
const GOSSIP = "/meshsub/1.1.0";
const KIB = 1024;
const MIB = 1024 * KIB;

const random = new SeededRandom("net");
let siege: Siege;

beforeAll(async () => {
  siege = await Siege.open();
});
afterEach(() => siege.expectTrade());
afterAll(() => siege?.world.close());

/** Noise, nothing, lengths that lie and frames above every limit. */
function garbage(): Uint8Array[] {
  return [
    ...[0, 1, 17, 300, 5_000].map((length) => framed(random.bytes(length))),
    random.bytes(64),
    concat(varint(1_000), random.bytes(10)),
    concat(varint(2 ** 31), new Uint8Array(64)),
    new Uint8Array(16).fill(0xff),
    framed(new Uint8Array(5 * MIB)),
  ];
}

/** Claims of a peer about itself, as large as the protocol lets it be. */
function claims(): Uint8Array[] {
  const protocols = Array.from({length: 1_300}, (_, at) => textField(3, `${at}`));
  const bogus = Array.from({length: 800}, (_, at) =>
    bytesField(2, multiaddr(`/ip4/10.0.${at >> 8}.${at & 255}/tcp/1`).bytes),
  );
  return [
    ...Array.from({length: 10}, (_, part) =>
      framed(...protocols.map((_, at) => textField(3, `/${part}${at}`)).slice(0, 1_100)),
    ),
    ...Array.from({length: 10}, () => framed(...bogus.slice(0, 600))),
    framed(bytesField(4, random.bytes(30)), bytesField(8, random.bytes(200))),
    framed(textField(3, "x".repeat(8_000))),
  ];
}

describe("identify", () => {
  it("answers with noise, giant lists, bogus addresses, or never", async () => {
    const answers = [
      ...garbage(),
      concat(...claims().slice(0, 10)),
      concat(...claims().slice(10)),
      new Uint8Array(),
    ];
    await siege.withstands(async () => {
      for (const answer of answers) {
        await siege.enemy("pia", async (node) => {
          await node.unhandle(IDENTIFY);
          await node.handle(IDENTIFY, (stream) => void stream.send(answer));
        });
      }
      await pause(1_000);
    });
  });

  it("pushes the same without end, and opens streams on top", async () => {
    const enemy = await siege.enemy();
    await siege.withstands(async () => {
      for (const bytes of garbage()) await enemy.sendTo(PUSH, bytes, 100);
      for (const bytes of [concat(...claims().slice(0, 10)), concat(...claims().slice(10))]) {
        for (let count = 0; count < 20; count += 1) await enemy.sendTo(PUSH, bytes, 50);
      }
      await Promise.all(Array.from({length: 500}, () => enemy.sendTo(PING, new Uint8Array(32), 100)));
    });
  });
});

describe("ping", () => {
  it("short, huge, endless, and never read", async () => {
    const enemy = await siege.enemy();
    await siege.withstands(async () => {
      for (const bytes of [new Uint8Array(), new Uint8Array(1), new Uint8Array(20 * MIB)]) {
        await enemy.sendTo(PING, bytes, 500);
      }
      const streams = await Promise.all([1, 2, 3, 4].map(() => enemy.open(PING).catch(() => undefined)));
      for (const stream of streams) if (stream?.status === "open") stream.pause();
      for (let count = 0; count < 100; count += 1) {
        for (const stream of streams) if (stream?.status === "open") stream.send(new Uint8Array(64 * KIB));
        await pause(10);
      }
    });
  });
});

describe("the gossip stream", () => {
  it("noise, and control messages and subscriptions by the thousand", async () => {
    const topics = Array.from({length: 4_000}, (_, at) => `/nobody/${at}`);
    const ids = Array.from({length: 5_000}, () => bytesField(1, random.bytes(32)));
    const control = (field: number, ...parts: readonly Uint8Array[]) =>
      bytesField(3, bytesField(field, concat(...parts)));
    const floods = [
      framed(...topics.map((topic) => bytesField(1, concat(numberField(1, 1), textField(2, topic))))),
      framed(...topics.map((topic) => control(1, textField(1, topic), bytesField(2, random.bytes(32))))),
      framed(
        control(1, textField(1, "/nobody"), ...ids.map((id) => concat(Uint8Array.of(18), id.subarray(1)))),
      ),
      framed(control(2, ...ids)),
      framed(...topics.map((topic) => control(3, textField(1, topic)))),
      framed(...topics.map((topic) => control(4, textField(1, topic), bytesField(2, random.bytes(60))))),
      framed(control(5, ...ids)),
      framed(
        ...topics.map((topic) => bytesField(2, concat(bytesField(2, random.bytes(20)), textField(4, topic)))),
      ),
      framed(bytesField(1, concat(numberField(1, 1), textField(2, "t".repeat(200 * KIB))))),
    ];
    await siege.withstands(async () => {
      const noisy = await siege.enemy();
      for (const bytes of garbage()) await noisy.sendTo(GOSSIP, bytes, 100);
      for (const bytes of floods) {
        const enemy = await siege.enemy();
        await Promise.all([1, 2, 3].map(() => enemy.sendTo(GOSSIP, bytes, 200)));
        await enemy.sendTo(GOSSIP, concat(...Array.from({length: 20}, () => bytes)), 500);
      }
    });
  });
});

describe("streams", () => {
  it("names that nobody speaks, on one stream for ever and on streams by the thousand", async () => {
    const enemy = await siege.enemy();
    const name = (text: string) => framed(utf8(`${text}\n`));
    const greeting = name("/multistream/1.0.0");
    const flood = concat(greeting, ...Array.from({length: 20_000}, (_, at) => name(`/x/${at}`)));
    await siege.withstands(async () => {
      for (let at = 0; at < 300; at += 1) await refused(enemy, `/nobody/${at}`);
      await refused(enemy, `/${"x".repeat(1_000)}`);
      const {address} = siege.world.member("pia");
      const talker = await rawConnection(address);
      for (let at = 0; at < 100 && talker.isOpen; at += 1) {
        const stream = await talker.muxer.createStream().catch(() => undefined);
        stream?.send(flood);
        await pause(20);
      }
      expect(talker.isOpen).toBe(false);
      const opener = await rawConnection(address);
      for (let at = 0; at < 5_000 && opener.isOpen; at += 1) {
        const stream = await opener.muxer.createStream().catch(() => undefined);
        stream?.send(greeting);
        if (at % 100 === 0) await pause(20);
      }
      await pause(1_000);
      await Promise.all([talker.close(), opener.close()]);
    });
  });
});

async function refused(enemy: Enemy, name: string): Promise<void> {
  await expect(enemy.open(name)).rejects.toThrow();
}

describe("below the streams", () => {
  it("a muxer frame of four gigabytes, frames of no kind, and streams never opened", async () => {
    const {address} = siege.world.member("pia");
    const header = (type: number, flag: number, id: number, length: number) => {
      const bytes = new DataView(new ArrayBuffer(12));
      bytes.setUint8(1, type);
      bytes.setUint16(2, flag);
      bytes.setUint32(4, id);
      bytes.setUint32(8, length);
      return new Uint8Array(bytes.buffer);
    };
    await siege.withstands(async () => {
      for (const bytes of [
        random.bytes(500),
        header(9, 0, 1, 0),
        header(0, 0, 77, 10),
        header(1, 0, 99, 2 ** 31),
      ]) {
        const raw = await rawConnection(address);
        raw.send(bytes);
        await pause(100);
        await raw.close();
      }
      const raw = await rawConnection(address);
      raw.send(header(0, 1, 1, 2 ** 32 - 1));
      for (let sent = 0; sent < 600 && raw.isOpen; sent += 1) await raw.send(new Uint8Array(MIB));
      expect(raw.isOpen).toBe(false);
    });
  });

  it("noise on the socket, handshakes left half open, and sockets that stay silent", async () => {
    const port = Number(/\/tcp\/(\d+)/.exec(siege.world.member("pia").address)?.[1]);
    const sockets: Socket[] = [];
    const dial = async (...lines: readonly Uint8Array[]) => {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      sockets.push(socket);
      for (const line of lines) socket.write(line);
    };
    const select = concat(framed(utf8("/multistream/1.0.0\n")), framed(utf8("/noise\n")));
    await siege.withstands(async () => {
      for (const bytes of [random.bytes(100_000), utf8("GET / HTTP/1.1\r\n\r\n"), new Uint8Array(100_000)]) {
        await dial(bytes);
      }
      await dial(select, Uint8Array.of(0xff, 0xff), random.bytes(65_535));
      await dial(select, Uint8Array.of(0, 32), random.bytes(32));
      await pause(1_000);
      for (let round = 0; round < 4; round += 1) {
        for (let count = 0; count < 40; count += 1) await (count % 2 === 0 ? dial() : dial(select));
        await pause(1_100);
      }
      // They are still waited for, and there is room for who has something to say.
      const honest = await siege.enemy();
      expect(honest.isConnected).toBe(true);
    });
    for (const socket of sockets) socket.destroy();
  });

  it("one identity that takes every connection there is", async () => {
    const greedy = await siege.enemy();
    await siege.withstands(async () => {
      for (let count = 0; count < 240; count += 1) {
        await greedy.connect().catch(() => undefined);
        if (count % 30 === 29) await pause(1_000);
      }
      await pause(1_100);
      await until("another is let in", async () => (await siege.enemy().catch(() => undefined))?.isConnected);
    });
  });
});
