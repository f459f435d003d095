/** Peers that abuse the DHT: both what they ask of a node, and what they answer to it. */
import {createHash} from "node:crypto";
import {concat} from "@catalyze/core/primitives/bytes";
import {dhtProtocolOf} from "@catalyze/proto/topics";
import {generateKeyPair, publicKeyToProtobuf} from "@libp2p/crypto/keys";
import {peerIdFromMultihash, peerIdFromPrivateKey} from "@libp2p/peer-id";
import {multiaddr} from "@multiformats/multiaddr";
import {CID} from "multiformats/cid";
import * as Digest from "multiformats/hashes/digest";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import {SeededRandom} from "../sim/fakes/seededRandom.ts";
import {type Enemy, varint} from "./harness/enemy.ts";
import {bytesField, framed, numberField, readFields, unframed} from "./harness/protobuf.ts";
import {expectCode} from "./harness/reasons.ts";
import {Siege} from "./harness/siege.ts";
import {pause} from "./harness/until.ts";

const [PUT_VALUE, GET_VALUE, ADD_PROVIDER, GET_PROVIDERS, FIND_NODE, PING] = [0, 1, 2, 3, 4, 5];
/** What the library reads at most. */
const LIBRARY_BYTES_MAX = 4 * 1024 * 1024;
const SHA256 = 0x12;
const RAW = 0x55;
const LOOPBACK = multiaddr("/ip4/127.0.0.1/tcp/9").bytes;

let siege: Siege;
let protocol: string;

beforeAll(async () => {
  siege = await Siege.open();
  protocol = dhtProtocolOf(siege.world.tag);
});
afterEach(() => siege.expectTrade());
afterAll(() => siege?.world.close());

type Message = {
  readonly type: number;
  readonly key?: Uint8Array;
  readonly record?: Uint8Array;
  readonly closer?: readonly Uint8Array[];
  readonly providers?: readonly Uint8Array[];
};

function message({type, key, record, closer = [], providers = []}: Message): Uint8Array {
  const parts = [numberField(1, type)];
  if (key !== undefined) parts.push(bytesField(2, key));
  if (record !== undefined) parts.push(bytesField(3, record));
  for (const peer of closer) parts.push(bytesField(8, peer));
  for (const peer of providers) parts.push(bytesField(9, peer));
  return framed(new Uint8Array(Buffer.concat(parts)));
}

function peerInfo(id: Uint8Array, addresses: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat([bytesField(1, id), ...addresses.map((address) => bytesField(2, address))]),
  );
}

function contentOf(text: string): Uint8Array {
  return CID.createV1(RAW, Digest.create(SHA256, createHash("sha256").update(text).digest())).bytes;
}

async function stranger() {
  // Unlike the others, its id does not hold the key itself.
  const key = await generateKeyPair("RSA", 2_048);
  return {id: peerIdFromPrivateKey(key).toMultihash().bytes, publicKey: publicKeyToProtobuf(key.publicKey)};
}

function addressesOf(count: number): Uint8Array[] {
  return Array.from(
    {length: count},
    (_, index) =>
      multiaddr(`/ip4/127.0.${(index >> 8) % 256}.${index % 256}/tcp/${1 + (index % 60_000)}`).bytes,
  );
}

function record(key: Uint8Array, value: Uint8Array): Uint8Array {
  return concat(bytesField(1, key), bytesField(2, value));
}

describe("requests to the DHT", () => {
  it("noise, lies about lengths, unknown types and frames that never end", async () => {
    const random = new SeededRandom("dht");
    const enemy = await siege.enemy();
    const nonsense = [
      ...[0, 1, 17, 300, 5_000].map((length) => framed(random.bytes(length))),
      random.bytes(64),
      concat(varint(1_000), random.bytes(10)),
      concat(varint(LIBRARY_BYTES_MAX + 1), new Uint8Array(64)),
      new Uint8Array(16).fill(0xff),
      ...[6, 99, 2 ** 31 - 1].map((type) => message({type, key: random.bytes(32)})),
      ...[PUT_VALUE, GET_VALUE, ADD_PROVIDER, GET_PROVIDERS, FIND_NODE].map((type) => message({type})),
      message({type: GET_VALUE, key: new TextEncoder().encode("/pk/nonsense")}),
      message({
        type: ADD_PROVIDER,
        key: contentOf("x"),
        providers: [random.bytes(40), peerInfo(random.bytes(9), [])],
      }),
    ];
    await siege.withstands(async () => {
      for (const bytes of nonsense) await enemy.sendTo(protocol, bytes, 100);
      // One byte of a frame now and then: as many streams as are let in, and none of them ever done.
      const streams = await Promise.all(Array.from({length: 100}, () => opened(enemy)));
      for (let at = 0; at < 20; at += 1) {
        for (const stream of streams)
          if (stream?.status === "open") stream.send(Uint8Array.of(at === 0 ? 200 : 1));
        await pause(50);
      }
    });
  });

  it("frames of megabytes: keys, addresses and peers", async () => {
    const key = new SeededRandom("keys").bytes(LIBRARY_BYTES_MAX - 1_000);
    const enemy = await siege.enemy();
    const {bytes: me} = enemy.peerId.toMultihash();
    const many = addressesOf(300_000);
    const giants = [
      message({type: FIND_NODE, key}),
      message({type: GET_VALUE, key}),
      message({type: PING, key}),
      message({type: ADD_PROVIDER, key: contentOf("giant"), providers: [peerInfo(me, many)]}),
      message({
        type: FIND_NODE,
        key: key.subarray(0, 32),
        closer: many.slice(0, 200_000).map((at) => peerInfo(me, [at])),
      }),
    ];
    await siege.withstands(async () => {
      for (const bytes of giants) {
        await Promise.all(Array.from({length: 4}, () => enemy.sendTo(protocol, bytes, 3_000)));
      }
    });
  });

  it("values: none is kept, not even one that proves itself", async () => {
    const enemy = await siege.enemy();
    const {id, publicKey} = await stranger();
    const own = concat(new TextEncoder().encode("/pk/"), id);
    const keys = [
      own,
      new TextEncoder().encode("/ctz/x"),
      new TextEncoder().encode("plain"),
      own.subarray(0, 9),
    ];
    for (const key of keys) {
      await enemy.sendTo(protocol, message({type: PUT_VALUE, key, record: record(key, publicKey)}), 300);
      const answer = await enemy.sendTo(protocol, message({type: GET_VALUE, key}), 300);
      expect(Buffer.from(answer).includes(Buffer.from(publicKey))).toBe(false);
    }
  });

  it("announcements of others, or by the thousand: bounded, and oldest first", async () => {
    const enemy = await siege.enemy();
    const me = peerInfo(enemy.peerId.toMultihash().bytes, [LOOPBACK]);
    const {id: other} = await stranger();
    const announced = 2_000;
    await siege.withstands(async () => {
      for (let at = 0; at < announced; at += 200) {
        const some = Array.from({length: 200}, (_, index) =>
          message({type: ADD_PROVIDER, key: contentOf(`content ${at + index}`), providers: [me]}),
        );
        await enemy.sendTo(protocol, concat(...some), 300);
      }
      await enemy.sendTo(
        protocol,
        message({type: ADD_PROVIDER, key: contentOf("other"), providers: [peerInfo(other, [LOOPBACK])]}),
        300,
      );
    });
    expect(await providersOf("other")).toEqual([]);
    expect(await providersOf("content 0")).toEqual([]);
    expect(await providersOf(`content ${announced - 1}`)).toEqual([enemy.peerId.toString()]);
  });
});

async function opened(enemy: Enemy) {
  return await enemy.open(protocol).catch(() => undefined);
}

/** Who pia says has it. */
async function providersOf(content: string): Promise<string[]> {
  const asker = await siege.enemy();
  const answer = await asker.sendTo(protocol, message({type: GET_PROVIDERS, key: contentOf(content)}), 500);
  expect(answer.length).toBeGreaterThan(0);
  return readFields(unframed(answer)).flatMap(({field, value}) => {
    const id = readFields(value).find((part) => part.field === 1)?.value;
    return field === 9 && id !== undefined ? [peerIdFromMultihash(Digest.decode(id)).toString()] : [];
  });
}

describe("answers of the DHT", () => {
  it("lists of a hundred thousand peers that are nobody, and an answer that never ends", async () => {
    const random = new SeededRandom("closer");
    const peers = Array.from({length: 60_000}, () =>
      peerInfo(concat(Uint8Array.of(0, 36, 8, 1, 18, 32), random.bytes(32)), [LOOPBACK]),
    );
    const answers = [
      message({type: GET_PROVIDERS, closer: peers}),
      message({type: GET_PROVIDERS, closer: peers.slice(0, 500), providers: peers.slice(500, 1_000)}),
      concat(varint(LIBRARY_BYTES_MAX - 1), new Uint8Array(2_000_000)),
    ];
    await siege.withstands(async () => {
      for (const [at, answer] of answers.entries()) {
        let asked = 0;
        await siege.enemy("pia", async (node) => {
          await node.unhandle(protocol);
          await node.handle(protocol, (stream) => {
            asked += 1;
            stream.send(answer);
          });
        });
        await pause(1_000);
        const cid = CID.decode(contentOf(`wanted ${at}`)).toString();
        expectCode(await siege.pia.ctz(["model", "add", cid]), "BLOB_NOT_FOUND");
        expect(asked).toBeGreaterThan(0);
      }
    });
  });
});
