import {create} from "@bufbuild/protobuf";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {TaskClass} from "@catalyze/core/primitives/id";
import {buildSpec, hashSpec, isInputOf, specFromWire, specToWire} from "@catalyze/core/task/spec";
import {TaskSpecSchema} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";
import {party} from "../market/kit.ts";

const input = new Uint8Array([1, 2, 3]);
const base = {
  taskClass: "onnx/bafy" as TaskClass,
  params: {b: 1, a: [true, null]},
  input,
  payer: party("payer").account,
  idempotencyKey: "k",
};

describe("a task spec", () => {
  it("is the same task for the same key, whatever the order of its parameters", () => {
    const spec = buildSpec(base);
    expect(hashSpec(buildSpec({...base, params: {a: [true, null], b: 1}}))).toBe(hashSpec(spec));
    expect(hashSpec(specFromWire(specToWire(spec)))).toBe(hashSpec(spec));
    expect(isInputOf(spec, input)).toBe(true);
    expect(isInputOf(spec, new Uint8Array([1, 2, 4]))).toBe(false);
  });

  it("is another task when anything differs", () => {
    const hashes = [
      base,
      {...base, idempotencyKey: "l"},
      {...base, payer: party("b").account},
      {...base, params: {}},
      {...base, input: new Uint8Array([1, 2])},
      {...base, taskClass: "onnx/other" as TaskClass},
    ].map((each) => hashSpec(buildSpec(each)));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it("refuses what is too large", () => {
    expect(() => buildSpec({...base, input: new Uint8Array(16 * 1024 * 1024 + 1)})).toThrow(
      expect.objectContaining({code: "INPUT_TOO_LARGE"}),
    );
    expect(() => buildSpec({...base, params: "x".repeat(9_000)})).toThrow(
      expect.objectContaining({code: "REQUEST_INVALID"}),
    );
  });

  it("answers any wire fields with a spec or a code", () => {
    const bytes = (length: number) =>
      fc.constantFrom(new Uint8Array(length), new Uint8Array(length + 1), new Uint8Array());
    const wireArb = fc.record({
      taskClass: fc.constantFrom("onnx/x", "", "onnx", "o/\n"),
      params: fc.constantFrom(
        new TextEncoder().encode("{}"),
        new TextEncoder().encode("{ }"),
        new Uint8Array([255]),
      ),
      inputHash: bytes(32),
      inputBytes: fc.constantFrom(0n, 16_777_217n, (1n << 64n) - 1n),
      payer: bytes(32),
      nonce: bytes(16),
    });
    fc.assert(
      fc.property(wireArb, (wire) => {
        const message = create(TaskSpecSchema, wire);
        try {
          expect(specToWire(specFromWire(message))).toEqual(message);
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      }),
    );
  });
});
