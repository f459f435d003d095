/** Real nodes on loopback for the conformance suites. */
import {randomBytes} from "node:crypto";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import {Libp2pNet, type Libp2pNetOptions} from "@catalyze/daemon/net/libp2pNet";
import {createNode} from "@catalyze/daemon/net/libp2pNode";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {SystemRandom} from "@catalyze/daemon/runtime/systemRandom";
import {type ProtocolName, protocolOf} from "@catalyze/proto/topics";
import {generateKeyPair} from "@libp2p/crypto/keys";
import {multiaddr} from "@multiformats/multiaddr";
import {type Wire, wireTo} from "./cutWire.ts";
import type {NetSubject} from "./net.ts";

export const NETWORK_TAG = "c0ffee00";

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

export async function loopbackNet(options: Partial<Libp2pNetOptions> = {}): Promise<Libp2pNet> {
  return await Libp2pNet.create(
    {clock: new SystemClock(), random: new SystemRandom(), log: silentLog},
    {
      seed: new Uint8Array(randomBytes(32)),
      networkTag: NETWORK_TAG,
      listen: ["/ip4/127.0.0.1/tcp/0"],
      bootstrap: [],
      mdns: false,
      ...options,
    },
  );
}

/** A peer with no manners: raw access to streams. */
export async function hostileNode() {
  const node = await createNode({
    privateKey: await generateKeyPair("Ed25519"),
    networkTag: NETWORK_TAG,
    listen: [],
    mdns: false,
    isBanned: () => false,
    pointsOf: () => 0,
  });
  await node.start();
  return node;
}

export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return new Uint8Array([...bytes, rest]);
}

export async function waitFor(condition: () => boolean, limitMs = 20_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error("condition not met");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function libp2pSubject(count: number): Promise<NetSubject> {
  const nets: Libp2pNet[] = [];
  const wires: Wire[] = [];
  const hostiles: Awaited<ReturnType<typeof hostileNode>>[] = [];
  for (let index = 0; index < count; index++) {
    const net = await loopbackNet();
    await net.start();
    for (const wire of wires) await net.dial(`/ip4/127.0.0.1/tcp/${wire.port}`);
    wires.push(await wireTo(Number(/tcp\/(\d+)/.exec(net.addresses()[0]!)![1])));
    nets.push(net);
  }
  await waitFor(() => nets.every((net) => net.peers().length === count - 1));
  return {
    nets: nets as readonly Net[],
    complete: (work) => work,
    waitFor,
    rest: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    sendHostileFrame: async (protocol: ProtocolName, frame) => {
      const node = await hostileNode();
      hostiles.push(node);
      const target = multiaddr(nets[1]!.addresses()[0]!);
      const stream = await node.dialProtocol(target, protocolOf(NETWORK_TAG, protocol));
      stream.send(varint(frame.length));
      stream.send(frame);
    },
    kill: async (index) => {
      for (const wire of wires) wire.cut();
      await nets[index]!.stop();
    },
    dispose: async () => {
      await Promise.all([...nets, ...hostiles].map((node) => node.stop()));
      for (const wire of wires) wire.cut();
    },
  };
}
