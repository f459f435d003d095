// Runs forge on our contracts with nothing but what npm installed: `node scripts/forge.mjs test [arguments]`.
import {spawnSync} from "node:child_process";
import {accessSync, constants} from "node:fs";
import {createRequire} from "node:module";
import {delimiter, dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../..");

/** CTZ_FORGE, then PATH, then the npm package of this platform. Throws, saying what to do. */
export function findForge(env = process.env) {
  if (env.CTZ_FORGE) {
    if (isProgram(env.CTZ_FORGE)) return env.CTZ_FORGE;
    throw new Error(`CTZ_FORGE is ${env.CTZ_FORGE}, which is not a program.`);
  }
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    if (folder !== "" && isProgram(join(folder, "forge"))) return join(folder, "forge");
  }
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const name = `@foundry-rs/forge-${process.platform}-${architecture}`;
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/forge`);
  } catch {
    throw new Error(
      `forge is missing, so the contracts were NOT tested. Install it (npm install --no-save ${name}@1.7.1, needs glibc 2.35) or set CTZ_FORGE.`,
    );
  }
}

/** The result of one forge run. */
export function forge(args, options = {}) {
  const remapping = `@openzeppelin/=${join(root, "node_modules/@openzeppelin")}/`;
  const all = args[0] === "fmt" ? args : [...args, "-R", remapping];
  return spawnSync(findForge(), all, {cwd: join(here, "../solidity"), encoding: "utf8", ...options});
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const args = process.argv.length > 2 ? process.argv.slice(2) : ["test"];
    process.exitCode = forge(args, {stdio: "inherit"}).status ?? 1;
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
