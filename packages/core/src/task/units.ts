/**
 * The most units a task can use, from its input alone: what a quote's maximum is made of. Never below
 * what the executor will count for the same bytes.
 */
import {CodedError} from "../errors/codedError.ts";
import {readLines, readPngSize, readText, readWav, WAV_SAMPLE_RATE} from "./inputs.ts";
import type {BundleKind, Manifest} from "./manifest.ts";
import {macOf} from "./meter.ts";
import {detectSizes, OCR_COLUMNS_MAX} from "./ocrLayout.ts";
import {parseNoParams, parseOcrParams, parseTextParams} from "./params.ts";
import {formatTensorSpec, sizesOf} from "./tensorSpec.ts";
import {decodeTensors} from "./tensors.ts";

/** The sentence encoder reads this many pieces of a line. */
export const EMBED_TOKENS_MAX = 128;
/** The voice detector looks at 32 ms at a time. */
export const VAD_CHUNK = 512;

type Bound = (manifest: Manifest, params: Uint8Array, input: Uint8Array) => bigint;

/** Throws `INPUT_INVALID`, `INPUT_TOO_LARGE` or `TENSOR_SHAPE_MISMATCH`. */
export function unitsMax(manifest: Manifest, params: Uint8Array, input: Uint8Array): bigint {
  if (input.length > manifest.inputBytesMax) {
    const message = `The input has ${input.length} bytes; this class takes ${manifest.inputBytesMax}.`;
    throw new CodedError("INPUT_TOO_LARGE", {message, evidence: {bytes: input.length}});
  }
  return BOUNDS[manifest.kind](manifest, params, input);
}

/** One line for people: `image 760 × 480`, `12 lines`. Throws as `unitsMax` does. */
export function describeInput(manifest: Manifest, input: Uint8Array): string {
  switch (manifest.kind) {
    case "ocr": {
      const {width, height} = readPngSize(input);
      return `image ${width} × ${height}`;
    }
    case "embed": {
      const {length} = readLines(input);
      return length === 1 ? "1 line" : `${length} lines`;
    }
    case "vad":
      return `recording of ${(readWav(input).samples / WAV_SAMPLE_RATE).toFixed(1)} s`;
    case "text":
      return `prompt of ${[...readText(input)].length} characters`;
    case "tensors":
      return decodeTensors(input)
        .map((tensor) => formatTensorSpec(tensor))
        .join(", ");
  }
}

/** Most pieces that a line can be cut into: one a character, and one for the start of the line. */
export function embedTokensMax(line: string): number {
  return Math.min(EMBED_TOKENS_MAX, [...line.normalize("NFKC")].length + 1);
}

export function vadChunks(samples: number): number {
  return Math.ceil(samples / VAD_CHUNK);
}

const BOUNDS: Readonly<Record<BundleKind, Bound>> = {
  ocr({meter}, params, input) {
    const lines = BigInt(parseOcrParams(params).maxLines);
    const detect = macOf(meter, "detect.onnx", detectSizes(readPngSize(input)));
    return detect + lines * macOf(meter, "recognise.onnx", {columns: OCR_COLUMNS_MAX});
  },
  embed({meter}, params, input) {
    parseNoParams(params);
    return readLines(input).reduce(
      (sum, line) => sum + macOf(meter, "encoder.onnx", {tokens: embedTokensMax(line)}),
      0n,
    );
  },
  vad({meter}, params, input) {
    parseNoParams(params);
    return BigInt(vadChunks(readWav(input).samples)) * macOf(meter, "vad.onnx", {});
  },
  text(_, params, input) {
    return BigInt([...readText(input)].length + parseTextParams(params).maxTokens);
  },
  tensors({meter, tensors}, params, input) {
    parseNoParams(params);
    return macOf(meter, "model.onnx", sizesOf(tensors?.inputs ?? [], decodeTensors(input)));
  },
};
