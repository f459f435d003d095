// `npm run demo`: builds what is stale, prepares the models, then runs `ctz demo`. Times apart.
import {spawn, spawnSync} from "node:child_process";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function timed(what, file) {
  const started = Date.now();
  const {status} = spawnSync(process.execPath, [join(root, file)], {cwd: root, stdio: ["ignore", 2, 2]});
  if (status !== 0) process.exit(status ?? 1);
  process.stderr.write(`${what}: ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

timed("build", "scripts/build.mjs");
timed("models", "scripts/models/run.mjs");

const child = spawn(
  process.execPath,
  [join(root, "packages/cli/bin/ctz.js"), "demo", ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit",
  },
);
// The terminal sends Ctrl-C to both: the demo cleans up, and we wait for it.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
});
