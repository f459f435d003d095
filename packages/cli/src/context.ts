/** What a command gets besides its flags. */
import type {ApiClient} from "@catalyze/api/client/apiClient";
import {type HomeLayout, homeLayout, resolveHome} from "@catalyze/daemon/home/homePath";
import {findDaemon} from "./client/findDaemon.ts";
import type {Globals} from "./globals.ts";
import type {Io} from "./io.ts";
import {Output} from "./output/output.ts";

export type CommandContext = {
  readonly io: Io;
  readonly globals: Globals;
  readonly output: Output;
  readonly layout: HomeLayout;
  /** `--timeout` limits each answer. Throws `DAEMON_UNREACHABLE`. */
  client(): Promise<ApiClient>;
  /** `--timeout` is the task's deadline here, not the answer's. */
  taskClient(): Promise<ApiClient>;
};

export function commandContext(io: Io, globals: Globals): CommandContext {
  const layout = homeLayout(resolveHome(globals.home, io.env));
  return {
    io,
    globals,
    output: new Output(io, globals),
    layout,
    client: async () => await findDaemon(layout, {api: globals.api, timeoutMs: globals.timeoutMs}),
    taskClient: async () => await findDaemon(layout, {api: globals.api, timeoutMs: undefined}),
  };
}
