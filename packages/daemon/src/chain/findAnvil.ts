/** Where the EVM node's program is: CTZ_ANVIL, then PATH, then the npm package of this platform. */
import {accessSync, constants} from "node:fs";
import {createRequire} from "node:module";
import {delimiter, join} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";

const VERSION = "1.7.1";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Absolute or as the operator wrote it. Throws `TOOL_MISSING`. */
export function findAnvil(environment: Environment): string {
  const stated = environment["CTZ_ANVIL"];
  if (stated !== undefined && stated !== "") {
    if (isProgram(stated)) return stated;
    throw new CodedError("TOOL_MISSING", {message: `CTZ_ANVIL is ${stated}, which is not a program.`});
  }
  const found = onPath("anvil", environment) ?? fromPackage();
  if (found !== undefined) return found;
  throw new CodedError("TOOL_MISSING", {
    message: `anvil, the EVM node, is missing. Install it with \`npm install --no-save ${packageName()}@${VERSION}\` (it needs glibc 2.35, so not Alpine or RHEL 9), name it in CTZ_ANVIL, or use another node with --chain-rpc-url.`,
  });
}

/** The first program of this name on PATH. */
export function onPath(name: string, environment: Environment): string | undefined {
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** The program itself, not the package's JavaScript wrapper: killing a wrapper leaves its child running. */
function fromPackage(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(`${packageName()}/bin/anvil`);
  } catch {
    // An optional dependency: absent where npm has no binary, or with --omit=optional.
    return undefined;
  }
}

function packageName(): string {
  return `@foundry-rs/anvil-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
