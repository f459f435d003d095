import type {DaemonOptions} from "@catalyze/daemon/options/daemonOptions";

export type DaemonHooks = {
  /** A plain line: what the start does now. */
  onPhase(phase: string): void;
  /** Somebody asked over the API: `stop()` is for the one who started. */
  onShutdown(): void;
};

export type DaemonHandle = {readonly apiUrl: string; readonly peerId: string; stop(): Promise<void>};

export type StartDaemon = (options: DaemonOptions, hooks: DaemonHooks) => Promise<DaemonHandle>;

const MODULE: string = "@catalyze/daemon/node/startDaemon";

/** The node brings every library: only `up` loads it. */
export async function loadStarter(): Promise<StartDaemon> {
  const {startDaemon} = (await import(MODULE)) as {startDaemon: StartDaemon};
  return startDaemon;
}
