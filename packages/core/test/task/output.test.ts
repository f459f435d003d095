import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {utf8} from "../../src/primitives/bytes.ts";
import {
  checkOutput,
  decodeOcr,
  decodeVectors,
  encodeOcr,
  encodeVad,
  encodeVectors,
  nearestNeighbours,
  outputJson,
  renderOutput,
} from "../../src/task/output.ts";
import {decodeTensors, encodeTensors, tensorsFromJson, tensorValues} from "../../src/task/tensors.ts";

const vector = fc.array(fc.float({noNaN: true, noDefaultInfinity: true}), {minLength: 3, maxLength: 3});

describe("outputs", () => {
  it("vectors round-trip bit for bit", () => {
    fc.assert(
      fc.property(fc.array(vector, {maxLength: 8}), (rows) => {
        const vectors = rows.map((row) => Float32Array.from(row));
        expect(decodeVectors(encodeVectors(vectors))).toEqual(vectors);
      }),
    );
  });

  it("finds the nearest other vector", () => {
    const rows = [
      [1, 0],
      [0, 1],
      [0.9, 0.1],
      [0.1, 0.9],
    ].map((row) => Float32Array.from(row));
    expect(nearestNeighbours(rows).map(({neighbour}) => neighbour)).toEqual([2, 3, 0, 1]);
    expect(nearestNeighbours(rows.slice(0, 1))).toEqual([]);
    const zeros = [new Float32Array(2), new Float32Array(2)];
    expect(nearestNeighbours(zeros).map(({neighbour}) => neighbour)).toEqual([1, 0]);
  });

  it("reads for people and for programs", () => {
    const page = encodeOcr({
      width: 9,
      height: 9,
      lines: [
        {text: "Hello", confidence: 990, box: [0, 1, 2, 3]},
        {text: "world", confidence: 980, box: [0, 4, 2, 3]},
      ],
    });
    expect(renderOutput({kind: "ocr"}, page)).toBe("Hello\nworld");
    expect(outputJson({kind: "ocr"}, page)).toMatchObject({lines: [{text: "Hello", confidence: 990}, {}]});
    const speech = encodeVad({durationMs: 3000, segments: [{startMs: 500, endMs: 1250}]});
    expect(renderOutput({kind: "vad"}, speech)).toBe("speech 0.50 s – 1.25 s");
    expect(renderOutput({kind: "vad"}, encodeVad({durationMs: 3000, segments: []}))).toBe(
      "no speech in 3.00 s",
    );
    expect(outputJson({kind: "text"}, utf8("Ishmael"))).toEqual({text: "Ishmael"});
    const two = encodeVectors([Float32Array.of(1, 0), Float32Array.of(1, 0)]);
    expect(renderOutput({kind: "embed"}, two)).toBe(
      "2 vectors of 2 numbers\nline 1 is nearest to line 2 (1.000)\nline 2 is nearest to line 1 (1.000)",
    );
  });

  it("calls what a provider sent wrong RESULT_INVALID, whatever it is", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("ocr", "vad", "embed", "tensors"),
        fc.uint8Array({maxLength: 60}),
        (kind, bytes) => {
          expect(() => checkOutput(kind, bytes)).toThrowError(
            expect.objectContaining({code: "RESULT_INVALID"}),
          );
        },
      ),
    );
    for (const text of ['{"height":1,"lines":[{"text":1}],"width":1}', "null", "[]", '{"lines":[]}']) {
      expect(() => decodeOcr(utf8(text))).toThrowError(expect.objectContaining({code: "RESULT_INVALID"}));
    }
    const notANumber = encodeVectors([Float32Array.of(Number.NaN)]);
    expect(() => decodeVectors(notANumber)).toThrowError(expect.objectContaining({code: "RESULT_INVALID"}));
  });
});

describe("tensors", () => {
  const json = {
    b: {type: "int64", dims: [2], data: ["9007199254740993", -1]},
    a: {type: "float32", dims: [1, 2], data: [0.5, -1.25]},
    c: {type: "bool", dims: [2], data: [true, false]},
  };

  it("come from JSON and go back", () => {
    const tensors = tensorsFromJson(json);
    const again = decodeTensors(encodeTensors(tensors));
    expect(again.map(({name}) => name)).toEqual(["a", "b", "c"]);
    expect(again.map(tensorValues)).toEqual([
      [0.5, -1.25],
      ["9007199254740993", "-1"],
      [true, false],
    ]);
    expect(outputJson({kind: "tensors"}, encodeTensors(tensors))).toMatchObject({
      a: {dims: [1, 2], data: [0.5, -1.25]},
    });
  });

  it("have one encoding: order, lengths and the end are checked", () => {
    const bytes = encodeTensors(tensorsFromJson(json));
    expect(() => decodeTensors(new Uint8Array([...bytes, 0]))).toThrowError(
      expect.objectContaining({code: "INPUT_INVALID"}),
    );
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeTensors(bytes.slice(0, length))).toThrowError(
        expect.objectContaining({code: "INPUT_INVALID"}),
      );
    }
  });

  it.each([
    [{x: {type: "float16", dims: [1], data: [1]}}],
    [{x: {type: "float32", dims: [2], data: [1]}}],
    [{x: {type: "float32", dims: [-1], data: []}}],
    [{x: {type: "int64", dims: [1], data: ["1e9"]}}],
    [{x: 5}],
    [null],
  ])("refuses %j", (value) => {
    expect(() => tensorsFromJson(value)).toThrowError(expect.objectContaining({code: "INPUT_INVALID"}));
  });
});
