// Compiles the contracts and writes src/abi/*.ts: users of the package need neither solc nor forge.
import {mkdirSync, readFileSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {readSources, SETTINGS, sourcesHash} from "./sourcesHash.mjs";

const require = createRequire(import.meta.url);
const abiFolder = join(dirname(fileURLToPath(import.meta.url)), "../src/abi");
/** Contract → the file and the name that it gets here. */
const CONTRACTS = {CTZ: "ctz", CatalyzeAnchor: "catalyzeAnchor"};

const sources = Object.fromEntries(Object.entries(readSources()).map(([name, content]) => [name, {content}]));
const input = {language: "Solidity", sources, settings: SETTINGS};
const findImport = (path) => {
  try {
    return {contents: readFileSync(require.resolve(path), "utf8")};
  } catch {
    return {error: `${path} is not installed`};
  }
};
const output = JSON.parse(require("solc").compile(JSON.stringify(input), {import: findImport}));
const problems = (output.errors ?? []).filter(({severity}) => severity === "error");
if (problems.length > 0) {
  process.stderr.write(`${problems.map(({formattedMessage}) => formattedMessage).join("\n")}\n`);
  process.exit(1);
}

mkdirSync(abiFolder, {recursive: true});
for (const [contract, name] of Object.entries(CONTRACTS)) {
  const {abi, evm} = output.contracts[`src/${contract}.sol`][contract];
  const lines = abi.map((item) => `  ${JSON.stringify(item)},`).join("\n");
  const text = [
    `// Made by scripts/gen.mjs from solidity/src/${contract}.sol. Do not edit.`,
    `export const ${name}Abi = [\n${lines}\n] as const;`,
    `export const ${name}Bytecode =\n  "0x${evm.bytecode.object}" as const;`,
  ].join("\n\n");
  writeFileSync(join(abiFolder, `${name}.ts`), `${text}\n`);
}
const hash = `// Made by scripts/gen.mjs: what the files beside this one were made from.\nexport const sourcesHash = "${sourcesHash()}";\n`;
writeFileSync(join(abiFolder, "sourcesHash.ts"), hash);
