/**
 * Tensors as bytes, for inputs and outputs of kind `tensors`: `CTZT`, version, count, then per tensor
 * name, type, dims and little-endian data. Canonical: sorted by name, no padding, no trailing bytes.
 */
import {CodedError} from "../errors/codedError.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {equalBytes, fromUtf8, utf8} from "../primitives/bytes.ts";
import {isRecord} from "../primitives/canonicalJson.ts";
import {TENSOR_TYPES, type TensorType} from "./manifest.ts";

export type Tensor = {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly number[];
  /** Little-endian, row-major. */
  readonly data: Uint8Array;
};

export const TENSOR_TYPE_BYTES = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  uint8: 1,
  int8: 1,
  bool: 1,
} as const satisfies Record<TensorType, number>;

const MAGIC = utf8("CTZT");
const VERSION = 1;
const TENSORS_MAX = 32;
const RANK_MAX = 8;
const NAME_BYTES_MAX = 512;

export function encodeTensors(tensors: readonly Tensor[]): Uint8Array {
  const ordered = [...tensors].sort((left, right) => (left.name < right.name ? -1 : 1));
  const writer = new ByteWriter().raw(MAGIC).u8(VERSION).u16(ordered.length);
  for (const {name, type, dims, data} of ordered) {
    writer.bytes(utf8(name)).u8(TENSOR_TYPES.indexOf(type)).u8(dims.length);
    for (const dim of dims) writer.u32(dim);
    writer.bytes(data);
  }
  return writer.finish();
}

/** Throws `INPUT_INVALID`: these bytes come from a user or a peer. */
export function decodeTensors(bytes: Uint8Array): readonly Tensor[] {
  try {
    return readTensors(bytes);
  } catch (cause) {
    const message = "The input is not a tensor file: pass JSON or the CTZT format.";
    throw new CodedError("INPUT_INVALID", {message, cause});
  }
}

/** `{"x": {"type": "float32", "dims": [1, 2], "data": [0.5, 1]}}`. Throws `INPUT_INVALID`. */
export function tensorsFromJson(value: unknown): readonly Tensor[] {
  if (!isRecord(value)) throw invalidJson("an object of tensors was expected");
  return Object.entries(value).map(([name, raw]) => {
    if (!isRecord(raw)) throw invalidJson(`tensor ${name}`);
    const {type, dims, data} = raw;
    if (!isTensorType(type)) throw invalidJson(`tensor ${name}: type`);
    if (!Array.isArray(dims) || dims.length > RANK_MAX || !dims.every(isSize))
      throw invalidJson(`tensor ${name}: dims`);
    if (!Array.isArray(data) || data.length !== elements(dims)) throw invalidJson(`tensor ${name}: data`);
    return {name, type, dims, data: packNumbers(type, data, name)};
  });
}

/** Numbers of a tensor; int64 as decimal strings, because JSON numbers lose digits. */
export function tensorValues({type, data}: Tensor): readonly (number | string | boolean)[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = data.length / TENSOR_TYPE_BYTES[type];
  return Array.from({length: count}, (_, index) => readNumber(view, type, index * TENSOR_TYPE_BYTES[type]));
}

function readTensors(bytes: Uint8Array): readonly Tensor[] {
  const reader = new ByteReader(bytes);
  if (!equalBytes(reader.raw(MAGIC.length), MAGIC) || reader.u8() !== VERSION) throw invalidJson("magic");
  const count = reader.count(reader.u16(), TENSORS_MAX);
  const tensors: Tensor[] = [];
  for (let index = 0; index < count; index++) {
    const name = fromUtf8(reader.bytes(NAME_BYTES_MAX));
    const type = TENSOR_TYPES[reader.u8()];
    const dims = Array.from({length: reader.count(reader.u8(), RANK_MAX)}, () => reader.u32());
    const data = reader.bytes(bytes.length);
    if (type === undefined || data.length !== elements(dims) * TENSOR_TYPE_BYTES[type])
      throw invalidJson("length");
    const before = tensors.at(-1);
    if (before !== undefined && before.name >= name) throw invalidJson("order");
    tensors.push({name, type, dims, data});
  }
  reader.finish();
  return tensors;
}

function packNumbers(type: TensorType, values: readonly unknown[], name: string): Uint8Array {
  const data = new Uint8Array(values.length * TENSOR_TYPE_BYTES[type]);
  const view = new DataView(data.buffer);
  for (const [index, value] of values.entries()) {
    if (!isNumeric(value)) throw invalidJson(`tensor ${name}: element ${index}`);
    writeNumber(view, type, index * TENSOR_TYPE_BYTES[type], value);
  }
  return data;
}

function writeNumber(view: DataView, type: TensorType, at: number, value: number | string | boolean): void {
  if (type === "float32") view.setFloat32(at, Number(value), true);
  else if (type === "float64") view.setFloat64(at, Number(value), true);
  else if (type === "int64") view.setBigInt64(at, BigInt(value), true);
  else if (type === "int32") view.setInt32(at, Number(value), true);
  else view.setUint8(at, Number(value) & 0xff);
}

function readNumber(view: DataView, type: TensorType, at: number): number | string | boolean {
  if (type === "float32") return view.getFloat32(at, true);
  if (type === "float64") return view.getFloat64(at, true);
  if (type === "int64") return view.getBigInt64(at, true).toString();
  if (type === "int32") return view.getInt32(at, true);
  if (type === "int8") return view.getInt8(at);
  return type === "bool" ? view.getUint8(at) !== 0 : view.getUint8(at);
}

function elements(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

function isTensorType(value: unknown): value is TensorType {
  return (TENSOR_TYPES as readonly unknown[]).includes(value);
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
}

function isNumeric(value: unknown): value is number | string | boolean {
  return (
    typeof value === "number" ||
    typeof value === "boolean" ||
    (typeof value === "string" && /^-?\d{1,19}$/.test(value))
  );
}

function invalidJson(what: string): CodedError {
  return new CodedError("INPUT_INVALID", {message: `The tensors cannot be read (${what}).`});
}
