/**
 * Real ledger nodes over loopback libp2p, each with its own LevelDB and signing table on disk, in this
 * process. One thread carries them all, so what it can do at most is what it verifies alone, divided by
 * the nodes.
 */
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {setTimeout as sleep} from "node:timers/promises";
import "@catalyze/core/primitives/polyfill";
import type {Net} from "@catalyze/core/ports/net";
import type {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {clientNet, type Member, type MemberOptions, peerIdsOf, startMember, type Target} from "./member.ts";
import {createWorld, type World, type WorldOptions} from "./world.ts";

const CONNECT_MS_MAX = 20_000;

export class Cluster {
  readonly world: World;
  readonly folder: string;
  readonly members: Member[] = [];
  readonly #clients: Libp2pNet[] = [];

  private constructor(world: World, folder: string) {
    this.world = world;
    this.folder = folder;
  }

  /** Every witness is started and connected to every other. */
  static async open(
    options: WorldOptions,
    through: (net: Net, index: number) => Net = (net) => net,
  ): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), "ctz-bench-ledger-"));
    const cluster = new Cluster(createWorld(options, await peerIdsOf(options.witnesses)), folder);
    for (let index = 0; index < options.witnesses; index++)
      await cluster.join({
        index,
        home: join(folder, `node-${index}`),
        through: (net) => through(net, index),
      });
    return cluster;
  }

  /** A member starts on its home, as it was left there, and is connected to all that run. */
  async join(options: MemberOptions): Promise<Member> {
    const member = await startMember(this.world, options);
    for (const other of this.members) {
      await member.net.dial(other.net.addresses()[0]!);
      await untilPeer(other.net, member.net.self);
    }
    this.members.push(member);
    return member;
  }

  witnesses(): Target[] {
    return this.members.filter(({node}) => node.status().isWitness);
  }

  /** A stranger's net, connected to every witness. */
  async client(): Promise<Libp2pNet> {
    const net = await clientNet(this.#clients.length, this.members);
    this.#clients.push(net);
    return net;
  }

  async leave(member: Member): Promise<void> {
    this.members.splice(this.members.indexOf(member), 1);
    await member.stop();
  }

  async close(): Promise<void> {
    await Promise.all([...this.members.splice(0), ...this.#clients.splice(0)].map((each) => each.stop()));
    await this.world.thread.stop();
    await rm(this.folder, {recursive: true, force: true});
  }
}

/** A dial is over before the other side has noted who it was. */
async function untilPeer(net: Net, peer: string): Promise<void> {
  await until(`a connection with ${peer}`, CONNECT_MS_MAX, () =>
    net.peers().some((info) => info.peer === peer),
  );
}

export async function until(what: string, msMax: number, isSo: () => boolean): Promise<void> {
  for (const endMs = performance.now() + msMax; performance.now() < endMs; await sleep(5)) if (isSo()) return;
  throw new Error(`${what} did not come in ${msMax} ms`);
}
