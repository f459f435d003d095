// `npm test`: builds what is stale, then every project. Any arguments go to the test runner.
import {spawnSync} from "node:child_process";
import {existsSync} from "node:fs";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = (file, ...args) =>
  spawnSync(process.execPath, [join(root, file), ...args], {cwd: root, stdio: "inherit"}).status ?? 1;

let status = run("scripts/build.mjs");
if (status === 0 && existsSync(join(root, "scripts/models/run.mjs"))) status = run("scripts/models/run.mjs");
if (status === 0) status = run("node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2));
process.exitCode = status;
