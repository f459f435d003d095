// One hash over everything that decides the bytecode: sources, compiler, library and settings.
import {createHash} from "node:crypto";
import {readdirSync, readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const require = createRequire(import.meta.url);
export const SOURCES = join(dirname(fileURLToPath(import.meta.url)), "../solidity/src");

/** The same as in foundry.toml. */
export const SETTINGS = {
  optimizer: {enabled: true, runs: 1000},
  evmVersion: "cancun",
  outputSelection: {"*": {"*": ["abi", "evm.bytecode.object"]}},
};

/** Name → text of each of our sources, in order. */
export function readSources() {
  const names = readdirSync(SOURCES).filter((name) => name.endsWith(".sol"));
  return Object.fromEntries(
    names.sort().map((name) => [`src/${name}`, readFileSync(join(SOURCES, name), "utf8")]),
  );
}

/** 64 hex digits. */
export function sourcesHash() {
  const versions = ["solc", "@openzeppelin/contracts"].map((name) => require(`${name}/package.json`).version);
  const text = JSON.stringify([readSources(), SETTINGS, versions]);
  return createHash("sha256").update(text).digest("hex");
}
