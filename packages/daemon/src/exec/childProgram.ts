/**
 * Where the executor's child program and its libraries lie. It runs as its own process, so it must be
 * built JavaScript even when this file is loaded from its TypeScript source, as tests do.
 */
import {existsSync, realpathSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join, sep} from "node:path";
import {fileURLToPath} from "node:url";
import {CodedError} from "@catalyze/core/errors/codedError";

const LIBRARIES = ["onnxruntime-node", "onnxruntime-common", "pngjs", "@bufbuild/protobuf"];
const PACKAGES = ["@catalyze/core/package.json", "@catalyze/proto/package.json"];

export type ChildProgram = {
  readonly entry: string;
  /** Folders that the program reads: its own packages and the node_modules around them. */
  readonly readPaths: readonly string[];
  readonly runtimeVersion: string;
};

/** Throws `EXECUTOR_UNAVAILABLE` when the runtime is not installed or the program is not built. */
export function findChildProgram(): ChildProgram {
  const here = fileURLToPath(new URL("./child/main.js", import.meta.url));
  const entry = here.replace(`${sep}src${sep}exec${sep}`, `${sep}dist${sep}exec${sep}`);
  if (!existsSync(entry)) throw unavailable("the executor program is not built: run `npm run build`");
  const packageDir = dirname(dirname(dirname(dirname(entry))));
  const runtimeDir = packageDirOf("onnxruntime-node", packageDir);
  if (runtimeDir === undefined) throw unavailable("onnxruntime-node is not installed");
  const {version} = createRequire(join(runtimeDir, "package.json"))("./package.json") as {version: string};
  return {entry, readPaths: readPathsOf(packageDir), runtimeVersion: version};
}

function readPathsOf(packageDir: string): readonly string[] {
  const paths = new Set<string>([realpathSync(packageDir)]);
  for (const name of LIBRARIES) {
    const found = packageDirOf(name, packageDir);
    // The whole node_modules folder: libraries resolve their own dependencies by walking up.
    if (found !== undefined) paths.add(found.slice(0, found.lastIndexOf(`${sep}node_modules${sep}`) + 13));
  }
  for (const name of PACKAGES) {
    const found = packageDirOf(dirname(name), packageDir);
    if (found !== undefined) paths.add(realpathSync(found));
  }
  return [...paths];
}

/** Node's own walk up, without the `exports` of the package in the way. */
function packageDirOf(name: string, from: string): string | undefined {
  for (let dir = from; ; dir = dirname(dir)) {
    const candidate = join(dir, "node_modules", name);
    if (existsSync(candidate)) return candidate;
    if (dirname(dir) === dir) return undefined;
  }
}

function unavailable(reason: string): CodedError {
  return new CodedError("EXECUTOR_UNAVAILABLE", {message: `This node cannot run models: ${reason}.`});
}
