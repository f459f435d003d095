import {CodedError} from "@catalyze/core/errors/codedError";
import {readRunFile} from "@catalyze/daemon/home/runFile";
import {command} from "../command.ts";
import {duration} from "../output/format.ts";
import {ProgressBar} from "../output/progressBar.ts";

/** The default drain timeout and what closing takes. */
const WAIT_MS = 60_000;
const POLL_MS = 50;

export const down = command({
  path: ["down"],
  summary: "Drain and stop the daemon of this home; returns once it is gone",
  async run(_values, {client, globals, io, layout, output}) {
    const started = io.now();
    await (await client()).call("shutdown", {});
    const bar = new ProgressBar(io, globals.quiet);
    const waitMs = globals.timeoutMs ?? WAIT_MS;
    // A daemon reached by --api may have another home: there is nothing here to wait for.
    while (globals.api === undefined && (await readRunFile(layout.run)) !== undefined) {
      const waitedMs = io.now() - started;
      if (waitedMs > waitMs)
        throw new CodedError("API_TIMEOUT", {message: `The daemon still runs after ${duration(waitedMs)}.`});
      bar.update("draining", waitedMs, waitMs);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    bar.clear();
    output.data({ok: true}, () => "stopped\n");
  },
});
