/**
 * From options to a running daemon. The API binds first and says which phase the node is in; keys, store,
 * network and market follow. `stop()` undoes it in order and leaves nothing behind.
 */
import {toCodedError} from "@catalyze/core/errors/codedError";
import {ensureApiToken} from "../home/apiToken.ts";
import {ensureHome} from "../home/ensureHome.ts";
import {acquireHomeLock} from "../home/homeLock.ts";
import type {HomeLayout} from "../home/homePath.ts";
import {removeRunFile, writeRunFile} from "../home/runFile.ts";
import {HttpServer} from "../http/httpServer.ts";
import {Metrics} from "../observe/metrics.ts";
import {PinoLog} from "../observe/pinoLog.ts";
import {ConfigStore} from "../options/configStore.ts";
import type {DaemonOptions} from "../options/daemonOptions.ts";
import {loadOptions} from "../options/loadOptions.ts";
import {VERSION} from "../options/version.ts";
import {SystemClock} from "../runtime/systemClock.ts";
import {releaseYoungHeap} from "../runtime/youngHeap.ts";
import type {OpenedNode} from "./openNode.ts";

export type DaemonHooks = {
  /** One word for where the start stands: `keys`, `network`, `store`, `joining`, `ready`. */
  onPhase(phase: string): void;
  /** Asked for over the API (`ctz down`). */
  onShutdown?(): void;
};

export type RunningDaemon = {readonly apiUrl: string; readonly peerId: string; stop(): Promise<void>};

/** Undone in reverse when a later step fails or the daemon stops. */
type Undo = (() => Promise<void> | void)[];

/** Throws `HOME_LOCKED`, `HOME_INVALID`, `PORT_IN_USE`, `PASSPHRASE_WRONG`, `SCHEMA_NEWER`, …; then nothing runs. */
export async function startDaemon(options: DaemonOptions, hooks: DaemonHooks): Promise<RunningDaemon> {
  const undo: Undo = [];
  const unwind = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await start(options, hooks, undo, unwind);
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function start(
  options: DaemonOptions,
  hooks: DaemonHooks,
  undo: Undo,
  unwind: () => Promise<void>,
): Promise<RunningDaemon> {
  const startedAtMs = Date.now();
  const layout = await ensureHome(options.home);
  const lock = await acquireHomeLock(layout.lock);
  undo.push(() => lock.release());
  const log = openLog(layout, options);
  undo.push(() => log.close());
  if (lock.wasTakenOver) log.info("took over the lock of a daemon that died");
  const metrics = new Metrics(VERSION);
  const config = new ConfigStore({path: layout.config, flags: options.flags, env: process.env});
  const server = await openServer(layout, options, {hooks, log, metrics, config});
  const apiUrl = await server.start();
  undo.push(() => server.stop());
  await writeRunFile(layout.run, {
    v: 1,
    api: apiUrl,
    pid: process.pid,
    startedAt: new Date(startedAtMs).toISOString(),
    version: VERSION,
  });
  undo.push(() => removeRunFile(layout.run));
  let phase = "starting";
  const enter = (name: string) => {
    phase = name;
    server.setPhase(name);
    log.info("phase", {phase: name, afterMs: Date.now() - startedAtMs});
    hooks.onPhase(name);
  };
  // Only now the large imports: the API answers while they load.
  const {openNode} = await import("./openNode.ts");
  const node = await openNode(
    {layout, options, log, metrics, clock: new SystemClock(), enter},
    {apiUrl, startedAtMs, phase: () => phase},
  ).catch((error: unknown) => {
    // Whoever started it is told a coded refusal in full; the stack of a fault of ours is only here.
    const {code} = toCodedError(error);
    log.error("the node did not start", code === "INTERNAL" ? {phase, error} : {phase, code});
    throw error;
  });
  undo.push(config.onLiveChange(() => void reloadPrices(options, node, log)));
  undo.push(async () => {
    enter("draining");
    await node.stop(options.drainTimeoutMs);
    server.setFacade(undefined);
  });
  server.setFacade(node.facade);
  metrics.ready(true);
  enter("ready");
  releaseYoungHeap();
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= unwind();
    return stopping;
  };
  return {apiUrl, peerId: node.peerId, stop};
}

function openLog(layout: HomeLayout, {logLevel, logFormat}: DaemonOptions): PinoLog {
  return PinoLog.open({
    level: logLevel,
    format: logFormat,
    file: layout.logFile,
    stderr: process.stderr,
    hasColour: process.stderr.isTTY === true && process.env["NO_COLOR"] === undefined,
  });
}

async function openServer(
  layout: HomeLayout,
  options: DaemonOptions,
  {hooks, log, metrics, config}: {hooks: DaemonHooks; log: PinoLog; metrics: Metrics; config: ConfigStore},
): Promise<HttpServer> {
  const token = await ensureApiToken(layout.apiToken);
  return new HttpServer(
    {log: log.child({module: "http"}), metrics, config},
    {
      version: VERSION,
      token,
      host: options.apiHost,
      port: options.apiPort,
      isPortExplicit: options.isApiPortExplicit,
      onShutdown: () => hooks.onShutdown?.(),
    },
  );
}

/** Prices are the live settings: `ctz config set price.ocr …` changes the next ask. */
async function reloadPrices({home, flags}: DaemonOptions, node: OpenedNode, log: PinoLog): Promise<void> {
  try {
    const {prices} = await loadOptions({home, flags, env: process.env});
    node.setPrices(prices);
  } catch (error) {
    log.warn("new prices are not valid; the old ones stay", {error});
  }
}
