/**
 * The whole thing at once: an EVM node and five daemons as separate processes, real models, a kill in the
 * middle, and money that adds up on every node and on the chain. Exits 0 only if all of that held, with the
 * code of what did not otherwise, and leaves nothing running.
 */
import {existsSync} from "node:fs";
import {tmpdir, userInfo} from "node:os";
import {join} from "node:path";
import {fileURLToPath} from "node:url";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {EvmNode} from "@catalyze/daemon/chain/evmNode";
import type {Io} from "../io.ts";
import type {Output} from "../output/output.ts";
import {Deaths} from "./deaths.ts";
import {type DemoSummary, play} from "./play.ts";
import {DemoProcesses} from "./processes.ts";
import {chainFolder, chainLog, clearStage, setStage} from "./stage.ts";
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
  const demo = new Demo(folder, teller, modelsIndexOf());
  const interrupted = Promise.withResolvers<string>();
  const stopListening = io.onInterrupt((signal) => interrupted.resolve(signal));
  try {
    const ended = await Promise.race([demo.show(), interrupted.promise, demo.deaths.first()]);
    if (typeof ended === "string") {
      teller.say(`${ended}: stopping everything`);
      return ended === "SIGTERM" ? 143 : 130;
    }
    if (options.keep) await keepRunning(ended, demo, interrupted.promise);
    if (options.json) output.data(ended.json, () => "");
    return 0;
  } catch (error) {
    const failure = (await demo.deaths.behind()) ?? toCodedError(error);
    output.failure(failure);
    teller.say(`The homes and logs stay for a look: ${folder}`);
    return failure.row.exit;
  } finally {
    await demo.stop();
    stopListening();
  }
}

function modelsIndexOf(): string {
  const path = join(REPOSITORY, ".cache/models/index.json");
  if (existsSync(path)) return path;
  throw new CodedError("TOOL_MISSING", {
    message: "The demo models are not there yet: run `npm run models`.",
  });
}

/** What runs, and how to end it at any moment. */
class Demo {
  readonly teller: Teller;
  readonly deaths = new Deaths();
  readonly #folder: string;
  readonly #modelsIndex: string;
  readonly #processes: DemoProcesses;
  #chain: EvmNode | undefined;
  #showing: Promise<unknown> = Promise.resolve();

  constructor(folder: string, teller: Teller, modelsIndex: string) {
    this.teller = teller;
    this.#folder = folder;
    this.#modelsIndex = modelsIndex;
    this.#processes = new DemoProcesses(folder, (death) => this.deaths.add("DAEMON_DIED", death));
  }

  /** Once. */
  async show(): Promise<DemoSummary> {
    const showing = this.#show();
    this.#showing = showing;
    return await showing;
  }

  async stop(): Promise<void> {
    await this.#processes.stopAll();
    // An act that was interrupted ends soon without daemons; until then it may still start the chain.
    await this.#showing.catch(() => undefined);
    await this.#chain?.stop();
  }

  async #show(): Promise<DemoSummary> {
    const folder = this.#folder;
    const reaped = await this.#processes.reap();
    // Before the stage is cleared: the note of what to end is on it.
    if (await EvmNode.reap(chainFolder(folder))) reaped.push("its EVM node");
    if (reaped.length > 0) this.teller.say(`ended what an earlier demo left: ${reaped.join(", ")}`);
    await clearStage(folder);
    this.teller.chapter("The stage");
    const stage = await setStage({
      ...{folder, modelsIndex: this.#modelsIndex},
      say: (line) => this.teller.say(line),
      onChain: (node) => {
        this.#chain = node;
      },
      onChainEnded: (exit) =>
        this.deaths.add("CHAIN_UNREACHABLE", {name: "The EVM node", ...exit, logFile: chainLog(folder)}),
    });
    const samples = join(REPOSITORY, "samples");
    return await play(stage, {processes: this.#processes, teller: this.teller, samples});
  }
}

async function keepRunning(
  summary: DemoSummary,
  {teller, deaths}: Demo,
  interrupted: Promise<string>,
): Promise<void> {
  teller.chapter("Yours now");
  for (const line of summary.tryNext) teller.say(line);
  teller.say("Ctrl-C ends it all.");
  // Whoever tries what happens without a node wants the others to go on.
  deaths.tell(({message}) => teller.say(`${message}\n  The others go on.`));
  await interrupted;
}
