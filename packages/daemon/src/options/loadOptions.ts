/** The options of a daemon start: home first, then its file, then everything by precedence. */
import {homeLayout, resolveHome} from "../home/homePath.ts";
import {readConfigFile} from "./configFile.ts";
import type {DaemonOptions} from "./daemonOptions.ts";
import type {FlagTexts} from "./optionSources.ts";
import {parseOptions} from "./parseOptions.ts";

export type LoadInput = {
  readonly home: string | undefined;
  readonly flags: FlagTexts;
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** Throws `CONFIG_INVALID`. Touches nothing. */
export async function loadOptions({home, flags, env}: LoadInput): Promise<DaemonOptions> {
  const layout = homeLayout(resolveHome(home, env));
  return parseOptions({home: layout.home, flags, env, file: await readConfigFile(layout.config)});
}
