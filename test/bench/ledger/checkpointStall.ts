/**
 * B8: a checkpoint of 10,000 dirty cells on a state of 100,000. How long the thread stands still for it in a
 * witness that has nothing else to do, and what the tree's root costs for each cell, alone.
 */
import {monitorEventLoopDelay, performance} from "node:perf_hooks";
import {setTimeout as sleep} from "node:timers/promises";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import type {AccountId} from "@catalyze/core/primitives/id";
import {atMost, figure, median, type Part} from "../bar.ts";
import {Cluster} from "./cluster.ts";
import {holders} from "./holders.ts";
import type {Member} from "./member.ts";
import {OpFeeder} from "./opFeeder.ts";
import {OpMaker} from "./opMaker.ts";
import {ROUNDS} from "./rounds.ts";
import type {World} from "./world.ts";

const CELLS = 100_000;
const DIRTY = 10_000;
const PAYEES = 32;
const CHECKPOINT_MS = 4_000;
/** Lets the answers to the last ops go out. */
const CALM_MS = 500;
const STALL_ROUNDS = 5;
const STALL_MS_MAX = 20;
const ROOT_US_MAX = 50;

export const checkpointStall: Part = {
  name: "checkpoint",
  what: "a checkpoint of 10,000 dirty cells on 100,000: longest stall of the thread, µs of the root per cell",
  async run(report) {
    const rich = holders(CELLS);
    const cluster = await Cluster.open({
      witnesses: 1,
      holders: rich,
      params: {checkpointIntervalMs: CHECKPOINT_MS},
    });
    try {
      const feeder = await OpFeeder.open(cluster);
      const maker = new OpMaker(cluster.world);
      const member = cluster.members[0]!;
      const ops = () => maker.transfers(Math.ceil(DIRTY / PAYEES), PAYEES, rich);
      await feeder.certify(ops());
      await nextCheckpoint(member);
      const [idle, loaded]: [number[], number[]] = [[], []];
      for (let at = 0; at < STALL_ROUNDS; at++) {
        idle.push(await stallOfNext(member));
        await feeder.certify(ops());
        loaded.push(await stallOfNext(member));
      }
      await feeder.close();
      report(atMost("ledger/checkpoint-stall", median(loaded), STALL_MS_MAX, "ms"));
      report(figure("ledger/checkpoint-stall-idle", median(idle), "ms"));
      report(atMost("ledger/root-per-dirty-cell", rootUs(cluster.world, rich), ROOT_US_MAX, "µs"));
    } finally {
      await cluster.close();
    }
  },
};

/** The longest time, in ms, for which the thread did nothing else until the next checkpoint was on disk. */
async function stallOfNext(member: Member): Promise<number> {
  await sleep(CALM_MS);
  const delay = monitorEventLoopDelay({resolution: 1});
  delay.enable();
  await nextCheckpoint(member);
  // What is said after it belongs to it.
  await sleep(CALM_MS / 5);
  delay.disable();
  return delay.max / 1e6;
}

async function nextCheckpoint({node}: Member): Promise<void> {
  await new Promise<void>((resolve) => {
    const remove = node.events.checkpoint.add(() => {
      remove();
      resolve();
    });
  });
}

function rootUs({genesis}: World, rich: readonly AccountId[]): number {
  const base = genesisState(genesis);
  base.tree().root();
  const spent: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const fork = base.fork();
    for (const id of rich.slice(round * DIRTY, (round + 1) * DIRTY)) {
      const cell = base.account(id)!;
      fork.put({...cell, in: cell.in + 1n});
    }
    const startMs = performance.now();
    fork.tree().root();
    spent.push(((performance.now() - startMs) * 1_000) / DIRTY);
  }
  return median(spent);
}
