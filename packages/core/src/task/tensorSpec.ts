/** Checks tensors against the signature of a `tensors` class and reads the named sizes out of them. */
import {CodedError} from "../errors/codedError.ts";
import {isRecord} from "../primitives/canonicalJson.ts";
import {TENSOR_TYPES, type TensorSignature, type TensorSpec} from "./manifest.ts";
import type {Sizes} from "./meter.ts";
import type {Tensor} from "./tensors.ts";

const TENSORS_MAX = 32;
const RANK_MAX = 8;
const NAME_MAX = 128;
const SIZE_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const DIM_MAX = 2 ** 31 - 1;

/** Throws `DECODE_INVALID` unless `value` is a bounded signature. */
export function checkTensorSignature(value: unknown): asserts value is TensorSignature {
  if (!isRecord(value) || Object.keys(value).length !== 2) throw invalid();
  checkSpecs(value["inputs"]);
  checkSpecs(value["outputs"]);
}

/**
 * The named sizes of `tensors`. Throws `TENSOR_SHAPE_MISMATCH` unless they are exactly the inputs:
 * names, types, ranks, fixed sizes, and one value for each named size.
 */
export function sizesOf(specs: readonly TensorSpec[], tensors: readonly Tensor[]): Sizes {
  const sizes = new Map<string, number>();
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  if (byName.size !== specs.length || tensors.length !== specs.length) throw mismatch(specs, "count");
  for (const spec of specs) {
    const tensor = byName.get(spec.name);
    if (tensor === undefined) throw mismatch([spec], "missing");
    if (tensor.type !== spec.type) throw mismatch([spec], `type ${tensor.type}`);
    if (!fitsDims(spec.dims, tensor.dims, sizes)) throw mismatch([spec], `shape [${tensor.dims.join()}]`);
  }
  return Object.fromEntries(sizes);
}

/** A named size takes its value from the first tensor that has it; every other must agree. */
function fitsDims(wanted: TensorSpec["dims"], got: readonly number[], sizes: Map<string, number>): boolean {
  if (wanted.length !== got.length) return false;
  return wanted.every((dim, axis) => {
    const size = got[axis] as number;
    if (typeof dim === "number") return size === dim;
    const known = sizes.get(dim);
    if (known === undefined) sizes.set(dim, size);
    return known === undefined || known === size;
  });
}

/** `x float32 [batch,3,224]`. */
export function formatTensorSpec(spec: TensorSpec): string {
  return `${spec.name} ${spec.type} [${spec.dims.join()}]`;
}

function checkSpecs(value: unknown): void {
  if (!Array.isArray(value) || value.length < 1 || value.length > TENSORS_MAX) throw invalid();
  const names = new Set<string>();
  for (const spec of value) {
    if (!isRecord(spec) || Object.keys(spec).length !== 3) throw invalid();
    const {name, type, dims} = spec;
    if (typeof name !== "string" || name.length < 1 || name.length > NAME_MAX || /[\p{C}]/u.test(name))
      throw invalid();
    if (!(TENSOR_TYPES as readonly unknown[]).includes(type)) throw invalid();
    if (!Array.isArray(dims) || dims.length > RANK_MAX || !dims.every(isDim)) throw invalid();
    names.add(name);
  }
  if (names.size !== value.length) throw invalid();
}

function isDim(dim: unknown): boolean {
  if (typeof dim === "string") return SIZE_NAME.test(dim);
  return Number.isInteger(dim) && (dim as number) >= 0 && (dim as number) <= DIM_MAX;
}

function mismatch(specs: readonly TensorSpec[], got: string): CodedError {
  const expected = specs.map(formatTensorSpec).join("; ").slice(0, 400);
  const message = `A tensor has the wrong shape or type: expected ${expected}.`;
  return new CodedError("TENSOR_SHAPE_MISMATCH", {message, evidence: {expected, got}});
}

function invalid(): CodedError {
  return new CodedError("DECODE_INVALID", {
    message: "The manifest is not valid.",
    evidence: {reason: "tensors"},
  });
}
