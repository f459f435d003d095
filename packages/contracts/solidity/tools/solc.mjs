#!/usr/bin/env node
// forge wants a `solc` program; this is the npm package behind the two calls that forge makes.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";

const solc = createRequire(import.meta.url)("solc");
if (process.argv.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (process.argv.includes("--standard-json")) {
  // forge puts every source into the input, so nothing is ever imported from disk here.
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
} else {
  process.stderr.write("solc.mjs: only --version and --standard-json\n");
  process.exitCode = 2;
}
