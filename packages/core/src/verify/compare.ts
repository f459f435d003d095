/**
 * Compares two results of one task for `--verify 2`. In one determinism class results are equal bit
 * for bit; across classes floats differ in their last digits, so a tolerance screens: it catches a
 * provider that did not run the model, it is no proof that one did.
 */
import {CodedError} from "../errors/codedError.ts";
import {equalBytes} from "../primitives/bytes.ts";
import type {BundleKind} from "../task/manifest.ts";
import {
  checkOutput,
  cosine,
  decodeOcr,
  decodeVad,
  decodeVectors,
  type OcrResult,
  type VadResult,
} from "../task/output.ts";
import {decodeTensors, type Tensor, tensorValues} from "../task/tensors.ts";

export type ComparableResult = {
  readonly output: Uint8Array;
  readonly units: bigint;
  readonly determinism: string;
};

export type Comparison =
  /** `screened`: equal within the tolerance of the kind, in different determinism classes. */
  | {readonly kind: "equal"; readonly by: "bytes" | "screened"}
  | {readonly kind: "different"; readonly reason: string};

/** Measured: honest pairs of machines are above 0.99999, unrelated sentences below 0.9. */
const COSINE_MIN = 0.9999;
/** max|a−b| ÷ max|a|: every honest pair measured is below 7.2e-4, a broken one was 0.6. */
const ERROR_MAX = 2e-3;
/** One chunk of the voice detector may fall on the other side of the threshold. */
const EDGE_MS_MAX = 64;

/** Never throws for data of the results: what cannot be read is `different`. */
export function compareResults(
  kind: BundleKind,
  left: ComparableResult,
  right: ComparableResult,
): Comparison {
  if (equalBytes(left.output, right.output)) {
    return left.units === right.units ? {kind: "equal", by: "bytes"} : {kind: "different", reason: "meter"};
  }
  if (left.determinism === right.determinism) return {kind: "different", reason: "bytes"};
  try {
    checkOutput(kind, left.output);
    checkOutput(kind, right.output);
    const reason = screen(kind, left.output, right.output);
    return reason === undefined ? {kind: "equal", by: "screened"} : {kind: "different", reason};
  } catch (error) {
    if (error instanceof CodedError) return {kind: "different", reason: "format"};
    throw error;
  }
}

function screen(kind: BundleKind, left: Uint8Array, right: Uint8Array): string | undefined {
  switch (kind) {
    case "ocr":
      return screenOcr(decodeOcr(left), decodeOcr(right));
    case "vad":
      return screenVad(decodeVad(left), decodeVad(right));
    case "embed":
      return screenVectors(decodeVectors(left), decodeVectors(right));
    case "text":
      return "text";
    case "tensors":
      return screenTensors(decodeTensors(left), decodeTensors(right));
  }
}

function screenOcr(left: OcrResult, right: OcrResult): string | undefined {
  const texts = ({lines}: OcrResult) => lines.map((line) => line.text).join("\n");
  return texts(left) === texts(right) ? undefined : "text";
}

function screenVad(left: VadResult, right: VadResult): string | undefined {
  if (left.durationMs !== right.durationMs || left.segments.length !== right.segments.length)
    return "segments";
  const isNear = left.segments.every((segment, index) => {
    const other = right.segments[index] ?? {startMs: -EDGE_MS_MAX, endMs: -EDGE_MS_MAX};
    return (
      Math.abs(segment.startMs - other.startMs) <= EDGE_MS_MAX &&
      Math.abs(segment.endMs - other.endMs) <= EDGE_MS_MAX
    );
  });
  return isNear ? undefined : "segments";
}

function screenVectors(left: readonly Float32Array[], right: readonly Float32Array[]): string | undefined {
  if (left.length !== right.length) return "count";
  const isNear = left.every((vector, index) => {
    const other = right[index];
    return other !== undefined && other.length === vector.length && cosine(vector, other) >= COSINE_MIN;
  });
  return isNear ? undefined : "vectors";
}

function screenTensors(left: readonly Tensor[], right: readonly Tensor[]): string | undefined {
  if (left.length !== right.length) return "count";
  for (const [index, tensor] of left.entries()) {
    const other = right[index];
    if (other === undefined || other.name !== tensor.name || other.type !== tensor.type) return "tensors";
    if (other.dims.join() !== tensor.dims.join()) return "shape";
    const isFloat = tensor.type === "float32" || tensor.type === "float64";
    if (isFloat ? errorOf(tensor, other) > ERROR_MAX : !equalBytes(tensor.data, other.data))
      return tensor.name;
  }
  return undefined;
}

/** Largest difference over largest magnitude; NaN on one side only, or an infinity, counts as infinite. */
function errorOf(left: Tensor, right: Tensor): number {
  const [leftValues, rightValues] = [tensorValues(left), tensorValues(right)];
  let [difference, magnitude] = [0, 0];
  for (const [index, value] of leftValues.entries()) {
    const [a, b] = [value as number, rightValues[index] as number];
    if (Object.is(a, b)) continue;
    if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(a - b));
    magnitude = Math.max(magnitude, Math.abs(a));
  }
  return difference === 0 ? 0 : difference / magnitude;
}
