/**
 * Real ledger nodes over loopback libp2p, each with its own LevelDB and signing table on disk, in this
 * process. One thread carries them all, so what it can do at most is what it verifies alone, divided by
 * the nodes. Every node, replica and tally of these benchmarks is built here.
 */
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {setTimeout as sleep} from "node:timers/promises";
import "@catalyze/core/primitives/polyfill";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {Tally} from "@catalyze/core/ledger/certificates";
import {type Genesis, genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {type LedgerParams, PARAMS_PRODUCTION} from "@catalyze/core/ledger/params";
import {committeeNow, genesisRegister} from "@catalyze/core/ledger/register";
import {Replica} from "@catalyze/core/ledger/replica";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import {CheckedAhead} from "@catalyze/daemon/identity/checkedAhead";
import {CheckThread} from "@catalyze/daemon/identity/checkThread";
import {openVerifier} from "@catalyze/daemon/identity/signatures";
import {NO_METRICS} from "@catalyze/daemon/ledger/ledgerMetrics";
import {LedgerNode} from "@catalyze/daemon/ledger/ledgerNode";
import {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {SystemRandom} from "@catalyze/daemon/runtime/systemRandom";
import {FileLog} from "@catalyze/daemon/store/fileLog";
import {LevelStore} from "@catalyze/daemon/store/levelStore";
import {seedOf, signerOf} from "./seeds.ts";

export const silent: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => silent};
export const clock = new SystemClock();
export const random = new SystemRandom();

const CONNECT_MS_MAX = 20_000;
const BALANCE = 1_000_000_000_000n;
/** Keys above those of members. */
const CLIENT_INDEX = 1_000;
/** One client plays the whole network here. */
const UNLIMITED = {perSecond: 1e9, burst: 1e9};

/** What every part of a benchmark signs and checks with. */
export type World = {
  readonly genesis: Genesis;
  readonly hash: Uint8Array;
  readonly network: number;
  readonly owners: readonly Signer[];
  readonly voteSigners: readonly Signer[];
  readonly verifier: SignatureVerifier;
  readonly hasBudgets: boolean;
  /** One for all nodes: the thread that raw verification would have to itself. */
  readonly thread: CheckThread;
};

export type WorldOptions = {
  readonly witnesses: number;
  /** Accounts that sign ops. */
  readonly owners?: number;
  /** Accounts that only hold money, on top. */
  readonly holders?: readonly string[];
  readonly params?: Partial<LedgerParams>;
  /** Peers may ask as much as in life; else as much as they like. */
  readonly hasBudgets?: boolean;
};

/** A witness or a follower that runs, and what it stands on. */
export type Member = {
  readonly node: LedgerNode;
  readonly net: Libp2pNet;
  readonly store: LevelStore;
  readonly home: string;
  readonly verifier: CheckedAhead;
  stop(): Promise<void>;
};

export type MemberOptions = {
  /** Index of the witness, or a follower beyond the last of them. */
  readonly index: number;
  readonly home: string;
  /** Puts something between the node and the network. */
  readonly through?: (net: Net) => Net;
};

/** `undefined` of `peerIds`: a world of replicas without a network. */
export function createWorld(options: WorldOptions, peerIds?: readonly string[]): World {
  const {verifier} = openVerifier(silent);
  const owners = Array.from({length: options.owners ?? 128}, (_, index) => signerOf("account", index));
  const voteSigners = Array.from({length: options.witnesses}, (_, index) => signerOf("vote", index));
  const accounts = [...owners.map(({publicKey}) => accountIdOf(publicKey)), ...(options.holders ?? [])];
  const genesis: Genesis = {
    v: 1,
    name: "bench",
    accounts: accounts.map((id) => ({id: id as Genesis["accounts"][number]["id"], balance: BALANCE})),
    witnesses: voteSigners.map(({publicKey}, index) => ({
      peerId: (peerIds?.[index] ?? `peer-${index}`) as Genesis["witnesses"][number]["peerId"],
      voteKey: toHex(publicKey),
      evmAddress: String(index + 1).padStart(40, "0"),
      weight: 1,
      account: accountIdOf(owners[index]!.publicKey),
    })),
    params: {...PARAMS_PRODUCTION, ...options.params},
    aliases: {},
  };
  const hash = genesisHash(genesis);
  return {
    ...{genesis, hash: fromHex(hash), network: networkIdOf(hash), owners, voteSigners, verifier},
    hasBudgets: options.hasBudgets ?? false,
    thread: new CheckThread({clock: new SystemClock()}),
  };
}

/** The state machine of a witness alone, from the genesis on. */
export function createReplica({genesis, verifier, voteSigners}: World, index: number): Replica {
  return new Replica({genesis, verifier, voteSigner: voteSigners[index]}, freshReplica(genesis));
}

/** Counts votes of the world's witnesses. */
export function createTally({genesis}: World): Tally {
  return new Tally(committeeNow(genesisRegister(genesis)));
}

export class Cluster {
  readonly world: World;
  readonly folder: string;
  readonly members: Member[] = [];
  readonly #clients: Libp2pNet[] = [];
  #clientsMade = 0;

  private constructor(world: World, folder: string) {
    this.world = world;
    this.folder = folder;
  }

  /** Every witness is started and connected to every other. */
  static async open(
    options: WorldOptions,
    through: (net: Net, index: number) => Net = (net) => net,
  ): Promise<Cluster> {
    const peerIds = await Promise.all(
      Array.from({length: options.witnesses}, async (_, index) => (await createNet(index)).self),
    );
    const folder = await mkdtemp(join(tmpdir(), "ctz-bench-ledger-"));
    const cluster = new Cluster(createWorld(options, peerIds), folder);
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

  /** A stranger's net, connected to every witness. */
  async client(): Promise<Libp2pNet> {
    this.#clientsMade += 1;
    const net = await createNet(CLIENT_INDEX + this.#clientsMade);
    this.#clients.push(net);
    await net.start();
    for (const member of this.members) await net.dial(member.net.addresses()[0]!);
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

async function startMember(world: World, {index, home, through}: MemberOptions): Promise<Member> {
  const net = await createNet(index);
  const store = await LevelStore.open(join(home, "db"));
  const signingTable = await FileLog.open(join(home, "signing"));
  const outboxLog = await FileLog.open(join(home, "outbox"));
  const verifier = new CheckedAhead(world.verifier, world.thread);
  const node = new LedgerNode(
    {
      ...{store, signingTable, outboxLog, clock, random, log: silent, metrics: NO_METRICS},
      net: through?.(net) ?? net,
      verifier,
      checks: verifier,
      accountSigner: world.owners[index]!,
      voteSigner: world.voteSigners[index],
    },
    {
      genesis: world.genesis,
      ...(world.hasBudgets ? {} : {budgets: {witness: UNLIMITED, other: UNLIMITED}}),
    },
  );
  await net.start();
  await node.start();
  const stop = async () => {
    await node.stop();
    await net.stop();
    await Promise.all([signingTable.close(), outboxLog.close(), store.close()]);
  };
  return {node, net, store, home, verifier, stop};
}

async function createNet(index: number): Promise<Libp2pNet> {
  return await Libp2pNet.create(
    {clock, random, log: silent},
    {
      seed: seedOf("peer", index),
      networkTag: "00000000",
      listen: ["/ip4/127.0.0.1/tcp/0"],
      bootstrap: [],
      mdns: false,
    },
  );
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
