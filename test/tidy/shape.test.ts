/** Sizes, names and words. */
import {existsSync, readFileSync} from "node:fs";
import {join} from "node:path";
import {describe, expect, it} from "vitest";
import {PACKAGES, productSources, ROOT, readSources} from "./sources.ts";

const LINES_MAX = 300;

/** Longer files, up to 400 lines, each with its reason. */
const LONGER: Record<string, string> = {
  "packages/core/src/ledger/replica.ts":
    "one state machine: what follows from each input stands in one place",
  "packages/core/src/ledger/dag.ts":
    "one graph: what is taken in, held back and forgotten are one set of rules",
  "packages/core/src/ledger/simplex.ts":
    "one protocol: its safety and its progress are argued over the whole of it",
  "packages/contracts/solidity/src/CatalyzeAnchor.sol":
    "one vault, one set of invariants: its states and its money are read together",
};
const contracts = readSources(["packages/contracts/solidity/src"], /\.sol$/);

const everything = [
  ...productSources,
  ...readSources(["test", "scripts", ...PACKAGES.map((name) => `packages/${name}/test`)], /\.(?:ts|mjs)$/),
];

describe("shape", () => {
  it("a file has at most 300 lines, or 400 with a reason", () => {
    const wrong = [...productSources, ...contracts].filter(
      ({path, lines}) => lines > (path in LONGER ? 400 : LINES_MAX),
    );
    expect(wrong.map(({path, lines}) => `${path}: ${lines}`)).toEqual([]);
  });

  it("every reason still has its file", () => {
    expect(Object.keys(LONGER).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it("no file is called utils, helpers, common or misc, and none is a barrel", () => {
    const wrong = productSources.filter(({path}) =>
      /\/(?:utils?|helpers?|common|misc|index)\.ts$/.test(path),
    );
    expect(wrong.map(({path}) => path)).toEqual([]);
  });

  it("no unfinished work and no unowned promise", () => {
    const wrong = productSources.filter(({text}) =>
      /\b(?:TODO(?!\(#)|FIXME|XXX)\b|not implemented/i.test(text),
    );
    expect(wrong.map(({path}) => path)).toEqual([]);
  });

  it("no test is skipped, focused or promised", () => {
    const mark = new RegExp(`\\b(?:it|test|describe)\\.(?:${["skip", "only", "todo"].join("|")})\\b`);
    expect(everything.filter(({text}) => mark.test(text)).map(({path}) => path)).toEqual([]);
  });

  it("a key phrase is never called a seed", () => {
    const wrong = everything.filter(
      ({text}) => /seed[ _-]?phrase/i.test(text) && !text.includes("never called a seed"),
    );
    expect(wrong.map(({path}) => path)).toEqual([]);
  });

  it("only signals.ts ends the process", () => {
    const wrong = productSources.filter(
      ({path, text}) => /\bprocess\.exit\(/.test(text) && !path.endsWith("/signals.ts"),
    );
    expect(wrong.map(({path}) => path)).toEqual([]);
  });
});

describe("documents", () => {
  it("name every dependency of every package", () => {
    const page = readFileSync(join(ROOT, "docs/dependencies.md"), "utf8");
    const manifests = ["package.json", ...PACKAGES.map((name) => `packages/${name}/package.json`)];
    const missing = manifests.flatMap((file) => {
      const parsed = JSON.parse(readFileSync(join(ROOT, file), "utf8"));
      const names = Object.keys({
        ...parsed.dependencies,
        ...parsed.optionalDependencies,
        ...parsed.devDependencies,
      });
      return names.filter(
        (name) =>
          !name.startsWith("@catalyze/") && !name.startsWith("@types/") && !page.includes(`\`${name}\``),
      );
    });
    expect(missing).toEqual([]);
  });
});
