/**
 * How a class counts its work. MAC counts come from the graph and the shapes that ran: per model a
 * polynomial in named sizes (rows, columns, tokens), fitted exactly when the model is added.
 */
import {CodedError} from "../errors/codedError.ts";
import {isRecord} from "../primitives/canonicalJson.ts";

/** `coefficient × Π size^power`. The coefficient is a decimal integer and may be negative. */
export type MeterTerm = {readonly coefficient: string; readonly powers: Readonly<Record<string, number>>};

/** Per model file name, the MAC of one run. For `unit: "token"` there are no models: tokens are counted. */
export type Meter = {readonly models: Readonly<Record<string, readonly MeterTerm[]>>};

export type Sizes = Readonly<Record<string, number>>;

const MODELS_MAX = 8;
/** Three powers in each of three sizes. */
const TERMS_MAX = 27;
const POWER_MAX = 2;
const SIZE_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const COEFFICIENT = /^-?[1-9][0-9]{0,17}$/;
const SIZE_MAX = 2 ** 31;

/** MAC of one run of `modelName`. Throws `MODEL_METER_UNKNOWN` when the meter does not cover it. */
export function macOf(meter: Meter, modelName: string, sizes: Sizes): bigint {
  const terms = Object.hasOwn(meter.models, modelName) ? meter.models[modelName] : undefined;
  if (terms === undefined) throw unknown(modelName);
  let total = 0n;
  for (const {coefficient, powers} of terms) {
    let product = BigInt(coefficient);
    for (const [name, power] of Object.entries(powers)) {
      const size = Object.hasOwn(sizes, name) ? sizes[name] : undefined;
      if (size === undefined || !Number.isInteger(size) || size < 0 || size > SIZE_MAX) throw unknown(name);
      product *= BigInt(size) ** BigInt(power);
    }
    total += product;
  }
  // A polynomial fitted on a few sizes may dip below zero far from them; work is never negative.
  return total < 0n ? 0n : total;
}

/** Throws `DECODE_INVALID` unless `value` is a bounded meter over these model files. */
export function checkMeter(value: unknown, files: readonly string[]): asserts value is Meter {
  if (!isRecord(value) || Object.keys(value).length !== 1 || !isRecord(value["models"])) throw invalid();
  const models = Object.entries(value["models"]);
  if (models.length > MODELS_MAX) throw invalid();
  for (const [name, terms] of models) {
    if (!files.includes(name) || !Array.isArray(terms) || terms.length > TERMS_MAX) throw invalid();
    for (const term of terms) checkTerm(term);
  }
}

function checkTerm(term: unknown): void {
  if (!isRecord(term) || Object.keys(term).length !== 2) throw invalid();
  const {coefficient, powers} = term;
  if (typeof coefficient !== "string" || !COEFFICIENT.test(coefficient) || !isRecord(powers)) throw invalid();
  for (const [name, power] of Object.entries(powers)) {
    const isPower = Number.isInteger(power) && (power as number) >= 1 && (power as number) <= POWER_MAX;
    if (!SIZE_NAME.test(name) || !isPower) throw invalid();
  }
}

function invalid(): CodedError {
  return new CodedError("DECODE_INVALID", {
    message: "The manifest is not valid.",
    evidence: {reason: "meter"},
  });
}

function unknown(name: string): CodedError {
  return new CodedError("MODEL_METER_UNKNOWN", {evidence: {name}});
}
