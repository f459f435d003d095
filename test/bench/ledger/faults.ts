/** B7: one of four witnesses dies, or all it says comes a second late. The others need nobody's help. */
import {setTimeout as sleep} from "node:timers/promises";
import {atLeast, median, type Part} from "../bar.ts";
import {Cluster} from "./cluster.ts";
import {OpFeeder} from "./opFeeder.ts";
import {OpMaker} from "./opMaker.ts";
import {ROUNDS, rate} from "./rounds.ts";
import {slowNet} from "./slowNet.ts";

const OPS = 2_048;
const WARM_OPS = 1_024;
const WITNESSES = 4;
const LAST = WITNESSES - 1;
const LATE_MS = 1_000;
/** What was late on its way arrives before the next round. */
const CALM_MS = 1_500;
const SHARE_MIN = 0.9;

export const faults: Part = {
  name: "faults",
  what: "four witnesses: throughput with one a second slow, and with one killed, against before; ops go to the others",
  async run(report) {
    let delayMs = 0;
    const cluster = await Cluster.open({witnesses: WITNESSES}, (net, index) =>
      index === LAST ? slowNet(net, () => delayMs) : net,
    );
    try {
      const feeder = await OpFeeder.open(cluster);
      const maker = new OpMaker(cluster.world);
      const victim = cluster.members[LAST]!;
      feeder.drop(victim);
      const round = async () => {
        const ops = maker.transfers(OPS);
        return await rate(OPS, () => feeder.certify(ops));
      };
      await feeder.certify(maker.transfers(WARM_OPS));
      const before: number[] = [];
      const slow: number[] = [];
      for (let at = 0; at < ROUNDS; at++) {
        delayMs = 0;
        await sleep(CALM_MS);
        before.push(await round());
        delayMs = LATE_MS;
        slow.push(await round());
      }
      delayMs = 0;
      const slowShare = median(slow.map((each, at) => each / before[at]!));
      const slowed = {value: median(slow), unit: "ops/s", ratio: slowShare};
      report(atLeast("ledger/one-of-four-slow", slowed, SHARE_MIN));

      await cluster.leave(victim);
      const after: number[] = [];
      for (let at = 0; at < ROUNDS; at++) after.push(await round());
      // Nobody comes back to life between two rounds, so these do not alternate.
      const ratio = median(after) / median(before);
      report(atLeast("ledger/one-of-four-killed", {value: median(after), unit: "ops/s", ratio}, SHARE_MIN));
      await feeder.close();
    } finally {
      await cluster.close();
    }
  },
};
