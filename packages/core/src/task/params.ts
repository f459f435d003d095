/** Parameters of a task, per kind: canonical JSON, defaults filled in, every value bounded. */
import {CodedError} from "../errors/codedError.ts";
import {decodeCanonicalJson, encodeCanonicalJson, isRecord} from "../primitives/canonicalJson.ts";
import type {BundleKind} from "./manifest.ts";

export type TextParams = {
  /** Characters to generate at most. */
  readonly maxTokens: number;
  /** 0 always takes the likeliest; higher is freer. */
  readonly temperature: number;
  /** Fixes the dice: the same seed gives the same text. */
  readonly seed: number;
};

export type OcrParams = {
  /** Lines to read at most; bounds the price. */
  readonly maxLines: number;
};

const PARAMS_BYTES_MAX = 4096;

type Range = {
  readonly min: number;
  readonly max: number;
  readonly normally: number;
  readonly isInteger: boolean;
};

const TEXT_RANGES = {
  maxTokens: {min: 1, max: 2048, normally: 120, isInteger: true},
  temperature: {min: 0, max: 2, normally: 0, isInteger: false},
  seed: {min: 0, max: 2 ** 32 - 1, normally: 0, isInteger: true},
} as const satisfies Record<keyof TextParams, Range>;

const OCR_RANGES = {
  maxLines: {min: 1, max: 64, normally: 32, isInteger: true},
} as const satisfies Record<keyof OcrParams, Range>;

/** Throws `INPUT_INVALID`. */
export function parseTextParams(params: Uint8Array): TextParams {
  return parse(params, TEXT_RANGES);
}

/** Throws `INPUT_INVALID`. */
export function parseOcrParams(params: Uint8Array): OcrParams {
  return parse(params, OCR_RANGES);
}

/** For kinds without parameters: empty or `{}`. Throws `INPUT_INVALID`. */
export function parseNoParams(params: Uint8Array): void {
  parse(params, {});
}

/** Checks what a user asks for and writes the bytes that travel. Throws `INPUT_INVALID`. */
export function encodeParams(kind: BundleKind, params: Readonly<Record<string, unknown>>): Uint8Array {
  const bytes = encodeCanonicalJson(params);
  if (kind === "text") parseTextParams(bytes);
  else if (kind === "ocr") parseOcrParams(bytes);
  else parseNoParams(bytes);
  return bytes;
}

function parse<Name extends string>(
  params: Uint8Array,
  ranges: Readonly<Record<Name, Range>>,
): Record<Name, number> {
  const given = params.length === 0 ? {} : decode(params);
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(ranges, name)) throw invalid(name, `there is no parameter ${name.slice(0, 40)}`);
  }
  const out = {} as Record<Name, number>;
  for (const name of Object.keys(ranges) as Name[]) {
    const range = ranges[name];
    const value = Object.hasOwn(given, name) ? given[name] : range.normally;
    const isRight = typeof value === "number" && value >= range.min && value <= range.max;
    if (!isRight || (range.isInteger && !Number.isInteger(value))) {
      throw invalid(
        name,
        `${name} is a${range.isInteger ? "n integer" : " number"} from ${range.min} to ${range.max}`,
      );
    }
    out[name] = value;
  }
  return out;
}

function decode(params: Uint8Array): Readonly<Record<string, unknown>> {
  if (params.length > PARAMS_BYTES_MAX) throw invalid("params", "parameters are too long");
  let value: unknown;
  try {
    value = decodeCanonicalJson(params);
  } catch (cause) {
    throw new CodedError("INPUT_INVALID", {message: "The parameters are not canonical JSON.", cause});
  }
  if (!isRecord(value)) throw invalid("params", "parameters are an object");
  return value;
}

function invalid(field: string, reason: string): CodedError {
  return new CodedError("INPUT_INVALID", {
    message: `The parameters do not fit: ${reason}.`,
    evidence: {field},
  });
}
