/** `packages/core` is deterministic: time, chance, disk, network and process enter through ports. */
import {describe, expect, it} from "vitest";
import {productSources} from "./sources.ts";

const core = productSources.filter(({path}) => path.startsWith("packages/core/src/"));

const FORBIDDEN: readonly [string, RegExp][] = [
  ["reads a clock", /\bDate\.now\b|\bnew Date\(|\bperformance\./],
  ["throws a die", /\bMath\.random\b|\bgetRandomValues\b|\brandomBytes\b|\brandomUUID\b/],
  ["sets a timer", /\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
  ["touches the process", /\bprocess\.|\bglobalThis\./],
  ["prints", /\bconsole\./],
];

/** The only built-in module that core imports, and where: SHA-256 is pure, and ten times faster there. */
const NODE_IMPORTS: Record<string, string> = {"packages/core/src/crypto/sha256.ts": "node:crypto"};

/** Code only: comments may name what they forbid. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

describe("purity of core", () => {
  for (const [what, pattern] of FORBIDDEN) {
    it(`never ${what}`, () => {
      expect(core.filter(({text}) => pattern.test(withoutComments(text))).map(({path}) => path)).toEqual([]);
    });
  }

  it("imports no built-in module but for SHA-256", () => {
    const wrong = core.flatMap(({path, imports}) =>
      imports
        .filter((name) => name.startsWith("node:") && NODE_IMPORTS[path] !== name)
        .map((name) => `${path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no floating point money: amounts are bigint", () => {
    const wrong = core.filter(({text}) =>
      /(?:uctz|amount|price|fee|charge)(?!\w*Bps\b)\w*\??: number\b/i.test(withoutComments(text)),
    );
    expect(wrong.map(({path}) => path)).toEqual([]);
  });
});
