import {readFileSync} from "node:fs";
import {join} from "node:path";
import {fileURLToPath} from "node:url";
import {describe, expect, it} from "vitest";
import {generatedPages} from "../src/pages.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

describe("pages made from code", () => {
  for (const [path, text] of Object.entries(generatedPages())) {
    it(`${path} is current: npm run gen`, () => {
      expect(readFileSync(join(root, path), "utf8")).toBe(text);
    });
  }
});
