/** Reads the documents once, cut into what the checks ask for: links, code blocks, inline code. */
import {existsSync, readdirSync, readFileSync} from "node:fs";
import {join} from "node:path";
import {ROOT} from "./sources.ts";

export type Document = {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
  /** Targets of links, without those to other sites. */
  readonly links: readonly string[];
  /** Lines of fenced blocks in a shell language. */
  readonly shellLines: readonly string[];
  /** `like this`, outside fenced blocks. */
  readonly inline: readonly string[];
};

const FOLDERS = ["", "docs", "docs/decisions", "models", "samples"];

export const documents: readonly Document[] = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => readDocument(folder === "" ? name : `${folder}/${name}`)),
);

export function readDocument(path: string): Document {
  const text = readFileSync(join(ROOT, path), "utf8");
  const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)];
  const shellLines = blocks
    .filter(([, language]) => language === "sh" || language === "bash")
    .flatMap(([, , body = ""]) => body.split("\n"));
  const prose = text.replace(/^```[\s\S]*?^```/gm, "");
  return {
    path,
    text,
    links: [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1] ?? "")
      .filter((target) => !/^[a-z]+:/.test(target)),
    shellLines,
    inline: [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? ""),
  };
}

/** As a Markdown viewer makes them. */
export function anchorsOf({text}: Pick<Document, "text">): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

export function isThere(path: string): boolean {
  return existsSync(join(ROOT, path));
}
