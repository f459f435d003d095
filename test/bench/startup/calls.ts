/**
 * What the market adds to a call: a requester's program, its daemon, a provider's daemon and its executor,
 * against the same executor process called directly. Both in turn, so that a busy machine slows both.
 */
import {performance} from "node:perf_hooks";
import {setTimeout as sleep} from "node:timers/promises";
import {utf8} from "@catalyze/core/primitives/bytes";
import {atMost, figure, median, type Part, percentile} from "../bar.ts";
import {asksHeard, BenchNetwork, callOnce} from "../benchNetwork.ts";
import {openDirectExecutor} from "../directExecutor.ts";

/** The compiler has seen the hot code by then. */
const WARM_CALLS = 200;
const PAIRS = 150;
const CPU_CALLS = 200;
const IDLE_MS = 3_000;
const OVERHEAD_MS_MAX = 15;
const SENTENCE = utf8("The storm broke the mast of the ship.\n");
const HEADER = {taskClass: "embed"};

export const calls: Part = {
  name: "calls",
  what: `${PAIRS} one-sentence calls beside as many direct ones; then processor time of each daemon`,
  async run(report) {
    const network = await BenchNetwork.create(["requester", "provider"]);
    const direct = await openDirectExecutor("embed", 1);
    try {
      const requester = await network.start("requester");
      const provider = await network.startProvider("provider", ["embed"]);
      const client = await requester.client();
      await asksHeard(client, 1);
      const once = async () => {
        const bytes = await callOnce(client, HEADER, SENTENCE);
        if (bytes.length === 0) throw new Error("an empty result");
      };
      for (let at = 0; at < WARM_CALLS; at++) await Promise.all([once(), direct.run(SENTENCE)]);

      const through: number[] = [];
      const alone: number[] = [];
      for (let at = 0; at < PAIRS; at++) {
        alone.push(await timed(() => direct.run(SENTENCE)));
        through.push(await timed(once));
      }
      const base = median(alone);
      report(atMost("startup/call-overhead-p50", median(through) - base, OVERHEAD_MS_MAX, "ms"));
      report(figure("startup/call-overhead-p95", percentile(through, 95) - base, "ms"));
      report(figure("startup/direct-call-p50", base, "ms"));

      const sides = {requester, provider};
      const idle = await spent(sides, () => sleep(IDLE_MS));
      const busy = await spent(sides, async () => {
        for (let at = 0; at < CPU_CALLS; at++) await once();
      });
      for (const side of ["requester", "provider"] as const) {
        const ofIdle = (idle[side] * busy.wallMs) / idle.wallMs;
        report(figure(`startup/cpu-per-call-${side}`, (busy[side] - ofIdle) / CPU_CALLS, "ms"));
      }
    } finally {
      await direct.stop();
      await network.stop();
    }
  },
};

type Side = {cpuMs(): number};

async function spent(sides: {requester: Side; provider: Side}, work: () => Promise<unknown>) {
  const before = {requester: sides.requester.cpuMs(), provider: sides.provider.cpuMs()};
  const wallMs = await timed(work);
  return {
    wallMs,
    requester: sides.requester.cpuMs() - before.requester,
    provider: sides.provider.cpuMs() - before.provider,
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
