/**
 * Results as bytes and as something a person can read. Canonical, because they are hashed: canonical
 * JSON with integers for `ocr` and `vad`, UTF-8 for `text`, `CTZV` + float32 for `embed`, `CTZT` for
 * `tensors`. Decoding what a provider sent throws `RESULT_INVALID`.
 */
import {CodedError} from "../errors/codedError.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {equalBytes, fromUtf8, utf8} from "../primitives/bytes.ts";
import {decodeCanonicalJson, encodeCanonicalJson, isRecord} from "../primitives/canonicalJson.ts";
import {LINES_MAX} from "./inputs.ts";
import type {BundleKind, Manifest} from "./manifest.ts";
import {formatTensorSpec} from "./tensorSpec.ts";
import {decodeTensors, tensorValues} from "./tensors.ts";

/** `box` is x, y, width, height in pixels of the image; confidence in thousandths. */
export type OcrLine = {
  readonly text: string;
  readonly confidence: number;
  readonly box: readonly [number, number, number, number];
};

export type OcrResult = {readonly width: number; readonly height: number; readonly lines: readonly OcrLine[]};

export type SpeechSegment = {readonly startMs: number; readonly endMs: number};

export type VadResult = {readonly durationMs: number; readonly segments: readonly SpeechSegment[]};

export type Neighbour = {readonly index: number; readonly neighbour: number; readonly similarity: number};

const VECTORS_MAGIC = utf8("CTZV");
const VECTORS_VERSION = 1;
const DIMENSION_MAX = 4096;
const OCR_LINES_MAX = 64;
const SEGMENTS_MAX = 100_000;
const VALUES_SHOWN = 16;

export function encodeOcr(result: OcrResult): Uint8Array {
  return encodeCanonicalJson(result);
}

export function decodeOcr(output: Uint8Array): OcrResult {
  return resultOf(() => {
    const value = decodeCanonicalJson(output);
    if (!isRecord(value) || !Array.isArray(value["lines"]) || value["lines"].length > OCR_LINES_MAX)
      throw broken();
    if (!isCount(value["width"]) || !isCount(value["height"]) || !value["lines"].every(isOcrLine))
      throw broken();
    return value as unknown as OcrResult;
  });
}

export function encodeVad(result: VadResult): Uint8Array {
  return encodeCanonicalJson(result);
}

export function decodeVad(output: Uint8Array): VadResult {
  return resultOf(() => {
    const value = decodeCanonicalJson(output);
    if (!isRecord(value) || !isCount(value["durationMs"]) || !Array.isArray(value["segments"]))
      throw broken();
    if (value["segments"].length > SEGMENTS_MAX || !value["segments"].every(isSegment)) throw broken();
    return value as unknown as VadResult;
  });
}

/** All of one length. */
export function encodeVectors(vectors: readonly Float32Array[]): Uint8Array {
  const dimension = vectors[0]?.length ?? 0;
  const writer = new ByteWriter().raw(VECTORS_MAGIC).u8(VECTORS_VERSION).u32(vectors.length).u32(dimension);
  const bytes = new Uint8Array(dimension * 4);
  const view = new DataView(bytes.buffer);
  for (const vector of vectors) {
    for (const [index, value] of vector.entries()) view.setFloat32(index * 4, value, true);
    writer.raw(bytes);
  }
  return writer.finish();
}

export function decodeVectors(output: Uint8Array): readonly Float32Array[] {
  return resultOf(() => {
    const reader = new ByteReader(output);
    if (!equalBytes(reader.raw(VECTORS_MAGIC.length), VECTORS_MAGIC) || reader.u8() !== VECTORS_VERSION)
      throw broken();
    const count = reader.count(reader.u32(), LINES_MAX);
    const dimension = reader.count(reader.u32(), DIMENSION_MAX);
    const vectors = Array.from({length: count}, () => {
      const row = reader.raw(dimension * 4);
      const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
      return Float32Array.from({length: dimension}, (_, index) => view.getFloat32(index * 4, true));
    });
    reader.finish();
    if (vectors.some((vector) => !vector.every(Number.isFinite))) throw broken();
    return vectors;
  });
}

/** Cosine of the angle between two vectors; 0 when one of them has no length. */
export function cosine(left: Float32Array, right: Float32Array): number {
  let [dot, leftSquare, rightSquare] = [0, 0, 0];
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0;
    dot += value * other;
    leftSquare += value * value;
    rightSquare += other * other;
  }
  const length = Math.sqrt(leftSquare * rightSquare);
  return length === 0 ? 0 : dot / length;
}

/** For each vector, the most similar other one; empty for fewer than two. */
export function nearestNeighbours(vectors: readonly Float32Array[]): readonly Neighbour[] {
  if (vectors.length < 2) return [];
  return vectors.map((vector, index) => {
    let best: Neighbour = {index, neighbour: -1, similarity: -2};
    for (const [other, candidate] of vectors.entries()) {
      const similarity = other === index ? -2 : cosine(vector, candidate);
      if (similarity > best.similarity) best = {index, neighbour: other, similarity};
    }
    return best;
  });
}

/** Throws `RESULT_INVALID` unless the bytes are a result of this kind. */
export function checkOutput(kind: BundleKind, output: Uint8Array): void {
  switch (kind) {
    case "ocr":
      decodeOcr(output);
      return;
    case "vad":
      decodeVad(output);
      return;
    case "embed":
      decodeVectors(output);
      return;
    case "text":
      resultOf(() => fromUtf8(output));
      return;
    case "tensors":
      resultOf(() => decodeTensors(output));
  }
}

/** Text for a terminal, without colours and without a final newline. */
export function renderOutput(manifest: Pick<Manifest, "kind">, output: Uint8Array): string {
  switch (manifest.kind) {
    case "ocr":
      return decodeOcr(output)
        .lines.map((line) => line.text)
        .join("\n");
    case "vad":
      return renderVad(decodeVad(output));
    case "embed":
      return renderVectors(decodeVectors(output));
    case "text":
      return resultOf(() => fromUtf8(output));
    case "tensors":
      return resultOf(() => decodeTensors(output))
        .map((tensor) => {
          const values = tensorValues(tensor);
          const more = values.length > VALUES_SHOWN ? `, … ${values.length - VALUES_SHOWN} more` : "";
          return `${formatTensorSpec(tensor)}: ${values.slice(0, VALUES_SHOWN).join(", ")}${more}`;
        })
        .join("\n");
  }
}

/** The same as a value for `--json`. */
export function outputJson(manifest: Pick<Manifest, "kind">, output: Uint8Array): unknown {
  switch (manifest.kind) {
    case "ocr":
      return decodeOcr(output);
    case "vad":
      return decodeVad(output);
    case "embed": {
      const vectors = decodeVectors(output);
      return {vectors: vectors.map((vector) => Array.from(vector)), nearest: nearestNeighbours(vectors)};
    }
    case "text":
      return {text: resultOf(() => fromUtf8(output))};
    case "tensors": {
      const tensors = resultOf(() => decodeTensors(output));
      return Object.fromEntries(
        tensors.map((tensor) => [
          tensor.name,
          {type: tensor.type, dims: tensor.dims, data: tensorValues(tensor)},
        ]),
      );
    }
  }
}

function renderVad({durationMs, segments}: VadResult): string {
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  if (segments.length === 0) return `no speech in ${seconds(durationMs)} s`;
  return segments.map(({startMs, endMs}) => `speech ${seconds(startMs)} s – ${seconds(endMs)} s`).join("\n");
}

function renderVectors(vectors: readonly Float32Array[]): string {
  const size = `${vectors.length} vector${vectors.length === 1 ? "" : "s"} of ${vectors[0]?.length ?? 0} numbers`;
  const nearest = nearestNeighbours(vectors).map(
    ({index, neighbour, similarity}) =>
      `line ${index + 1} is nearest to line ${neighbour + 1} (${similarity.toFixed(3)})`,
  );
  return [size, ...nearest].join("\n");
}

function isOcrLine(line: unknown): boolean {
  if (!isRecord(line) || typeof line["text"] !== "string" || !isCount(line["confidence"])) return false;
  const {box} = line;
  return Array.isArray(box) && box.length === 4 && box.every(isCount);
}

function isSegment(segment: unknown): boolean {
  return isRecord(segment) && isCount(segment["startMs"]) && isCount(segment["endMs"]);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function resultOf<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw cause instanceof CodedError && cause.code === "RESULT_INVALID" ? cause : broken(cause);
  }
}

function broken(cause?: unknown): CodedError {
  return new CodedError("RESULT_INVALID", {evidence: {reason: "outputFormat"}, cause});
}
