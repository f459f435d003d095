// `npm run soak -- [--seeds N] [--first N] [--kills N]`: the simulations over many seeds, then kills of real
// processes. Hours. A seed that fails is named; `npm run sim` shows a ledger's life by its seed.
import {spawnSync} from "node:child_process";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {parseArgs} from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const {values} = parseArgs({
  options: {
    seeds: {type: "string", default: "10000"},
    first: {type: "string", default: "1"},
    kills: {type: "string", default: "1000"},
  },
});
const env = {
  ...process.env,
  CTZ_SIM_SEEDS: values.seeds,
  CTZ_SIM_FIRST: values.first,
  CTZ_KILLS: values.kills,
  CTZ_TEST_TIMEOUT_MS: String(48 * 3_600_000),
};
const run = (file, ...args) =>
  spawnSync(process.execPath, [join(root, file), ...args], {cwd: root, stdio: "inherit", env}).status ?? 1;

let status = run(
  "scripts/test.mjs",
  "--project",
  "sim",
  "test/sim/ledger/ledger.test.ts",
  "test/sim/ledger/deep.test.ts",
  "test/sim/network.test.ts",
);
if (status === 0 && values.kills !== "0")
  status = run("scripts/test.mjs", "--project", "e2e", "test/e2e/kill.test.ts");
process.exitCode = status;
