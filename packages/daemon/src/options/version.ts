/** The version of all our packages (lerna keeps them equal), read from the manifest beside the code. */
import {readFileSync} from "node:fs";

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const {version} = manifest as {version?: unknown};
  return typeof version === "string" ? version : "unknown";
}

export const VERSION: string = readVersion();
