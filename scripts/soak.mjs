// `npm run soak -- [--seeds N] [--first N] [--processes N] [--kills N]`: the simulations over many seeds on
// every core, then kills of real processes. Hours. A life that fails is named, and the others go on; `npm run
// sim` shows a ledger's life by its seed, and `--first` goes on where a soak was stopped.
import {spawnSync} from "node:child_process";
import {availableParallelism} from "node:os";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {parseArgs} from "node:util";
import {soakLedger} from "./soakLedger.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const {values} = parseArgs({
  options: {
    seeds: {type: "string", default: "10000"},
    first: {type: "string", default: "1"},
    processes: {type: "string", default: String(availableParallelism())},
    kills: {type: "string", default: "1000"},
  },
});
const [seeds, first, processes, kills] = [values.seeds, values.first, values.processes, values.kills].map(
  Number,
);
if (![seeds, first, processes, kills].every(Number.isSafeInteger) || processes < 1)
  throw new Error("--seeds, --first, --processes and --kills are whole numbers");
const env = {
  ...process.env,
  CTZ_SIM_SEEDS: values.seeds,
  CTZ_SIM_FIRST: values.first,
  CTZ_KILLS: values.kills,
  CTZ_TEST_TIMEOUT_MS: String(48 * 3_600_000),
};
const run = (file, ...args) =>
  spawnSync(process.execPath, [join(root, file), ...args], {cwd: root, stdio: "inherit", env}).status ?? 1;

let status = run("scripts/build.mjs");
if (status === 0 && seeds > 0) {
  if ((await soakLedger({first, seeds, processes})) > 0) status = 1;
  status ||= run("scripts/test.mjs", "--project", "sim", "test/sim/network.test.ts");
}
if (status === 0 && kills > 0)
  status = run(
    "scripts/test.mjs",
    "--project",
    "e2e",
    "test/e2e/witnessKill.test.ts",
    "test/e2e/kill.test.ts",
  );
process.exitCode = status;
