// `npm run sim -- [scenario] --seed N`: builds what is stale, then tells one simulated ledger line by line.
import {spawnSync} from "node:child_process";
import {register} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const {status} = spawnSync(process.execPath, [join(root, "scripts/build.mjs")], {stdio: ["ignore", 2, 2]});
if (status !== 0) process.exit(status ?? 1);
register(new URL("../test/bench/tsHooks.mjs", import.meta.url));
const {runSim} = await import("../test/sim/ledger/runSim.ts");
process.exitCode = await runSim(process.argv.slice(2));
