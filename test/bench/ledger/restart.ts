/**
 * B10: a witness comes back to what it left on disk. With checkpoints it serves from the last one; without
 * any it counts every entry again, which is the replay that is set against the rate of taking ops in. And
 * how long a new node needs: today it replays all logs, so this is the figure that a snapshot has to beat.
 */
import {join} from "node:path";
import {performance} from "node:perf_hooks";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {atLeast, atMost, median, type Part, type Report} from "../bar.ts";
import {Cluster, until} from "./cluster.ts";
import {holders} from "./holders.ts";
import type {Member} from "./member.ts";
import {OpFeeder} from "./opFeeder.ts";
import {OpMaker} from "./opMaker.ts";
import {restartMs} from "./restartIn.ts";
import {alternate, rate} from "./rounds.ts";

const OPS = 100_000;
/** Signed and handed in at once. */
const SLICE = 8_192;
const RESTARTS = 3;
const SERVES_MS_MAX = 2_000;
const REPLAY_OPS = 8_192;
const REPLAY_ROUNDS = 4;
const REPLAY_TO_LIVE_MIN = 2;
const NEW_NODE_S_MAX = 10;
const NEW_NODE_MS_WAIT = 400_000;
const CHECKPOINT_MS_MAX = 30_000;
const NEVER_MS = 86_400_000;

export const restart: Part = {
  name: "restart",
  what: "100,000 ops that made 100,000 cells: time until a restart serves; a new node; replay against the live rate",
  async run(report, say) {
    await withCheckpoints(report, say);
    await withoutCheckpoints(report);
  },
};

async function withCheckpoints(report: Report, say: (line: string) => void): Promise<void> {
  const cluster = await Cluster.open({witnesses: 1});
  try {
    await feed(cluster, say);
    const spent: number[] = [];
    const member = cluster.members[0]!;
    await cluster.leave(member);
    for (let at = 0; at < RESTARTS; at++) spent.push(await restartMs(member.home));
    await cluster.join({index: 0, home: member.home});
    report(atMost("ledger/restart-100000-ops", median(spent), SERVES_MS_MAX, "ms"));
    report(atMost("ledger/new-node-replay-100000-cells", await newNodeS(cluster), NEW_NODE_S_MAX, "s"));
  } finally {
    await cluster.close();
  }
}

async function withoutCheckpoints(report: Report): Promise<void> {
  const cluster = await Cluster.open({witnesses: 1, params: {checkpointIntervalMs: NEVER_MS}});
  try {
    const maker = new OpMaker(cluster.world);
    let total = 0;
    const {measured, ratio} = await alternate(async () => {
      const ops = maker.transfers(REPLAY_OPS);
      const feeder = await OpFeeder.open(cluster);
      const reference = await rate(REPLAY_OPS, () => feeder.certify(ops));
      await feeder.close();
      total += REPLAY_OPS;
      return {reference, measured: (total * 1_000) / (await replayMs(cluster))};
    }, REPLAY_ROUNDS);
    report(atLeast("ledger/replay-to-live", {value: measured, unit: "ops/s", ratio}, REPLAY_TO_LIVE_MIN));
  } finally {
    await cluster.close();
  }
}

/** Each op pays an account that nobody has paid before. */
async function feed(cluster: Cluster, say: (line: string) => void): Promise<void> {
  const maker = new OpMaker(cluster.world);
  const feeder = await OpFeeder.open(cluster);
  const payees = holders(OPS);
  for (let done = 0; done < OPS; done += SLICE) {
    await feeder.certify(maker.transfers(Math.min(SLICE, OPS - done), 1, payees));
    say(`${Math.min(OPS, done + SLICE)} ops`);
  }
  await feeder.close();
  const {node} = cluster.members[0]!;
  const {height} = node.checkpoint();
  await until("a checkpoint", CHECKPOINT_MS_MAX, () => node.checkpoint().height > height);
}

/** In this process, like the rate that it is set against. */
async function replayMs(cluster: Cluster): Promise<number> {
  const member = cluster.members[0]!;
  await cluster.leave(member);
  const startMs = performance.now();
  const {node} = await cluster.join({index: 0, home: member.home});
  const owner = accountIdOf(cluster.world.owners[0]!.publicKey);
  if ((node.accountView(owner)?.seq ?? 0n) === 0n) throw new Error("the restarted node knows nothing");
  return performance.now() - startMs;
}

/**
 * An empty follower until it holds the state of the witness. This is where the transfer of a snapshot will be
 * measured: the follower asks for nothing else, whatever way the node takes.
 */
async function newNodeS(cluster: Cluster): Promise<number> {
  const [witness] = cluster.members as [Member];
  const wanted = witness.node.checkpoint().height;
  const startMs = performance.now();
  const follower = await cluster.join({index: 1, home: join(cluster.folder, "new")});
  await until("the new node", NEW_NODE_MS_WAIT, () => follower.node.checkpoint().height >= wanted);
  const spentS = (performance.now() - startMs) / 1_000;
  await cluster.leave(follower);
  return spentS;
}
