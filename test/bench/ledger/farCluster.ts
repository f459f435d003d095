/**
 * Witnesses in processes of their own, as they run in life: the machine's processors carry them, and neither a
 * neighbour's checkpoint nor its garbage takes a witness's own thread.
 */
import {type ChildProcess, fork} from "node:child_process";
import {once} from "node:events";
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {fileURLToPath} from "node:url";
import "@catalyze/core/primitives/polyfill";
import type {OpId, PeerId} from "@catalyze/core/primitives/id";
import type {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {clientNet, peerIdsOf, startMember, type Target} from "./member.ts";
import {createWorld, type World} from "./world.ts";

const CHILD = fileURLToPath(new URL("memberChild.mjs", import.meta.url));

/** What a witness tells: that it runs, that it is connected with one more, or what it has certified. */
type Told = {readonly address: string} | {readonly dialed: string} | {readonly certified: readonly OpId[]};
type Order = {readonly dial: string};

export class FarCluster {
  readonly world: World;
  readonly #folder: string;
  readonly #witnesses: FarWitness[] = [];
  readonly #clients: Libp2pNet[] = [];

  private constructor(world: World, folder: string) {
    this.world = world;
    this.#folder = folder;
  }

  /** Every witness is started and connected to every other. */
  static async open(witnesses: number): Promise<FarCluster> {
    const peerIds = await peerIdsOf(witnesses);
    const folder = await mkdtemp(join(tmpdir(), "ctz-bench-ledger-"));
    const cluster = new FarCluster(createWorld({witnesses}, peerIds), folder);
    for (const [index, peer] of peerIds.entries()) {
      const args = [String(index), String(witnesses), join(folder, `node-${index}`)];
      const witness = await FarWitness.start(peer, args);
      for (const {address} of cluster.#witnesses) await witness.dial(address);
      cluster.#witnesses.push(witness);
    }
    return cluster;
  }

  witnesses(): readonly Target[] {
    return this.#witnesses;
  }

  /** A stranger's net, connected to every witness. */
  async client(): Promise<Libp2pNet> {
    const net = await clientNet(this.#clients.length, this.#witnesses);
    this.#clients.push(net);
    return net;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((net) => net.stop()));
    await Promise.all(this.#witnesses.map((witness) => witness.stop()));
    await this.world.thread.stop();
    await rm(this.#folder, {recursive: true, force: true});
  }
}

class FarWitness implements Target {
  readonly peer: PeerId;
  readonly address: string;
  readonly certified = {add: (listener: (ops: readonly OpId[]) => void) => this.#listeners.push(listener)};
  readonly #child: ChildProcess;
  readonly #listeners: ((ops: readonly OpId[]) => void)[] = [];

  private constructor(peer: PeerId, address: string, child: ChildProcess) {
    this.peer = peer;
    this.address = address;
    this.#child = child;
    child.on("message", (told: Told) => {
      if ("certified" in told) for (const listener of this.#listeners) listener(told.certified);
    });
  }

  static async start(peer: PeerId, args: readonly string[]): Promise<FarWitness> {
    const child = fork(CHILD, args, {serialization: "advanced"});
    process.once("exit", () => child.kill("SIGKILL"));
    const told = await next(child);
    if (!("address" in told)) throw new Error("a witness did not say where it listens");
    return new FarWitness(peer, told.address, child);
  }

  async dial(address: string): Promise<void> {
    const dialed = next(this.#child);
    this.#child.send({dial: address} satisfies Order);
    await dialed;
  }

  async stop(): Promise<void> {
    const isOver = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await isOver;
  }
}

async function next(child: ChildProcess): Promise<Told> {
  const isOver = new AbortController();
  const ended = once(child, "exit", {signal: isOver.signal}).then(([status]) => {
    throw new Error(`a witness ended with ${String(status)}`);
  });
  try {
    const [told] = (await Promise.race([once(child, "message"), ended])) as [Told];
    return told;
  } finally {
    ended.catch(() => {});
    isOver.abort();
  }
}

/** In the child. */
export async function serve(index: number, witnesses: number, home: string): Promise<void> {
  const world = createWorld({witnesses}, await peerIdsOf(witnesses));
  const member = await startMember(world, {index, home});
  const tell = (told: Told) => process.send?.(told);
  member.certified.add((certified) => tell({certified}));
  process.on("message", ({dial}: Order) => {
    member.net.dial(dial).then(
      () => tell({dialed: dial}),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  });
  process.once("disconnect", () => process.exit(1));
  tell({address: member.address});
}
