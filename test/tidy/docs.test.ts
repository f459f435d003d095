/** Keeps the documents true: what they link to, call, name and number exists as they say. */
import {readdirSync, readFileSync, statSync} from "node:fs";
import {dirname, join, normalize} from "node:path";
import {describe, expect, it} from "vitest";
import {COMMANDS} from "../../packages/cli/src/commandTable.ts";
import {GLOBAL_FLAGS} from "../../packages/cli/src/globals.ts";
import {ERRORS} from "../../packages/core/src/errors/table.ts";
import {OPTION_ROWS} from "../../packages/daemon/src/options/optionRows.ts";
import {anchorsOf, type Document, documents, isThere, readDocument} from "./documents.ts";
import {readBound, valuesOf} from "./limitsPage.ts";
import {PACKAGES, productSources, ROOT} from "./sources.ts";

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const sourceText = productSources.map(({text}) => text).join("\n");

function page(path: string): Document {
  return documents.find((each) => each.path === path) ?? readDocument(path);
}

describe("links", () => {
  it("lead to a file or heading that is there", () => {
    const broken = documents.flatMap((document) =>
      document.links
        .filter((target) => !leadsSomewhere(document, target))
        .map((target) => `${document.path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it("every page of docs/ and every decision can be reached from the README", () => {
    const seen = new Set<string>();
    const visit = (path: string): void => {
      if (seen.has(path) || !path.endsWith(".md") || !isThere(path)) return;
      seen.add(path);
      for (const target of page(path).links) {
        const next = join(dirname(path), target.split("#")[0] ?? "");
        visit(next.endsWith("/") ? `${next}README.md` : next);
      }
    };
    visit("README.md");
    expect(
      documents.filter(({path}) => path.startsWith("docs/") && !seen.has(path)).map(({path}) => path),
    ).toEqual([]);
  });
});

function leadsSomewhere({path, text}: Document, target: string): boolean {
  const [file = "", anchor] = target.split("#");
  const to = file === "" ? path : normalize(join(dirname(path), file));
  if (!isThere(to)) return false;
  if (anchor === undefined) return true;
  return anchorsOf(file === "" ? {text} : readDocument(to)).includes(anchor);
}

describe("commands", () => {
  it("that a document shows exist, with their flags", () => {
    const shown = documents.flatMap(({path, shellLines, inline}) =>
      [...shellLines, ...inline].flatMap(commandsIn).map((words) => ({path, words})),
    );
    expect(shown.length).toBeGreaterThan(50);
    const wrong = shown.flatMap(({path, words}) => {
      const problem = commandProblem(words);
      return problem === undefined ? [] : [`${path}: ctz ${words.join(" ")}: ${problem}`];
    });
    expect(wrong).toEqual([]);
  });

  it("flags named alone belong to some command", () => {
    const known = new Set(
      [...Object.keys(GLOBAL_FLAGS), ...COMMANDS.flatMap(({flags}) => Object.keys(flags))].map(kebab),
    );
    const wrong = documents.flatMap(({path, inline}) =>
      inline
        .flatMap((code) => /^--(?:no-)?([a-z][a-z0-9-]*)/.exec(code)?.[1] ?? [])
        .filter((flag) => !known.has(flag))
        .map((flag) => `${path}: --${flag}`),
    );
    expect(wrong).toEqual([]);
  });

  it("npm scripts that a document shows exist", () => {
    const {scripts} = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {scripts: object};
    const shown = documents.flatMap(({path, shellLines, inline}) =>
      [...shellLines, ...inline].flatMap((line) =>
        [...line.matchAll(/\bnpm (?:run (?:-s )?([\w:]+)|(test)\b)/g)].map((match) => ({
          path,
          name: match[1] ?? match[2] ?? "",
        })),
      ),
    );
    expect(shown.filter(({name}) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it("the README opens with the two commands", () => {
    expect(page("README.md").shellLines.slice(0, 2)).toEqual([
      "npm ci && npm run demo",
      "npm ci && npm test",
    ]);
  });
});

/** The words after each `ctz` of a line, up to a pipe or a remark. */
function commandsIn(line: string): readonly (readonly string[])[] {
  return [...line.replace(/\s#.*$/, "").matchAll(/(?:^|[|;&]\s*|\$ )(?:npx )?ctz ([^|;&]+)/g)].map((match) =>
    (match[1] ?? "").trim().split(/\s+/),
  );
}

function commandProblem(words: readonly string[]): string | undefined {
  // A form, not a call: `ctz <command> [flags]`.
  if (words[0]?.startsWith("<") === true) return undefined;
  const found = COMMANDS.find(({path}) => path.every((word, index) => words[index] === word));
  if (found === undefined) {
    const isGroup =
      words.length === 1 && COMMANDS.some(({path}) => path.length === 2 && path[0] === words[0]);
    return isGroup ? undefined : "no such command";
  }
  const specs = {...GLOBAL_FLAGS, ...found.flags};
  const names = new Set(Object.keys(specs).map(kebab));
  const letters = new Set<string | undefined>(
    Object.values(specs).flatMap((spec) => ("alias" in spec ? [spec.alias] : [])),
  );
  for (const word of words) {
    const long = /^--(?:no-)?([a-z][a-z0-9-]*)/.exec(word)?.[1];
    if (long !== undefined && !names.has(long)) return `no flag --${long}`;
    const short = /^-([a-z])$/.exec(word)?.[1];
    if (short !== undefined && !letters.has(short)) return `no flag -${short}`;
  }
  return undefined;
}

describe("names", () => {
  it("of files and folders of this repository are right", () => {
    const wrong = documents.flatMap(({path, inline}) =>
      inline
        .filter((code) => /^(?:packages|test|scripts|docs|samples|models)\/[\w./-]+$/.test(code))
        .filter((code) => !isThere(code.replace(/\/$/, "")))
        .map((code) => `${path}: ${code}`),
    );
    expect(wrong).toEqual([]);
  });

  it("of ledger files in architecture.md are right", () => {
    const layers =
      page("docs/architecture.md").text.split("## The ledger in layers")[1]?.split("\n## ")[0] ?? "";
    const named = [...layers.matchAll(/`(\w+\.ts)`/g)].map((match) => match[1] ?? "");
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !isThere(`packages/core/src/ledger/${name}`))).toEqual([]);
  });

  it("of rooms are complete: architecture.md names every folder of every package", () => {
    const text = page("docs/architecture.md").text;
    const rooms = PACKAGES.flatMap((name) => {
      const root = `packages/${name}/src`;
      const inside = readdirSync(join(ROOT, root)).filter((entry) =>
        statSync(join(ROOT, root, entry)).isDirectory(),
      );
      return [
        `packages/${name}`,
        ...inside.filter((entry) => !["gen", "abi"].includes(entry)).map((entry) => `${root}/${entry}`),
      ];
    });
    expect(rooms.filter((room) => !text.includes(`\`${room}\``))).toEqual([]);
  });

  it("of environment variables are read somewhere", () => {
    const named = documents.flatMap(({path, text}) =>
      [...text.matchAll(/\bCTZ_[A-Z_]+\b/g)].map(([name]) => ({path, name})),
    );
    const rows = new Set(Object.values(OPTION_ROWS).map(({env}) => env));
    const isKnown = (name: string) => rows.has(name) || sourceText.includes(`"${name}"`);
    expect(named.filter(({name}) => !isKnown(name))).toEqual([]);
  });

  it("of failures and of metrics are those of the code", () => {
    const wrong = documents.flatMap(({path, inline}) =>
      inline
        .filter((code) => /^[A-Z]+(?:_[A-Z]+)+$/.test(code) && !code.startsWith("CTZ_"))
        .filter((code) => !Object.hasOwn(ERRORS, code) && !new RegExp(`\\b${code}\\b`).test(sourceText))
        .map((code) => `${path}: ${code}`),
    );
    const metrics = documents.flatMap(({path, inline}) =>
      inline
        .filter((code) => /^ctz_\w+[a-z]$/.test(code) && !sourceText.includes(`"${code}"`))
        .map((code) => `${path}: ${code}`),
    );
    expect([...wrong, ...metrics]).toEqual([]);
  });

  it("of API routes are those of the table", () => {
    const routes = JSON.parse(readFileSync(join(ROOT, "docs/openapi.json"), "utf8")).paths as Record<
      string,
      object
    >;
    const shown = documents.flatMap(({path, inline}) =>
      inline.flatMap((code) => {
        const match = /^(GET|POST|PUT) (\/\S+)$/.exec(code);
        return match === null ? [] : [{path, method: (match[1] ?? "").toLowerCase(), route: match[2] ?? ""}];
      }),
    );
    expect(shown.length).toBeGreaterThan(5);
    expect(shown.filter(({method, route}) => !Object.hasOwn(routes[route] ?? {}, method))).toEqual([]);
  });

  it("of signature domains are complete in protocol.md", () => {
    const domains = readFileSync(join(ROOT, "packages/proto/src/domains.ts"), "utf8").matchAll(
      /"(CTZ-[A-Z]+)\\0"/g,
    );
    const text = page("docs/protocol.md").text;
    expect(
      [...domains].map((match) => match[1] ?? "").filter((name) => !text.includes(`\`${name}\``)),
    ).toEqual([]);
  });
});

describe("words", () => {
  it("of the glossary are used in the code", () => {
    const rows = [...page("docs/glossary.md").text.matchAll(/^\| ([^|]+) \|/gm)].map(
      (match) => match[1]?.trim() ?? "",
    );
    const words = rows
      .filter((row) => row !== "word" && !row.startsWith("---"))
      .flatMap((row) => row.split(", "));
    expect(words.length).toBeGreaterThan(25);
    const text = sourceText.toLowerCase();
    expect(words.filter((word) => !text.includes(word.toLowerCase()))).toEqual([]);
  });

  it("that mean something else here are not used", () => {
    const banned = /\b(?:mnemonic|seed[ -]?phrase|worker node)\b/i;
    const wrong = documents.flatMap(({path, text}) =>
      text.split("\n").flatMap((line, index) => (banned.test(line) ? [`${path}:${index + 1}`] : [])),
    );
    expect(wrong).toEqual([]);
  });

  it("say nothing of one machine or registry", () => {
    const wrong = documents.filter(({text}) =>
      /(?<![\w.])\/(?:home|Users|root|work)\/\w|https?:\/\/(?:10|192\.168)\.|registry\.npm/i.test(text),
    );
    expect(wrong.map(({path}) => path)).toEqual([]);
  });
});

describe("decisions", () => {
  const pages = documents.filter(({path}) => /^docs\/decisions\/\d{4}-/.test(path));

  it("are numbered without a gap, short, and say what was given up", () => {
    expect(pages.map(({path}) => Number(path.slice(15, 19)))).toEqual(pages.map((_, index) => index + 1));
    for (const {path, text} of pages) {
      expect(text.split("\n").length, path).toBeLessThan(40);
      for (const part of ["**Context.**", "**Choice.**", "**What we gave up.**"])
        expect(text, path).toContain(part);
    }
  });
});

describe("limits", () => {
  const rows = [
    ...page("docs/limits.md").text.matchAll(/^\| (.+?) \| (.+?) \| `(\w+)` in `([\w./-]+)` \| (.+) \|$/gm),
  ];

  it("are the constants that the page names", () => {
    expect(rows.length).toBeGreaterThan(80);
    const wrong = rows.flatMap(([, what, bound = "", name = "", room = ""]) => {
      const values = valuesOf(room, name);
      const stated = readBound(bound);
      return stated !== undefined && values.includes(stated)
        ? []
        : [`${what}: ${bound}, but ${name} in ${room} is ${values.join(" or ") || "not there"}`];
    });
    expect(wrong).toEqual([]);
  });

  it("of the wire are all on the page", () => {
    const text = readFileSync(join(ROOT, "packages/proto/src/limits.ts"), "utf8");
    const names = [...text.matchAll(/^ {2}(\w+):/gm)].map((match) => match[1] ?? "");
    const listed = new Set(rows.map(([, , , name]) => name));
    // An offer has the limit of an ask and shares its row.
    expect(names.filter((name) => name !== "offerBytesMax" && !listed.has(name))).toEqual([]);
  });
});
