/** The daemon: there, ready, with peers whose clocks agree with ours; or the ports that it would take. */
import {createServer} from "node:net";
import type {ApiClient} from "@catalyze/api/client/apiClient";
import type {PeerView} from "@catalyze/api/schema/market";
import type {NodeInfo} from "@catalyze/api/schema/node";
import {CodedError} from "@catalyze/core/errors/codedError";
import {ERRORS} from "@catalyze/core/errors/table";
import {loadOptions} from "@catalyze/daemon/options/loadOptions";
import type {CommandContext} from "../context.ts";
import type {Check} from "./check.ts";

/** Asks and quotes live for seconds to minutes: a clock further off makes them expired or future. */
const CLOCK_WARN_MS = 2_000;
const CLOCK_WRONG_MS = 30_000;

export async function daemonChecks(context: CommandContext): Promise<readonly Check[]> {
  let client: ApiClient;
  try {
    client = await context.client();
    return await runningChecks(client);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== "DAEMON_UNREACHABLE") throw error;
    return [
      {name: "daemon", state: "warning", detail: error.message, fix: error.row.hint},
      ...(await portChecks(context)),
    ];
  }
}

function executorCheck({executor, roles}: NodeInfo): Check {
  const name = "executor of the daemon";
  if (executor.slots > 0)
    return {name, state: "ok", detail: `${executor.kind}, ${executor.slots} slots, ${executor.isolation}`};
  if (!roles.includes("provider"))
    return {name, state: "ok", detail: "none needed: it does not sell compute"};
  return {name, state: "warning", detail: "none, and so it earns nothing", fix: "Its log says why."};
}

/** After a few failures everything is checked where the node does all else. */
function checkThreadCheck({checkThreadFailures: failures}: NodeInfo): readonly Check[] {
  if (failures === 0) return [];
  const detail = `the thread that checks signatures failed ${failures} times since the start`;
  const fix = "Its log says why. Restart the daemon when the machine is well again.";
  return [{name: "signatures", state: "warning", detail, fix}];
}

async function runningChecks(client: ApiClient): Promise<readonly Check[]> {
  const {isReady, phase, reason} = await client.call("readyz", {});
  if (reason?.startsWith(ERRORS.LEDGER_INVARIANT.message)) {
    const fix = "Keep an export (`ctz ledger export`), stop paying, and ask the others what they have.";
    return [{name: "ledger", state: "broken", detail: reason, fix}];
  }
  if (!isReady) {
    return [
      {
        name: "daemon",
        state: "warning",
        detail: `not ready: ${phase}${reason === undefined ? "" : ` (${reason})`}`,
        fix: "Wait, or look into its log.",
      },
    ];
  }
  const [status, info, {peers}] = await Promise.all([
    client.call("status", {}),
    client.call("nodeInfo", {}),
    client.call("peers", {}),
  ]);
  return [
    {name: "daemon", state: "ok", detail: `ready at ${client.target.url}, version ${status.version}`},
    executorCheck(info),
    ...checkThreadCheck(info),
    peers.length > 0
      ? {name: "peers", state: "ok", detail: `${peers.length} connected`}
      : {name: "peers", state: "warning", detail: "none", fix: "Join a network: ctz up --join <address>"},
    ...clockCheck(peers),
  ];
}

function clockCheck(peers: readonly PeerView[]): readonly Check[] {
  const offsets = peers
    .flatMap(({clockOffsetMs}) => (clockOffsetMs === undefined ? [] : [clockOffsetMs]))
    .sort((left, right) => left - right);
  const middle = offsets[Math.floor(offsets.length / 2)];
  if (middle === undefined) return [];
  const detail = `${Math.round(middle)} ms off the middle of ${offsets.length} peers`;
  const off = Math.abs(middle);
  if (off < CLOCK_WARN_MS) return [{name: "clock", state: "ok", detail}];
  return [
    {
      name: "clock",
      state: off < CLOCK_WRONG_MS ? "warning" : "broken",
      detail,
      fix: "Set the clock (NTP): quotes and asks carry times.",
    },
  ];
}

async function portChecks({globals, io}: CommandContext): Promise<readonly Check[]> {
  const options = await loadOptions({home: globals.home, flags: {}, env: io.env});
  return [
    await portCheck("API port", options.apiHost, options.apiPort, options.isApiPortExplicit),
    await portCheck("peer port", "0.0.0.0", options.p2pPort, options.isP2pPortExplicit),
  ];
}

async function portCheck(name: string, host: string, port: number, isExplicit: boolean): Promise<Check> {
  const isFree = await new Promise<boolean>((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({host, port}, () => probe.close(() => resolve(true)));
  });
  if (isFree) return {name, state: "ok", detail: `${port} is free`};
  if (!isExplicit) return {name, state: "ok", detail: `${port} is taken; another free one will be used`};
  return {
    name,
    state: "broken",
    detail: `${port} is taken and was stated`,
    fix: "Choose another port, or leave it to ctz.",
  };
}
