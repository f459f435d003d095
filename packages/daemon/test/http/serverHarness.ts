import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import type {Log} from "@catalyze/core/ports/log";
import {HttpServer, type HttpServerOptions} from "../../src/http/httpServer.ts";
import {Metrics} from "../../src/observe/metrics.ts";
import {ConfigStore} from "../../src/options/configStore.ts";
import {type FakeState, fakeFacade, fakeState} from "./fakeFacade.ts";

export const TOKEN = "t".repeat(43);

export const SILENT: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT};

export type Harness = {
  readonly server: HttpServer;
  readonly state: FakeState;
  readonly home: string;
  readonly shutdowns: number[];
  close(): Promise<void>;
};

export function startHarness(options: Partial<HttpServerOptions> = {}, isReady = true): Harness {
  const home = mkdtempSync(join(tmpdir(), "ctz http "));
  const shutdowns: number[] = [];
  const server = new HttpServer(
    {
      log: SILENT,
      metrics: new Metrics("0.1.0"),
      config: new ConfigStore({path: join(home, "config.json"), flags: {}, env: {}}),
    },
    {
      version: "0.1.0",
      token: TOKEN,
      host: "127.0.0.1",
      port: 0,
      isPortExplicit: true,
      onShutdown: () => shutdowns.push(1),
      ...options,
    },
  );
  const state = fakeState();
  if (isReady) server.setFacade(fakeFacade(state));
  return {
    server,
    state,
    home,
    shutdowns,
    async close() {
      await server.stop();
      rmSync(home, {recursive: true, force: true});
    },
  };
}
