/** Tensors of a task to tensors of the runtime and back. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {TENSOR_TYPES, type TensorType} from "@catalyze/core/task/manifest";
import type {Tensor as TaskTensor} from "@catalyze/core/task/tensors";
import type {Runtime} from "./runtime.ts";

type OnnxTensor = InstanceType<Runtime["Tensor"]>;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
} as const satisfies Record<TensorType, unknown>;

/** The bytes are little-endian, as is every machine that the runtime supports. */
export function toOnnx({Tensor}: Runtime, {type, dims, data}: TaskTensor): OnnxTensor {
  // A copy: a typed array needs its own alignment.
  const {buffer} = data.slice();
  return new Tensor(type, new ARRAYS[type](buffer) as never, [...dims]);
}

/** Throws `MODEL_INVALID` for element types that have no form here. */
export function fromOnnx(name: string, tensor: OnnxTensor): TaskTensor {
  const type = tensorType(tensor.type);
  if (type === undefined) throw unsupported(name, tensor.type);
  const values = tensor.data as Uint8Array;
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return {name, type, dims: tensor.dims, data};
}

export function tensorType(type: string): TensorType | undefined {
  return TENSOR_TYPES.find((each) => each === type);
}

export function unsupported(name: string, type: string): CodedError {
  const message = `The model's ${name} has element type ${type}, which cannot be passed.`;
  return new CodedError("MODEL_INVALID", {message, evidence: {name, type}});
}
