/**
 * The whole path: ops arrive over loopback libp2p, are decoded, verified, voted, certified, written with
 * fsync to LevelDB and the signing table, and acknowledged. Against the same thread doing nothing but
 * verifying the same signatures.
 */
import {atLeast, atMost, figure, median, type Part, percentile, type Report} from "../bar.ts";
import {Cluster} from "./cluster.ts";
import {FarCluster} from "./farCluster.ts";
import {OpFeeder, type Source} from "./opFeeder.ts";
import {OpMaker} from "./opMaker.ts";
import {Pacer} from "./pacer.ts";
import {alternate, type Compared, rate, rawRate} from "./rounds.ts";
import type {World} from "./world.ts";

const WARM_OPS = 1_024;
const LONE_OPS = 50;
/** Four checkpoints. */
const HALF_LOAD_S = 20;
/** What rounds at full load left to do is no part of half of it. */
const SETTLE_S = 5;
/** DESIGN §12: three entry intervals of 20 ms and 40 ms. */
const P50_MS_MAX = 100;
const P99_OF_P50_MAX = 5;

/** B1, and what one op alone waits. */
export const oneWitness: Part = {
  name: "one-witness",
  what: "certified single-payee ops against raw signature verification of the same thread in the same run",
  run: async (report) =>
    await withFeeder(await Cluster.open({witnesses: 1}), async ({cluster, feeder, maker}) => {
      const {measured, ratio} = await against(cluster, () => maker.transfers(4_096), feeder);
      report(atLeast("ledger/one-witness", {value: measured, unit: "ops/s", ratio}, 0.5));
      const latencies: number[] = [];
      for (let at = 0; at < LONE_OPS; at++) {
        const [ms = Number.NaN] = await feeder.pace(maker.transfers(1), 1_000);
        latencies.push(ms);
      }
      report(figure("ledger/certified-latency-p50", median(latencies), "ms"));
    }),
};

/** B2 and B6: the second needs the first, for half of its load. */
export const fourWitnesses: Part = {
  name: "four-witnesses",
  what: "the same with four witnesses, each in its own process, against a quarter of raw; latency at half of that load",
  run: async (report) =>
    await withFeeder(await FarCluster.open(4), async ({cluster, feeder, maker}) => {
      const {measured, ratio} = await against(cluster, () => maker.transfers(2_048), feeder);
      report(atLeast("ledger/four-witnesses", {value: measured, unit: "ops/s", ratio: ratio * 4}, 0.5));
      const settling = maker.transfers(Math.ceil((measured / 2) * SETTLE_S));
      const ops = maker.transfers(Math.ceil((measured / 2) * HALF_LOAD_S));
      const pacer = await Pacer.start(cluster.witnesses().map(({address}) => address));
      await feeder.paceFrom(pacer, settling, measured / 2);
      reportLatencies(report, await feeder.paceFrom(pacer, ops, measured / 2));
      pacer.stop();
    }),
};

/** B4. */
export const manyPayees: Part = {
  name: "32-payees",
  what: "payments a second in ops of 32 payees, one witness, against raw signature verification",
  run: async (report) =>
    await withFeeder(await Cluster.open({witnesses: 1}), async ({cluster, feeder, maker}) => {
      const {measured, ratio} = await against(cluster, () => maker.transfers(1_024, 32), feeder);
      const payments = {value: measured * 32, unit: "payments/s", ratio: ratio * 32};
      report(atLeast("ledger/32-payees", payments, 5));
    }),
};

type Witnesses = Source & {readonly world: World; close(): Promise<void>};
type Bench = {readonly cluster: Witnesses; readonly feeder: OpFeeder; readonly maker: OpMaker};

async function withFeeder(cluster: Witnesses, work: (bench: Bench) => Promise<void>): Promise<void> {
  try {
    const feeder = await OpFeeder.open(cluster);
    const maker = new OpMaker(cluster.world);
    await feeder.certify(maker.transfers(WARM_OPS));
    await work({cluster, feeder, maker});
    await feeder.close();
  } finally {
    await cluster.close();
  }
}

async function against(
  {world}: Witnesses,
  nextOps: () => ReturnType<OpMaker["transfers"]>,
  feeder: OpFeeder,
): Promise<Compared> {
  return await alternate(async () => {
    const ops = nextOps();
    const reference = await rawRate(world, ops);
    return {reference, measured: await rate(ops.length, () => feeder.certify(ops))};
  });
}

function reportLatencies(report: Report, latencies: readonly number[]): void {
  const p50 = median(latencies);
  const p99 = percentile(latencies, 99);
  report(atMost("ledger/half-load-p50", p50, P50_MS_MAX, "ms"));
  report(atMost("ledger/half-load-p99", p99, P99_OF_P50_MAX * p50, "ms"));
}
