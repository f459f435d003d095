/** `ctz up`: starts the node, says in plain lines what it does and whether it earns, and stops it in order. */
import {ApiClient} from "@catalyze/api/client/apiClient";
import {toCodedError} from "@catalyze/core/errors/codedError";
import {readApiToken} from "@catalyze/daemon/home/apiToken";
import {loadOptions} from "@catalyze/daemon/options/loadOptions";
import {VERSION} from "@catalyze/daemon/options/version";
import type {CommandContext} from "../context.ts";
import {ctz, duration} from "../output/format.ts";
import {oneLine} from "../output/plainText.ts";
import {flagTexts} from "./upFlags.ts";

/** Often enough to notice a change, rare enough to cost nothing. */
const WHY_INTERVAL_MS = 60_000;

/** What each phase of the start means. */
const PHASES: Readonly<Record<string, string>> = {
  keys: "opening the keys",
  network: "reading the genesis of the network",
  store: "opening the store and the ledger",
  chain: "looking for the chain",
  joining: "joining the network",
  ready: "ready",
  draining: "draining",
};

export async function runDaemon(
  context: CommandContext,
  values: Readonly<Record<string, unknown>>,
): Promise<number> {
  const {io, globals, output, layout} = context;
  const options = await loadOptions({home: globals.home, flags: flagTexts(values, globals), env: io.env});
  output.note(`ctz ${VERSION}, home ${layout.home}`);
  // The node brings every library: only this command loads it.
  const {startDaemon} = await import("@catalyze/daemon/node/startDaemon");
  const stopAsked = Promise.withResolvers<string>();
  const stopListening = io.onInterrupt((signal) => {
    output.note(`${signal}: stopping in order; once more forces.`);
    stopAsked.resolve(signal);
  });
  try {
    const daemon = await startDaemon(options, {
      onPhase: (phase) => output.note(PHASES[phase] ?? phase),
      onShutdown: () => stopAsked.resolve("ctz down"),
    });
    const client = new ApiClient({url: daemon.apiUrl, token: await readApiToken(layout.apiToken)});
    output.data(
      {api: daemon.apiUrl, peerId: daemon.peerId, home: layout.home},
      () => `api   ${daemon.apiUrl}\npeer  ${daemon.peerId}\n`,
    );
    const talk = new EarningTalk(context, client);
    await talk.start();
    const reason = await stopAsked.promise;
    talk.stop();
    output.note(`${reason}: finishing what runs here, at most ${duration(options.drainTimeoutMs)}.`);
    await daemon.stop();
    output.note("stopped");
    return 0;
  } finally {
    stopListening();
  }
}

/** Says what the node sells and why it earns or not, when that changes. */
class EarningTalk {
  readonly #context: CommandContext;
  readonly #client: ApiClient;
  #timer: NodeJS.Timeout | undefined;
  #said = "";

  constructor(context: CommandContext, client: ApiClient) {
    this.#context = context;
    this.#client = client;
  }

  async start(): Promise<void> {
    await this.#say();
    this.#timer = setInterval(() => void this.#say(), WHY_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #say(): Promise<void> {
    const {output} = this.#context;
    try {
      const [status, why] = await Promise.all([
        this.#client.call("status", {}),
        this.#client.call("nodeWhy", {}),
      ]);
      const lines = [
        ...(this.#said === "" ? status.notes : []),
        ...why.lines,
        ...(why.earnedUctz === "0" ? [] : [`earned ${ctz(why.earnedUctz)} so far`]),
      ];
      const text = [...new Set(lines.map(oneLine))].join("\n");
      if (text !== this.#said && text !== "") output.note(text);
      this.#said = text;
    } catch (error) {
      // The node may be stopping, or not quite ready; the next round asks again.
      output.note(toCodedError(error).message);
    }
  }
}
