/** From the start of the process, on a home that is not there yet: keys, genesis and store are made on the way. */
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {atMost, figure, median, type Part} from "../bar.ts";
import {CtzProcess} from "../ctzProcess.ts";

const RUNS = 5;
const BOUND_MS_MAX = 2_000;

export const startTime: Part = {
  name: "start",
  what: `ctz up to API bound and to ready, new home and known home, median of ${RUNS}`,
  async run(report) {
    const times = {
      bound: [] as number[],
      ready: [] as number[],
      boundAgain: [] as number[],
      readyAgain: [] as number[],
    };
    const folder = await mkdtemp(join(tmpdir(), "ctz-bench-start-"));
    try {
      for (let run = 0; run < RUNS; run++) {
        const home = join(folder, String(run));
        const first = await startAndStop(home);
        const again = await startAndStop(home);
        times.bound.push(first.boundMs);
        times.ready.push(first.readyMs);
        times.boundAgain.push(again.boundMs);
        times.readyAgain.push(again.readyMs);
      }
    } finally {
      await rm(folder, {recursive: true, force: true});
    }
    report(atMost("startup/api-bound", median(times.bound), BOUND_MS_MAX, "ms"));
    report(atMost("startup/api-bound-known-home", median(times.boundAgain), BOUND_MS_MAX, "ms"));
    report(figure("startup/ready", median(times.ready), "ms"));
    report(figure("startup/ready-known-home", median(times.readyAgain), "ms"));
  },
};

async function startAndStop(home: string): Promise<{boundMs: number; readyMs: number}> {
  const daemon = new CtzProcess(home, []);
  try {
    return {boundMs: await daemon.bound(), readyMs: await daemon.ready()};
  } finally {
    await daemon.stop();
  }
}
