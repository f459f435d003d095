// `npm run scaling -- [--seed N] [--witnesses 4,7] [--links near,wide,far] [--seconds N] [--accounts 1000]`: tables of docs/scaling.md, from simulated
// networks. Builds what is stale first.
import {spawnSync} from "node:child_process";
import {register} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const {status} = spawnSync(process.execPath, [join(root, "scripts/build.mjs")], {stdio: ["ignore", 2, 2]});
if (status !== 0) process.exit(status ?? 1);
register(new URL("../test/bench/tsHooks.mjs", import.meta.url));
const {runScaling} = await import("../test/sim/ledger/scaling.ts");
await runScaling(process.argv.slice(2));
