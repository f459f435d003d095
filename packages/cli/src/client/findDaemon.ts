/** How a command finds its daemon: `--api`, `CTZ_API`, else what `run.json` of the home says. */
import type {ApiClient} from "@catalyze/api/client/apiClient";
import {CodedError} from "@catalyze/core/errors/codedError";
import {readApiToken} from "@catalyze/daemon/home/apiToken";
import type {HomeLayout} from "@catalyze/daemon/home/homePath";
import {readRunFile} from "@catalyze/daemon/home/runFile";

export type DaemonAddress = {readonly api: string | undefined; readonly timeoutMs: number | undefined};

/** Throws `DAEMON_UNREACHABLE` when the home has no running daemon. */
export async function findDaemon(layout: HomeLayout, {api, timeoutMs}: DaemonAddress): Promise<ApiClient> {
  const url = api === undefined ? (await readRunFile(layout.run))?.api : checkUrl(api);
  if (url === undefined) {
    throw new CodedError("DAEMON_UNREACHABLE", {
      message: `No daemon runs for ${layout.home}.`,
      evidence: {home: layout.home},
    });
  }
  // The client brings the schemas, a third of the time of a short command: not for those that need no daemon.
  const {ApiClient: Client} = await import("@catalyze/api/client/apiClient");
  return new Client({url, token: await readApiToken(layout.apiToken)}, timeoutMs);
}

function checkUrl(api: string): string {
  if (!/^https?:\/\/[^/\s]+\/?$/.test(api)) {
    throw new CodedError("USAGE", {message: `--api: "${api}" is not a URL such as http://127.0.0.1:5150.`});
  }
  return api.replace(/\/$/, "");
}
