/**
 * The whole thing at once: an EVM node and five daemons as separate processes, real models, a kill in the
 * middle, and money that adds up on every node and on the chain. Exits 0 only if all of that held, and
 * leaves nothing running.
 */
import {existsSync} from "node:fs";
import {tmpdir, userInfo} from "node:os";
import {join} from "node:path";
import {fileURLToPath} from "node:url";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {EvmNode} from "@catalyze/daemon/chain/evmNode";
import type {Io} from "../io.ts";
import type {Output} from "../output/output.ts";
import {type DemoSummary, play} from "./play.ts";
import {DemoProcesses} from "./processes.ts";
import {chainFolder, clearStage, setStage} from "./stage.ts";
import {Teller} from "./telling.ts";

export type DemoOptions = {
  readonly keep: boolean;
  readonly json: boolean;
  readonly logLevel: string | undefined;
};

const REPOSITORY = fileURLToPath(new URL("../../../..", import.meta.url));

export async function runDemo(
  options: DemoOptions,
  {io, output}: {readonly io: Io; readonly output: Output},
): Promise<number> {
  const {stdout, stderr} = io;
  // With --json stdout is for the one object; people still want to watch.
  const teller = new Teller((text) => (options.json ? stderr : stdout).write(text));
  const folder = io.env["CTZ_DEMO_DIR"] ?? join(tmpdir(), `catalyze-demo-${userInfo().uid}`);
  const modelsIndex = join(REPOSITORY, ".cache/models/index.json");
  if (!existsSync(modelsIndex))
    throw new CodedError("TOOL_MISSING", {
      message: "The demo models are not there yet: run `npm run models`.",
    });

  const processes = new DemoProcesses(folder);
  const interrupted = Promise.withResolvers<string>();
  const stopListening = io.onInterrupt((signal) => interrupted.resolve(signal));
  let chain: EvmNode | undefined;
  const show = async (): Promise<DemoSummary> => {
    const reaped = await processes.reap();
    // Before the stage is cleared: the note of what to end is on it.
    if (await EvmNode.reap(chainFolder(folder))) reaped.push("its EVM node");
    if (reaped.length > 0) teller.say(`ended what an earlier demo left: ${reaped.join(", ")}`);
    await clearStage(folder);
    teller.chapter("The stage");
    const stage = await setStage({
      ...{folder, modelsIndex},
      say: (line) => teller.say(line),
      onChain: (node) => {
        chain = node;
      },
    });
    return await play(stage, {processes, teller, samples: join(REPOSITORY, "samples")});
  };
  const showing = show();
  try {
    const ended = await Promise.race([showing, interrupted.promise]);
    if (typeof ended === "string") {
      teller.say(`${ended}: stopping everything`);
      return ended === "SIGTERM" ? 143 : 130;
    }
    if (options.keep) await keepRunning(ended, teller, interrupted.promise);
    if (options.json) output.data(ended.json, () => "");
    return 0;
  } catch (error) {
    output.failure(toCodedError(error));
    teller.say(`The homes and logs stay for a look: ${folder}`);
    return 1;
  } finally {
    await processes.stopAll();
    // An act that was interrupted ends soon without daemons; until then it may still start the chain.
    await showing.catch(() => undefined);
    await chain?.stop();
    stopListening();
  }
}

async function keepRunning(
  summary: DemoSummary,
  teller: Teller,
  interrupted: Promise<string>,
): Promise<void> {
  teller.chapter("Yours now");
  for (const line of summary.tryNext) teller.say(line);
  teller.say("Ctrl-C ends it all.");
  await interrupted;
}
