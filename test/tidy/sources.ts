/** Reads the repository's sources once, as text, for the structure checks. */
import {existsSync, readdirSync, readFileSync, statSync} from "node:fs";
import {dirname, join, relative} from "node:path";
import {fileURLToPath} from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

export type Source = {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  /** Module specifiers of static and dynamic imports. */
  readonly imports: readonly string[];
};

const SKIP = new Set(["node_modules", "dist", "gen", "abi", ".git", ".cache", "out", "cache"]);

function walk(folder: string, found: string[]): string[] {
  // A package without tests of its own has no such folder in a clone.
  if (!existsSync(folder)) return found;
  for (const name of readdirSync(folder)) {
    if (SKIP.has(name)) continue;
    const path = join(folder, name);
    if (statSync(path).isDirectory()) walk(path, found);
    else found.push(path);
  }
  return found;
}

export function readSources(folders: readonly string[], pattern: RegExp): Source[] {
  return folders
    .flatMap((folder) => walk(join(ROOT, folder), []))
    .filter((path) => pattern.test(path))
    .map((path) => {
      const text = readFileSync(path, "utf8");
      const imports = [
        ...text.matchAll(
          /\b(?:(?:from|import)\s+|(?:import|require|createRequire\(import\.meta\.url\))\(\s*)"([\w@.][^"\n]*)"/g,
        ),
      ].map((match) => match[1] ?? "");
      return {
        path: relative(ROOT, path).replaceAll("\\", "/"),
        text,
        lines: text.split("\n").length - 1,
        imports,
      };
    });
}

export const PACKAGES = ["proto", "core", "contracts", "api", "daemon", "cli"] as const;

/** Everything under `packages/<name>/src`, without generated code. */
export const productSources = readSources(
  PACKAGES.map((name) => `packages/${name}/src`),
  /\.ts$/,
);
