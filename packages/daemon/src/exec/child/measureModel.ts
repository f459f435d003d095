/**
 * Counts the multiply-accumulates of runs with given shapes, from the runtime's own profile with graph
 * optimisation off: it lists every node that ran with the shapes of its inputs and outputs, so control
 * flow and computed shapes are counted as they happen, the same on every machine.
 */
import {mkdtemp, readdir, readFile, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import {isRecord} from "@catalyze/core/primitives/canonicalJson";
import {TENSOR_TYPE_BYTES, type Tensor} from "@catalyze/core/task/tensors";
import type {MadeTensor} from "../protocol.ts";
import {toOnnx} from "./onnxTensors.ts";
import {openModel, runModel, runtime} from "./runtime.ts";

type Shape = readonly number[];
type NodeShapes = {readonly inputs: readonly Shape[]; readonly outputs: readonly Shape[]};
type Count = (shapes: NodeShapes) => number;

const product = (shape: Shape) => shape.reduce((total, size) => total * size, 1);

/** Output elements × weights that each one uses; `at` is where the weights are among the inputs. */
const convolution =
  (at: number): Count =>
  ({inputs, outputs}) =>
    product(outputs[0] ?? []) * product((inputs[at] ?? []).slice(1));
const multiplication: Count = ({inputs, outputs}) => product(outputs[0] ?? []) * (inputs[0]?.at(-1) ?? 0);
/** Either operand may be transposed: what is summed over is what the output's rows leave of the first. */
const gemm: Count = ({inputs, outputs}) => {
  const rows = outputs[0]?.[0] ?? 0;
  return rows === 0 ? 0 : product(outputs[0] ?? []) * (product(inputs[0] ?? []) / rows);
};
/** Steps × batch × weights of input and recurrence. */
const recurrent: Count = ({inputs}) =>
  product((inputs[0] ?? []).slice(0, 2)) * (product(inputs[1] ?? []) + product(inputs[2] ?? []));

const COUNTED: Readonly<Record<string, Count>> = {
  Conv: convolution(1),
  FusedConv: convolution(1),
  ConvInteger: convolution(1),
  QLinearConv: convolution(3),
  ConvTranspose: ({inputs}) => product(inputs[0] ?? []) * product((inputs[1] ?? []).slice(1)),
  MatMul: multiplication,
  FusedMatMul: multiplication,
  MatMulInteger: multiplication,
  QLinearMatMul: multiplication,
  Gemm: gemm,
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};

/** Heavy operators whose work these shapes do not tell: better to refuse than to sell below cost. */
const UNCOUNTABLE = new Set([
  "Einsum",
  "Attention",
  "MultiHeadAttention",
  "GroupQueryAttention",
  "MatMulNBits",
  "DeformConv",
]);

/** MAC of each point. Throws `MODEL_INVALID`, `MODEL_METER_UNKNOWN`, `EXECUTOR_FAILED`. */
export async function measureModel(
  model: Uint8Array,
  points: readonly (readonly MadeTensor[])[],
): Promise<readonly bigint[]> {
  const folder = await mkdtemp(join(tmpdir(), "ctz-measure-"));
  try {
    const counts: bigint[] = [];
    for (const [index, point] of points.entries())
      counts.push(await measurePoint(model, point, join(folder, `${index}`)));
    return counts;
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

async function measurePoint(
  model: Uint8Array,
  point: readonly MadeTensor[],
  prefix: string,
): Promise<bigint> {
  const ort = await runtime();
  const session = await openModel(model, {profilePrefix: prefix});
  try {
    await runModel(
      session,
      Object.fromEntries(point.map((tensor) => [tensor.name, toOnnx(ort, fill(tensor))])),
    );
    session.endProfiling();
  } finally {
    await session.release();
  }
  const folder = join(prefix, "..");
  const name = (await readdir(folder)).find((each) => each.startsWith(`${prefix.slice(folder.length + 1)}_`));
  if (name === undefined)
    throw new CodedError("EXECUTOR_FAILED", {evidence: {reason: "no profile was written"}});
  return countMac(JSON.parse(await readFile(join(folder, name), "utf8")));
}

function countMac(events: unknown): bigint {
  let total = 0n;
  for (const event of Array.isArray(events) ? events : []) {
    const args = isRecord(event) && event["cat"] === "Node" ? event["args"] : undefined;
    if (!isRecord(args) || !("output_type_shape" in args)) continue;
    const op = String(args["op_name"]);
    if (UNCOUNTABLE.has(op)) throw new CodedError("MODEL_METER_UNKNOWN", {evidence: {op}});
    const count = COUNTED[op];
    if (count === undefined) continue;
    const shapes = {inputs: shapesOf(args["input_type_shape"]), outputs: shapesOf(args["output_type_shape"])};
    total += BigInt(count(shapes));
  }
  return total;
}

/** `[{"float": [1, 3]}, …]` */
function shapesOf(list: unknown): readonly Shape[] {
  return Array.isArray(list) ? list.map((each) => Object.values(each as Record<string, Shape>)[0] ?? []) : [];
}

function fill({name, type, dims, fill: value}: MadeTensor): Tensor {
  const width = TENSOR_TYPE_BYTES[type];
  const data = new Uint8Array(product(dims) * width);
  const view = new DataView(data.buffer);
  for (let at = 0; at < data.length; at += width) {
    if (type === "float32") view.setFloat32(at, value, true);
    else if (type === "float64") view.setFloat64(at, value, true);
    else if (type === "int64") view.setBigInt64(at, BigInt(Math.trunc(value)), true);
    else if (type === "int32") view.setInt32(at, Math.trunc(value), true);
    else view.setUint8(at, Math.trunc(value));
  }
  return {name, type, dims, data};
}
