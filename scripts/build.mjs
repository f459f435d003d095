// Builds what is stale. Nothing builds at install: demo, test and bench call this first.
import {spawnSync} from "node:child_process";

const tsc = new URL("../node_modules/typescript/bin/tsc", import.meta.url).pathname;
const result = spawnSync(process.execPath, [decodeURIComponent(tsc), "-b", "--pretty"], {
  cwd: decodeURIComponent(new URL("..", import.meta.url).pathname),
  stdio: "inherit",
});
process.exitCode = result.status ?? 1;
