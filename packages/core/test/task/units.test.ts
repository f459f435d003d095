import {readFileSync} from "node:fs";
import {fileURLToPath} from "node:url";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {utf8} from "../../src/primitives/bytes.ts";
import type {BundleKind, Manifest} from "../../src/task/manifest.ts";
import {
  detectSizes,
  lineColumns,
  OCR_COLUMNS_MAX,
  OCR_DETECT_SIDE_MAX,
  OCR_TILE,
} from "../../src/task/ocrLayout.ts";
import {sizesOf} from "../../src/task/tensorSpec.ts";
import {encodeTensors} from "../../src/task/tensors.ts";
import {describeInput, unitsMax} from "../../src/task/units.ts";

const sample = (name: string) =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../../../samples/${name}`, import.meta.url))));
const none = utf8("{}");

const manifestOf = (kind: BundleKind, models: Manifest["meter"]["models"] = {}): Manifest => ({
  v: 1,
  kind,
  title: kind,
  pipeline: 1,
  files: [],
  unit: kind === "text" ? "token" : "mac",
  meter: {models},
  inputBytesMax: 1_000_000,
  outputBytesMax: 1_000_000,
  licence: "MIT",
});
const one = (powers: Record<string, number>) => [{coefficient: "1", powers}];
const ocr = manifestOf("ocr", {
  "detect.onnx": one({tileRows: 1, tileColumns: 1}),
  "recognise.onnx": one({columns: 1}),
});
const embed = manifestOf("embed", {"encoder.onnx": one({tokens: 1})});
const vad = manifestOf("vad", {"vad.onnx": one({})});
const text = manifestOf("text");
const tensors: Manifest = {
  ...manifestOf("tensors", {"model.onnx": one({n: 2})}),
  tensors: {
    inputs: [{name: "x", type: "float32", dims: ["n", 2]}],
    outputs: [{name: "y", type: "float32", dims: [1]}],
  },
};
const tensor = (dims: readonly number[]) =>
  encodeTensors([{name: "x", type: "float32", dims, data: new Uint8Array(dims.reduce((a, b) => a * b, 4))}]);

const wav = (change: (view: DataView) => void = () => {}) => {
  const bytes = sample("speech.wav");
  change(new DataView(bytes.buffer));
  return bytes;
};

describe("unitsMax", () => {
  it("counts tiles of the image and the most lines asked for", () => {
    expect(unitsMax(ocr, utf8('{"maxLines":3}'), sample("page.png"))).toBe(
      BigInt(16 * 26 + 3 * OCR_COLUMNS_MAX),
    );
  });

  it("counts a piece a character and line, at most 128", () => {
    expect(unitsMax(embed, none, utf8("abc\n\n  de  \n"))).toBe(4n + 3n);
    expect(unitsMax(embed, none, utf8("x".repeat(1000)))).toBe(128n);
  });

  it("counts chunks of a recording", () => {
    expect(unitsMax(vad, none, sample("speech.wav"))).toBe(BigInt(Math.ceil((289_576 - 44) / 2 / 512)));
  });

  it("counts characters of the prompt and those to write", () => {
    expect(unitsMax(text, utf8('{"maxTokens":7}'), utf8("whale 🐳"))).toBe(14n);
    expect(unitsMax(text, new Uint8Array(0), utf8("a"))).toBe(121n);
  });

  it("takes the sizes of tensors", () => {
    expect(unitsMax(tensors, none, tensor([5, 2]))).toBe(25n);
    expect(() => unitsMax(tensors, none, tensor([5, 3]))).toThrowError(
      expect.objectContaining({code: "TENSOR_SHAPE_MISMATCH"}),
    );
    expect(() => unitsMax(tensors, none, tensor([5]))).toThrowError(
      expect.objectContaining({code: "TENSOR_SHAPE_MISMATCH"}),
    );
    expect(() => unitsMax(tensors, none, utf8("no tensors"))).toThrowError(
      expect.objectContaining({code: "INPUT_INVALID"}),
    );
  });

  it("demands one value for one named size", () => {
    const spec = (name: string) => ({name, type: "uint8", dims: ["n"]}) as const;
    const tensorOf = (name: string, size: number) => ({
      ...spec(name),
      dims: [size],
      data: new Uint8Array(size),
    });
    expect(sizesOf([spec("a"), spec("b")], [tensorOf("b", 3), tensorOf("a", 3)])).toEqual({n: 3});
    expect(() => sizesOf([spec("a"), spec("b")], [tensorOf("b", 3), tensorOf("a", 4)])).toThrowError(
      expect.objectContaining({code: "TENSOR_SHAPE_MISMATCH"}),
    );
  });

  it.each([
    ["an image that is none", ocr, "{}", utf8("not a png"), "INPUT_INVALID"],
    [
      "an image of no width",
      ocr,
      "{}",
      (() => {
        const png = sample("page.png");
        png.fill(0, 16, 20);
        return png;
      })(),
      "INPUT_INVALID",
    ],
    [
      "an image of 2^31 pixels a side",
      ocr,
      "{}",
      (() => {
        const png = sample("page.png");
        png[16] = 0x7f;
        return png;
      })(),
      "INPUT_TOO_LARGE",
    ],
    ["no text", embed, "{}", utf8(" \n \n"), "INPUT_INVALID"],
    ["bytes that are no text", embed, "{}", Uint8Array.of(0xff, 0xfe, 0xff), "INPUT_INVALID"],
    ["too many lines", embed, "{}", utf8("a\n".repeat(3000)), "INPUT_TOO_LARGE"],
    ["8 kHz", vad, "{}", wav((view) => view.setUint32(24, 8000, true)), "INPUT_INVALID"],
    ["stereo", vad, "{}", wav((view) => view.setUint16(22, 2, true)), "INPUT_INVALID"],
    ["a recording without sound", vad, "{}", wav().slice(0, 44), "INPUT_INVALID"],
    [
      "a chunk length that runs away",
      vad,
      "{}",
      wav((view) => view.setUint32(16, 0xffffffff, true)),
      "INPUT_INVALID",
    ],
    ["unknown parameter", text, '{"max_tokens":3}', utf8("a"), "INPUT_INVALID"],
    ["parameter of another kind", embed, '{"maxTokens":3}', utf8("a"), "INPUT_INVALID"],
    ["parameter out of range", text, '{"maxTokens":0}', utf8("a"), "INPUT_INVALID"],
    ["parameter that is no number", text, '{"maxTokens":"9"}', utf8("a"), "INPUT_INVALID"],
    ["parameters that are not canonical", text, '{"seed":1,"maxTokens":2}', utf8("a"), "INPUT_INVALID"],
    ["an input past the limit of the class", text, "{}", new Uint8Array(1_000_001), "INPUT_TOO_LARGE"],
  ] as const)("refuses %s", (_, manifest, params, input, code) => {
    expect(() => unitsMax(manifest, utf8(params), input)).toThrowError(expect.objectContaining({code}));
  });

  it("answers garbage with a code, never a crash", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(ocr, embed, vad, text, tensors),
        fc.uint8Array({maxLength: 400}),
        fc.boolean(),
        (manifest, noise, hasHeader) => {
          const header = manifest.kind === "ocr" ? sample("page.png").slice(0, 16) : utf8("RIFF0000WAVE");
          const input = hasHeader ? new Uint8Array([...header, ...noise]) : noise;
          try {
            expect(unitsMax(manifest, none, input)).toBeGreaterThanOrEqual(0n);
          } catch (error) {
            expect(error).toMatchObject({code: expect.stringMatching(/^(INPUT|TENSOR)_/)});
          }
        },
      ),
    );
  });
});

describe("OCR layout", () => {
  it("keeps every image within the limits of the models", () => {
    const side = fc.integer({min: 1, max: 10_000});
    fc.assert(
      fc.property(side, side, (width, height) => {
        const {tileRows, tileColumns} = detectSizes({width, height});
        expect(Math.min(tileRows, tileColumns)).toBeGreaterThanOrEqual(1);
        expect(Math.max(tileRows, tileColumns)).toBeLessThanOrEqual(OCR_DETECT_SIDE_MAX / OCR_TILE);
        expect(lineColumns({width, height})).toBeLessThanOrEqual(OCR_COLUMNS_MAX);
      }),
    );
  });
});

describe("describeInput", () => {
  it("says what it is in one line", () => {
    expect(describeInput(ocr, sample("page.png"))).toBe("image 820 × 520");
    expect(describeInput(embed, sample("sentences.txt"))).toBe("12 lines");
    expect(describeInput(vad, sample("speech.wav"))).toBe("recording of 9.0 s");
    expect(describeInput(text, utf8("Call me"))).toBe("prompt of 7 characters");
    expect(describeInput(tensors, tensor([5, 2]))).toBe("x float32 [5,2]");
  });
});
