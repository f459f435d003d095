// `npm run bench -- <name> [part…] [--json]`: builds what is stale, then measures. A missed bar is told, never
// an error: machines differ. `--list` names the benchmarks and their parts. The young generation may grow as
// that of `ctz` may (`packages/cli/bin/ctz.js`).
import {spawnSync} from "node:child_process";
import {existsSync} from "node:fs";
import {register} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function prepare(file) {
  if (!existsSync(join(root, file))) return;
  const {status} = spawnSync(process.execPath, [join(root, file)], {cwd: root, stdio: ["ignore", 2, 2]});
  if (status !== 0) process.exit(status ?? 1);
}

prepare("scripts/build.mjs");
if (!process.argv.includes("--list")) prepare("scripts/models/run.mjs");
register(new URL("../test/bench/tsHooks.mjs", import.meta.url));
const {runBench} = await import("../test/bench/runBench.ts");
process.exitCode = await runBench(process.argv.slice(2));
// Native modules and sockets of a finished benchmark must not keep it waiting.
process.exit();
