// Which unit tests are tried first for a mutant: an order and nothing else, every one of them has its turn.
import {readdirSync, readFileSync} from "node:fs";
import {basename, join} from "node:path";

const LEDGER = "packages/core/src/ledger/";
const FOLDERS = ["packages/core/test/ledger", "packages/daemon/test/ledger"];

/** Every unit test that loads the ledger's sources, those of the ledger itself first. */
function testsBelow(root) {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => `${folder}/${name}`),
  );
}

const importsOf = (text) => [...text.matchAll(/from "(?:[^"]*\/)?(\w+)(?:\.ts)?"/g)].map(([, name]) => name);

/**
 * Paths of tests for mutants, the most promising first: what caught it last, the test named after its file, tests
 * that import the file, then by how many imports lie between; of equals those that take less time.
 */
export function mutantTests(root) {
  const tests = testsBelow(root);
  const sources = new Map(
    readdirSync(join(root, LEDGER)).map((name) => [
      name.replace(/\.ts$/, ""),
      importsOf(readFileSync(join(root, LEDGER, name), "utf8")),
    ]),
  );
  const imports = new Map(tests.map((path) => [path, importsOf(readFileSync(join(root, path), "utf8"))]));

  const distanceOf = (path, target) => {
    let reached = new Set(imports.get(path));
    for (let distance = 1; distance <= sources.size; distance += 1) {
      if (reached.has(target)) return distance;
      const next = new Set([...reached].flatMap((name) => [name, ...(sources.get(name) ?? [])]));
      if (next.size === reached.size) break;
      reached = next;
    }
    return sources.size;
  };

  return ({file}, {last, msOf}) => {
    const target = file.replace(/\.ts$/, "");
    const rankOf = (path) => {
      if (path === last) return -1;
      if (basename(path) === `${target}.test.ts`) return 0;
      return distanceOf(path, target) + (path.startsWith(FOLDERS[0]) ? 0 : sources.size);
    };
    const ranked = tests.map((path) => ({path, rank: rankOf(path), ms: msOf(path)}));
    ranked.sort((left, right) => left.rank - right.rank || left.ms - right.ms);
    return ranked.map(({path}) => path);
  };
}
