import {describe, expect, it} from "vitest";
import {utf8} from "../../src/primitives/bytes.ts";
import {encodeOcr, encodeVad, encodeVectors} from "../../src/task/output.ts";
import {encodeTensors, tensorsFromJson} from "../../src/task/tensors.ts";
import {compareResults} from "../../src/verify/compare.ts";

const here = (output: Uint8Array, units = 10n) => ({output, units, determinism: "a"});
const there = (output: Uint8Array, units = 10n) => ({output, units, determinism: "b"});
const vectors = (...rows: number[][]) => encodeVectors(rows.map((row) => Float32Array.from(row)));
const floats = (...data: number[]) =>
  encodeTensors(tensorsFromJson({x: {type: "float64", dims: [data.length], data}}));
const integers = (...data: number[]) =>
  encodeTensors(tensorsFromJson({x: {type: "int32", dims: [data.length], data}}));
const page = (text: string, confidence: number) =>
  encodeOcr({width: 1, height: 1, lines: [{text, confidence, box: [0, 0, 1, 1]}]});
const speech = (startMs: number, endMs: number) =>
  encodeVad({durationMs: 9000, segments: [{startMs, endMs}]});

describe("compareResults", () => {
  it("demands equal bytes and meter inside one determinism class", () => {
    expect(compareResults("text", here(utf8("a")), here(utf8("a")))).toEqual({kind: "equal", by: "bytes"});
    expect(compareResults("text", here(utf8("a")), here(utf8("a"), 11n))).toEqual({
      kind: "different",
      reason: "meter",
    });
    expect(compareResults("embed", here(vectors([1, 0])), here(vectors([1, 1e-7])))).toEqual({
      kind: "different",
      reason: "bytes",
    });
  });

  it("screens across classes", () => {
    const equal = {kind: "equal", by: "screened"};
    expect(compareResults("embed", here(vectors([1, 0])), there(vectors([1, 1e-4])))).toEqual(equal);
    expect(compareResults("embed", here(vectors([1, 0])), there(vectors([1, 0.1])))).toMatchObject({
      kind: "different",
    });
    expect(compareResults("embed", here(vectors([1, 0])), there(vectors([1, 0], [1, 0])))).toMatchObject({
      reason: "count",
    });
    expect(compareResults("ocr", here(page("a", 990)), there(page("a", 989)))).toEqual(equal);
    expect(compareResults("ocr", here(page("a", 990)), there(page("b", 990)))).toMatchObject({
      reason: "text",
    });
    expect(compareResults("vad", here(speech(100, 900)), there(speech(132, 900)))).toEqual(equal);
    expect(compareResults("vad", here(speech(100, 900)), there(speech(300, 900)))).toMatchObject({
      kind: "different",
    });
    expect(compareResults("text", here(utf8("a")), there(utf8("b")))).toMatchObject({reason: "text"});
  });

  it("measures tensors by the largest error over the largest value", () => {
    expect(compareResults("tensors", here(floats(100, 0)), there(floats(100.1, 0.1)))).toMatchObject({
      kind: "equal",
    });
    expect(compareResults("tensors", here(floats(100, 0)), there(floats(100, 1)))).toMatchObject({
      reason: "x",
    });
    expect(compareResults("tensors", here(floats(0)), there(floats(1)))).toMatchObject({reason: "x"});
    expect(compareResults("tensors", here(integers(5)), there(integers(6)))).toMatchObject({reason: "x"});
    expect(compareResults("tensors", here(integers(5)), there(floats(5)))).toMatchObject({reason: "tensors"});
    expect(compareResults("tensors", here(floats(1, 2)), there(floats(1)))).toMatchObject({reason: "shape"});
  });

  it("does not let NaN or an infinity pass", () => {
    const odd = (bits: number[]) => {
      const bytes = floats(1);
      bytes.set(bits, bytes.length - 8);
      return bytes;
    };
    const nan = odd([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]);
    expect(compareResults("tensors", here(floats(1)), there(nan))).toMatchObject({kind: "different"});
    expect(compareResults("tensors", here(nan), there(floats(1)))).toMatchObject({kind: "different"});
  });

  it("calls unreadable results different", () => {
    expect(compareResults("embed", here(utf8("x")), there(utf8("y")))).toEqual({
      kind: "different",
      reason: "format",
    });
  });
});
