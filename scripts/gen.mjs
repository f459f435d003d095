// `npm run gen`: code from the .proto files, then the pages of docs/ that are made from code.
import {spawnSync} from "node:child_process";
import {writeFileSync} from "node:fs";
import {delimiter, dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = join(root, "node_modules/.bin");

function run(program, args, cwd) {
  const env = {...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`};
  const {status} = spawnSync(program, args, {cwd, env, stdio: "inherit"});
  if (status !== 0) process.exit(status ?? 1);
}

run(join(bin, "buf"), ["generate"], join(root, "packages/proto"));
run(process.execPath, [join(root, "scripts/build.mjs")], root);

const {generatedPages} = await import("../packages/cli/dist/pages.js");
for (const [path, text] of Object.entries(generatedPages())) {
  writeFileSync(join(root, path), text);
  process.stdout.write(`${path}\n`);
}
