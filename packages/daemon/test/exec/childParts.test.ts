/** The pure parts of the child programs. */
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {chooseToken, seededRandom} from "../../src/exec/child/sampling.ts";
import {sentencePieceTokenizer} from "../../src/exec/child/sentencePiece.ts";
import {speechSegments} from "../../src/exec/child/speechSegments.ts";
import {textBoxes} from "../../src/exec/child/textBoxes.ts";

const CONTROL = Array.from({length: 6}, (_, id) => [`<${id}>`, 0]);
const tokenizerOf = (...pieces: readonly (readonly [string, number])[]) =>
  sentencePieceTokenizer(new TextEncoder().encode(JSON.stringify([...CONTROL, ...pieces])));

describe("sentencePieceTokenizer", () => {
  it("takes the likeliest cut, not the greediest", () => {
    const tokenize = tokenizerOf(["▁a", -1], ["▁ab", -9], ["bc", -1], ["c", -1], ["b", -3]);
    expect(tokenize("abc")).toEqual([6, 8]);
  });

  it("joins what it does not know, and never gives more pieces than characters and one", () => {
    const tokenize = tokenizerOf(["▁", -2], ["a", -1], ["▁a", -1]);
    expect(tokenize("a\u4e00\u4e01a")).toEqual([8, 0, 7]);
    fc.assert(
      fc.property(fc.string({unit: "grapheme", maxLength: 40}), (line) => {
        expect(tokenize(line).length).toBeLessThanOrEqual([...line.normalize("NFKC")].length + 1);
      }),
    );
  });
});

describe("chooseToken", () => {
  it("is greedy at temperature 0, the first of equals", () => {
    expect(chooseToken(Float32Array.of(1, 3, 3, 2), 0, () => 0.99)).toBe(1);
  });

  it("gives the same choices for the same seed, and follows the weights", () => {
    const logits = Float32Array.of(0, Math.log(3));
    const throws = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({length: 2000}, () => chooseToken(logits, 1, random));
    };
    expect(throws(5)).toEqual(throws(5));
    expect(throws(5)).not.toEqual(throws(6));
    const share = throws(5).reduce((sum, id) => sum + id, 0) / 2000;
    expect(share).toBeGreaterThan(0.72);
    expect(share).toBeLessThan(0.78);
  });
});

describe("speechSegments", () => {
  const chunks = (pattern: string) =>
    [...pattern].map((mark) => ({".": 0.01, "-": 0.4, "#": 0.95})[mark] as number);

  it("needs certainty to start and less to go on", () => {
    expect(speechSegments(chunks("..--..######----##...."), 704)).toEqual([{startMs: 160, endMs: 608}]);
    expect(speechSegments(chunks("..----------.."), 448)).toEqual([]);
  });

  it("bridges short gaps, splits at long ones, drops clicks", () => {
    expect(speechSegments(chunks("######...######"), 480)).toEqual([{startMs: 0, endMs: 480}]);
    expect(speechSegments(chunks("######.........######"), 672)).toHaveLength(2);
    expect(speechSegments(chunks("....##...."), 320)).toEqual([]);
  });

  it("stays inside the recording, in order, without overlap", () => {
    fc.assert(
      fc.property(fc.array(fc.double({min: 0, max: 1, noNaN: true}), {maxLength: 200}), (probabilities) => {
        const durationMs = probabilities.length * 32;
        let before = 0;
        for (const {startMs, endMs} of speechSegments(probabilities, durationMs)) {
          expect(startMs).toBeGreaterThanOrEqual(before);
          expect(endMs).toBeGreaterThan(startMs);
          before = endMs;
        }
        expect(before).toBeLessThanOrEqual(durationMs);
      }),
    );
  });
});

describe("textBoxes", () => {
  const size = {width: 64, height: 64};
  const paint = (...areas: readonly (readonly [number, number, number, number])[]) => {
    const map = new Float32Array(64 * 64);
    for (const [left, top, right, bottom] of areas) {
      for (let y = top; y < bottom; y++) map.fill(0.9, y * 64 + left, y * 64 + right);
    }
    return map;
  };
  const corners = (map: Float32Array) =>
    textBoxes(map, size, size).map(({x, y}) => [x < 20 ? "left" : "right", y < 20 ? "top" : "bottom"].join());

  it("reads rows from the top, each from the left, also when a row is not quite level", () => {
    const map = paint([40, 9, 60, 17], [2, 10, 25, 18], [40, 40, 60, 48], [2, 40, 25, 48]);
    expect(corners(map)).toEqual(["left,top", "right,top", "left,bottom", "right,bottom"]);
  });

  it("scales to the image and reaches out around the core, inside the image", () => {
    const [box] = textBoxes(paint([10, 10, 50, 18]), size, {width: 128, height: 64});
    expect(box).toMatchObject({x: expect.any(Number), y: expect.any(Number)});
    expect(box?.x).toBeLessThan(20);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeGreaterThan(100);
    const [whole] = textBoxes(paint([0, 0, 64, 64]), size, size);
    expect(whole).toEqual({x: 0, y: 0, width: 64, height: 64});
  });

  it("leaves out specks and does not join across the edge", () => {
    expect(textBoxes(paint([5, 5, 8, 8]), size, size)).toEqual([]);
    expect(textBoxes(paint([50, 10, 64, 20], [0, 11, 14, 21]), size, size)).toHaveLength(2);
    expect(textBoxes(new Float32Array(64 * 64), size, size)).toEqual([]);
  });
});
