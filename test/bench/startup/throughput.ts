/** Calls that work for 50 ms and more, 32 at once, executors = cores − 1: through the market and directly, in turn. */
import {cpus} from "node:os";
import {performance} from "node:perf_hooks";
import {atLeast, figure, median, type Part} from "../bar.ts";
import {asksHeard, BenchNetwork, callOnce, sample} from "../benchNetwork.ts";
import {openDirectExecutor} from "../directExecutor.ts";

const IN_FLIGHT = 32;
const CALLS_PER_ROUND = 64;
const ROUNDS = 4;
const RATIO_MIN = 0.9;
const HEADER = {taskClass: "ocr"};

export const throughput: Part = {
  name: "throughput",
  what: `OCR of a notice, ${IN_FLIGHT} in flight, ${ROUNDS} rounds of ${CALLS_PER_ROUND} on each side`,
  async run(report) {
    const slots = Math.max(1, cpus().length - 1);
    const notice = await sample("notice.png");
    const network = await BenchNetwork.create(["requester", "provider"]);
    const direct = await openDirectExecutor("ocr", slots);
    try {
      const requester = await network.start("requester");
      await network.startProvider("provider", ["ocr"]);
      const client = await requester.client();
      await asksHeard(client, 1);
      const {executorMs} = await direct.run(notice);
      const once = () => callOnce(client, HEADER, notice);
      await rate(once, IN_FLIGHT);
      const rates: number[] = [];
      const ratios: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const alone = await rate(() => direct.run(notice), CALLS_PER_ROUND);
        const through = await rate(once, CALLS_PER_ROUND);
        rates.push(through);
        ratios.push(through / alone);
      }
      report(figure("startup/executor-time", executorMs, "ms"));
      const measured = {value: median(rates), unit: "calls/s", ratio: median(ratios)};
      report(atLeast("startup/throughput", measured, RATIO_MIN));
    } finally {
      await direct.stop();
      await network.stop();
    }
  },
};

async function rate(work: () => Promise<unknown>, count: number): Promise<number> {
  const startMs = performance.now();
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({length: IN_FLIGHT}, worker));
  return (count * 1_000) / (performance.now() - startMs);
}
