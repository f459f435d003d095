/** What only the real adapter can show: raw bytes on the wire, addresses, restarts. */
import type {FrameStream} from "@catalyze/core/ports/net";
import {fetchGenesis} from "@catalyze/daemon/net/genesisExchange";
import {keyOfPeerId} from "@catalyze/daemon/net/identity";
import type {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {protocolOf, topicOf} from "@catalyze/proto/topics";
import type {Stream} from "@libp2p/interface";
import {multiaddr} from "@multiformats/multiaddr";
import {afterEach, describe, expect, it} from "vitest";
import {hostileNode, loopbackNet, NETWORK_TAG, varint, waitFor} from "./libp2pSubject.ts";

const running: {stop(): Promise<unknown> | unknown}[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

async function startNet(options: Parameters<typeof loopbackNet>[0] = {}): Promise<Libp2pNet> {
  const net = await loopbackNet(options);
  running.push(net);
  await net.start();
  return net;
}

async function startHostile() {
  const node = await hostileNode();
  running.push(node);
  return node;
}

/** What the handler saw of one hostile stream: frames, then how it ended. */
async function seenOf(attack: (stream: Stream) => void | Promise<void>): Promise<string[]> {
  const [net, hostile] = [await startNet(), await startHostile()];
  const seen: string[] = [];
  let isOver = false;
  net.handle("market", async (stream: FrameStream) => {
    try {
      for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
        seen.push(`frame ${frame.length}`);
      }
      seen.push("end");
    } catch (error) {
      seen.push((error as {code: string}).code);
    } finally {
      isOver = true;
    }
  });
  const target = multiaddr(net.addresses()[0]!);
  await attack(await hostile.dialProtocol(target, protocolOf(NETWORK_TAG, "market")));
  await waitFor(() => isOver);
  return seen;
}

describe("Libp2pNet against raw bytes", () => {
  it("ends at a length prefix without end", async () => {
    expect(await seenOf((stream) => void stream.send(new Uint8Array(100_000).fill(0x80)))).toEqual([
      "FRAME_TOO_LARGE",
    ]);
  });

  it("ends at a prefix that promises gigabytes, before they come", async () => {
    expect(await seenOf((stream) => void stream.send(varint(250_000_000)))).toEqual(["FRAME_TOO_LARGE"]);
  });

  it("reads what is whole, and tells half a frame from a clean end", async () => {
    const half = await seenOf(async (stream) => {
      stream.send(new Uint8Array([2, 7, 7, 5, 1]));
      await stream.close();
    });
    expect(half).toEqual(["frame 2", "PEER_UNREACHABLE"]);
    const clean = await seenOf(async (stream) => {
      stream.send(new Uint8Array([2, 7, 7, 0]));
      await stream.close();
    });
    expect(clean).toEqual(["frame 2", "frame 0", "end"]);
  });

  it("notices a reset between two frames", async () => {
    const seen = await seenOf(async (stream) => {
      stream.send(new Uint8Array([1, 1]));
      await new Promise((resolve) => setTimeout(resolve, 50));
      stream.abort(new Error("reset"));
    });
    expect(seen).toEqual(["frame 1", "PEER_UNREACHABLE"]);
  });

  it("bounds a flood of empty frames that nobody reads", async () => {
    const [net, hostile] = [await startNet(), await startHostile()];
    let count = 0;
    let start!: () => void;
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    net.handle("market", async (stream) => {
      await started;
      while ((await stream.receive()) !== undefined) count += 1;
    });
    const stream = await hostile.dialProtocol(
      multiaddr(net.addresses()[0]!),
      protocolOf(NETWORK_TAG, "market"),
    );
    const before = process.memoryUsage().heapUsed;
    stream.send(new Uint8Array(300_000));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
    start();
    await stream.close();
    await waitFor(() => count === 300_000);
  });

  it("lives through garbage on every protocol and topic, and graylists who gossips it", async () => {
    const [net, friend, hostile] = [await startNet(), await startNet(), await startHostile()];
    await friend.dial(net.addresses()[0]!);
    await hostile.dial(multiaddr(net.addresses()[0]!));
    for (const protocol of ["task", "market", "ledger", "blob"] as const) {
      net.handle(protocol, async (stream) => {
        await stream.receive();
        throw new Error("garbage");
      });
      const stream = await hostile.dialProtocol(
        multiaddr(net.addresses()[0]!),
        protocolOf(NETWORK_TAG, protocol),
      );
      stream.send(crypto.getRandomValues(new Uint8Array(5_000)));
    }
    const heard: string[] = [];
    net.subscribe("asks", ({from}) => {
      heard.push(from);
      return from === friend.self ? "accept" : "reject";
    });
    const badPeer = hostile.peerId.toString();
    // Who passes garbage on is graylisted with its author, and once nodes know each other it reaches the friend too.
    friend.subscribe("asks", ({from}) => (from === badPeer ? "reject" : "accept"));
    const topic = topicOf(NETWORK_TAG, "asks");
    hostile.services.pubsub.subscribe(topic);
    await waitFor(() => hostile.services.pubsub.getSubscribers(topic).length > 0);
    // A score is cached for a second or two: the sender goes on until nothing of it is heard any more.
    // (Once nodes know each other, the friend passes its messages on too: those do not count.)
    const countOf = () => heard.filter((from) => from === badPeer).length;
    let unheard = 0;
    for (let sent = 0; sent < 200 && unheard < 15; sent++) {
      const before = countOf();
      await hostile.services.pubsub.publish(topic, crypto.getRandomValues(new Uint8Array(100)));
      await new Promise((resolve) => setTimeout(resolve, 40));
      unheard = countOf() === before ? unheard + 1 : 0;
    }
    expect(countOf()).toBeGreaterThan(2);
    expect(unheard).toBe(15);
    heard.length = 0;
    for (let value = 0; value < 50 && heard.length === 0; value++) {
      await friend.publish("asks", new Uint8Array([value]));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(heard).toContain(friend.self);
  });
});

describe("Libp2pNet among its peers", () => {
  it("serves its genesis to a stranger, who learns the peer's id", async () => {
    const net = await loopbackNet();
    running.push(net);
    const genesis = new TextEncoder().encode('{"network":"test"}');
    net.serveGenesis(genesis);
    await net.start();
    const clock = new SystemClock();
    const bare = net.addresses()[0]!.replace(/\/p2p\/.*/, "");
    for (const address of [net.addresses()[0]!, bare]) {
      const fetched = await fetchGenesis(address, {clock, timeoutMs: 5_000});
      expect(fetched.bytes).toEqual(genesis);
      expect(fetched.peer).toBe(net.self);
    }
    await expect(fetchGenesis("nonsense", {clock, timeoutMs: 500})).rejects.toMatchObject({
      code: "REQUEST_INVALID",
    });
    await expect(fetchGenesis("/ip4/127.0.0.1/tcp/1", {clock, timeoutMs: 500})).rejects.toMatchObject({
      code: "PEER_UNREACHABLE",
    });
  });

  it("finds its bootstrap peer, and again after that peer was away", async () => {
    const seed = new Uint8Array(32).fill(9);
    const first = await startNet({seed});
    const address = first.addresses()[0]!;
    const port = /tcp\/(\d+)/.exec(address)![1];
    const second = await startNet({bootstrap: [address.replace(/\/p2p\/.*/, "")]});
    await waitFor(() => second.peers().length === 1);
    await waitFor(() => second.peers()[0]!.latencyMs !== undefined);
    await first.stop();
    await waitFor(() => second.peers().length === 0);
    const again = await startNet({seed, listen: [`/ip4/127.0.0.1/tcp/${port}`]});
    expect(again.self).toBe(first.self);
    await waitFor(() => second.peers().length === 1);
  });

  it("says PORT_IN_USE, and can start again after a stop", async () => {
    const first = await startNet();
    const port = /tcp\/(\d+)/.exec(first.addresses()[0]!)![1];
    const second = await loopbackNet({listen: [`/ip4/127.0.0.1/tcp/${port}`]});
    await expect(second.start()).rejects.toMatchObject({code: "PORT_IN_USE"});
    first.handle("task", async (stream) => stream.send(new Uint8Array([1])));
    await first.stop();
    expect(first.peers()).toEqual([]);
    await first.start();
    const third = await startNet();
    await third.dial(first.addresses()[0]!);
    const stream = await third.open(first.self, "task");
    expect(await stream.receive()).toEqual(new Uint8Array([1]));
  });

  it("never mixes networks: another tag shares no protocol", async () => {
    const [first, second] = [await startNet(), await startNet({networkTag: "deadbeef"})];
    first.handle("task", async () => {});
    await second.dial(first.addresses()[0]!);
    await expect(second.open(first.self, "task")).rejects.toMatchObject({code: "PEER_UNREACHABLE"});
  });

  it("finds providers of content through the DHT", async () => {
    const nets = [await startNet(), await startNet(), await startNet()];
    for (const net of nets.slice(1)) await net.dial(nets[0]!.addresses()[0]!);
    const cid = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy" as Parameters<
      Libp2pNet["routing"]["provide"]
    >[0];
    let found: readonly string[] = [];
    for (let tries = 0; tries < 5 && found.length === 0; tries++) {
      await nets[1]!.routing.provide(cid);
      found = await nets[2]!.routing.findProviders(cid, 3);
    }
    expect(found).toEqual([nets[1]!.self]);
  });

  it("knows the key behind each peer id", async () => {
    const net = await startNet();
    expect(keyOfPeerId(net.self)).toHaveLength(32);
  });
});
