/**
 * A small writer of ONNX files over onnx-proto. onnx-proto knows the schema of ONNX 1.10; IR version 8
 * and opset 17 are newer but add no field that is used here, so they are set by hand.
 */
import onnxProto from "onnx-proto";

const {onnx} = onnxProto;

const ELEMENT_TYPE = {float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float64: 11};
const {AttributeType} = onnx.AttributeProto;

/** An initializer: a named constant tensor from a typed array. */
export function tensor(name, type, dims, data) {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return {name, dataType: ELEMENT_TYPE[type], dims, rawData};
}

export function float32(name, dims, values) {
  return tensor(name, "float32", dims, Float32Array.from(values));
}

export function int64(name, dims, values) {
  return tensor(name, "int64", dims, BigInt64Array.from(values, BigInt));
}

/** A graph input or output; a string in `shape` is a symbolic size. */
export function valueInfo(name, type, shape) {
  const dim = shape.map((size) => (typeof size === "string" ? {dimParam: size} : {dimValue: size}));
  return {name, type: {tensorType: {elemType: ELEMENT_TYPE[type], shape: {dim}}}};
}

/** Attributes: an integer, `{float}`, a string, or a list of integers. */
export function node(opType, input, output, attributes = {}) {
  const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
  return {opType, domain: "", input, output, name: `${opType}:${output[0]}`, attribute};
}

function attributeOf(name, value) {
  if (typeof value === "number") return {name, type: AttributeType.INT, i: value};
  if (typeof value === "string")
    return {name, type: AttributeType.STRING, s: new TextEncoder().encode(value)};
  if (Array.isArray(value)) return {name, type: AttributeType.INTS, ints: value};
  return {name, type: AttributeType.FLOAT, f: value.float};
}

/** The bytes of a model file. Nodes must be in an order in which every input is known. */
export function encodeModel({name, nodes, inputs, outputs, initializers}) {
  const model = onnx.ModelProto.create({
    irVersion: 8,
    producerName: "catalyze",
    opsetImport: [{domain: "", version: 17}],
    graph: {name, node: nodes, input: inputs, output: outputs, initializer: initializers},
  });
  return Buffer.from(onnx.ModelProto.encode(model).finish());
}
