/** One node of a benchmark's network, as a daemon holds it, and what it stands on. */
import {join} from "node:path";
import type {Net} from "@catalyze/core/ports/net";
import type {OpId, PeerId} from "@catalyze/core/primitives/id";
import {CheckedAhead} from "@catalyze/daemon/identity/checkedAhead";
import {NO_METRICS} from "@catalyze/daemon/ledger/ledgerMetrics";
import {LedgerNode} from "@catalyze/daemon/ledger/ledgerNode";
import {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {SystemRandom} from "@catalyze/daemon/runtime/systemRandom";
import {FileLog} from "@catalyze/daemon/store/fileLog";
import {LevelStore} from "@catalyze/daemon/store/levelStore";
import {seedOf} from "./seeds.ts";
import {silent, type World} from "./world.ts";

export const clock = new SystemClock();
export const random = new SystemRandom();

/** Keys above those of members. */
const CLIENT_INDEX = 1_000;
/** One client plays the whole network here. */
const UNLIMITED = {perSecond: 1e9, burst: 1e9};

/** Whom ops are handed to, in this process or in another. */
export type Target = {
  readonly peer: PeerId;
  readonly address: string;
  /** Tells what it has certified on its disk. */
  readonly certified: {add(listener: (ops: readonly OpId[]) => void): void};
};

/** A witness or a follower that runs in this process. */
export type Member = Target & {
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

export async function startMember(world: World, {index, home, through}: MemberOptions): Promise<Member> {
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
  const target = {peer: net.self, address: net.addresses()[0]!, certified: node.events.certified};
  return {...target, node, net, store, home, verifier, stop};
}

export async function createNet(index: number): Promise<Libp2pNet> {
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

/** Who the first so many members are; their keys are the same in every run. */
export async function peerIdsOf(count: number): Promise<PeerId[]> {
  return await Promise.all(Array.from({length: count}, async (_, index) => (await createNet(index)).self));
}

/** A stranger's net, the one with this number, connected to all of them. */
export async function clientNet(index: number, targets: readonly Target[]): Promise<Libp2pNet> {
  const net = await createNet(CLIENT_INDEX + index + 1);
  await net.start();
  for (const {address} of targets) await net.dial(address);
  return net;
}
