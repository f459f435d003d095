/** The inputs that the repository ships. */
import {readFileSync} from "node:fs";
import {fileURLToPath} from "node:url";

export function samplePath(name: string): string {
  return fileURLToPath(new URL(`../../../samples/${name}`, import.meta.url));
}

export function sample(name: string): Uint8Array {
  return new Uint8Array(readFileSync(samplePath(name)));
}
