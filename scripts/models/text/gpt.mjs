/**
 * The text model: a small decoder-only transformer over characters. The same architecture twice: a
 * static batch graph for training, and a graph of any length that returns the logits of the last
 * position for generation. `trainText.mjs` checks that both agree.
 */
import {encodeModel, float32, int64, node, tensor, valueInfo} from "../onnx/onnxModel.mjs";

export const LAYER_NORM_EPSILON = 1e-5;

/** Shapes of all parameters, in a fixed order. */
export function parameterShapes({vocabulary, width, layers, context}) {
  const shapes = {embedding: [vocabulary, width], position: [context, width]};
  for (let layer = 0; layer < layers; layer++) {
    Object.assign(shapes, {
      [`norm1Scale${layer}`]: [width],
      [`norm1Shift${layer}`]: [width],
      [`attentionIn${layer}`]: [width, 3 * width],
      [`attentionOut${layer}`]: [width, width],
      [`norm2Scale${layer}`]: [width],
      [`norm2Shift${layer}`]: [width],
      [`hidden${layer}`]: [width, 4 * width],
      [`project${layer}`]: [4 * width, width],
    });
  }
  return {...shapes, normScale: [width], normShift: [width], unembedding: [width, vocabulary]};
}

/** 0 where a position may look, a large negative number where it may not. */
function causalMask(context) {
  return Array.from({length: context * context}, (_, i) =>
    i % context > Math.floor(i / context) ? -1e9 : 0,
  );
}

/** Logits `[batch, context, vocabulary]` in an `AutodiffGraph`. */
export function trainingLogits(graph, parameters, tokens, {width, heads, layers, context, batch}) {
  const p = parameters;
  const headWidth = width / heads;
  const mask = graph.constant([context, context], causalMask(context));
  const norm = (x, scale, shift) => graph.layerNorm(x, scale, shift, LAYER_NORM_EPSILON);
  let x = graph.add(graph.gather(p.embedding, tokens), p.position);
  for (let layer = 0; layer < layers; layer++) {
    const before = norm(x, p[`norm1Scale${layer}`], p[`norm1Shift${layer}`]);
    const joined = graph.reshape(graph.matmul(before, p[`attentionIn${layer}`]), [
      batch,
      context,
      3,
      heads,
      headWidth,
    ]);
    const split = graph.transpose(joined, [2, 0, 3, 1, 4]);
    const [query, key, value] = [0, 1, 2].map((part) => graph.pick(split, part));
    const scores = graph.mul(
      graph.matmul(query, graph.transpose(key, [0, 1, 3, 2])),
      graph.scalar(headWidth ** -0.5),
    );
    const mixed = graph.matmul(graph.softmax(graph.add(scores, mask)), value);
    const heard = graph.reshape(graph.transpose(mixed, [0, 2, 1, 3]), [batch, context, width]);
    x = graph.add(x, graph.matmul(heard, p[`attentionOut${layer}`]));
    const again = norm(x, p[`norm2Scale${layer}`], p[`norm2Shift${layer}`]);
    x = graph.add(
      x,
      graph.matmul(graph.relu(graph.matmul(again, p[`hidden${layer}`])), p[`project${layer}`]),
    );
  }
  return graph.matmul(norm(x, p.normScale, p.normShift), p.unembedding);
}

/** The model file for generation: `tokens` int64 `[length]` in, `logits` float32 `[vocabulary]` of the last. */
export function generationModel(weights, {vocabulary, width, heads, layers, context}) {
  const nodes = [];
  const initializers = Object.entries(parameterShapes({vocabulary, width, layers, context})).map(
    ([name, shape]) => tensor(name, "float32", shape, weights[name]),
  );
  const emit = (op, inputs, name, attributes) => {
    nodes.push(node(op, inputs, [name], attributes));
    return name;
  };
  const headWidth = width / heads;
  initializers.push(
    float32("mask", [context, context], causalMask(context)),
    float32("attentionScale", [], [headWidth ** -0.5]),
    int64("splitShape", [4], [-1, 3, heads, headWidth]),
    int64("joinShape", [2], [-1, width]),
    int64("zero", [1], [0]),
    int64("one", [1], [1]),
    int64("two", [1], [2]),
    int64("last", [], [-1]),
    int64("bothAxes", [2], [0, 1]),
    int64("twoZeros", [2], [0, 0]),
    ...[0, 1, 2].map((part) => int64(`part${part}`, [], [part])),
  );

  emit("Shape", ["tokens"], "length");
  emit("Concat", ["length", "length"], "square", {axis: 0});
  emit("Slice", ["mask", "twoZeros", "square", "bothAxes"], "maskHere");
  emit("Slice", ["position", "zero", "length", "zero"], "positionHere");
  emit("Gather", ["embedding", "tokens"], "embedded", {axis: 0});
  let x = emit("Add", ["embedded", "positionHere"], "x");

  const norm = (input, scale, shift, name) =>
    emit("LayerNormalization", [input, scale, shift], name, {axis: -1, epsilon: {float: LAYER_NORM_EPSILON}});
  for (let layer = 0; layer < layers; layer++) {
    const at = (name) => `${name}@${layer}`;
    norm(x, `norm1Scale${layer}`, `norm1Shift${layer}`, at("before"));
    emit("MatMul", [at("before"), `attentionIn${layer}`], at("joined"));
    emit("Reshape", [at("joined"), "splitShape"], at("split"));
    for (const [part, name] of ["query", "key", "value"].entries()) {
      emit("Gather", [at("split"), `part${part}`], at(`${name}Rows`), {axis: 1});
      emit("Transpose", [at(`${name}Rows`)], at(name), {perm: name === "key" ? [1, 2, 0] : [1, 0, 2]});
    }
    emit("MatMul", [at("query"), at("key")], at("rawScores"));
    emit("Mul", [at("rawScores"), "attentionScale"], at("scores"));
    emit("Add", [at("scores"), "maskHere"], at("masked"));
    emit("Softmax", [at("masked")], at("weights"), {axis: -1});
    emit("MatMul", [at("weights"), at("value")], at("mixed"));
    emit("Transpose", [at("mixed")], at("mixedRows"), {perm: [1, 0, 2]});
    emit("Reshape", [at("mixedRows"), "joinShape"], at("heard"));
    emit("MatMul", [at("heard"), `attentionOut${layer}`], at("attended"));
    const middle = emit("Add", [x, at("attended")], at("middle"));
    norm(middle, `norm2Scale${layer}`, `norm2Shift${layer}`, at("again"));
    emit("MatMul", [at("again"), `hidden${layer}`], at("hiddenRaw"));
    emit("Relu", [at("hiddenRaw")], at("hidden"));
    emit("MatMul", [at("hidden"), `project${layer}`], at("projected"));
    x = emit("Add", [middle, at("projected")], at("out"));
  }
  emit("Gather", [x, "last"], "lastRow", {axis: 0});
  norm("lastRow", "normScale", "normShift", "lastNormed");
  emit("MatMul", ["lastNormed", "unembedding"], "logits");

  const used = new Set(nodes.flatMap((each) => each.input));
  return encodeModel({
    name: "text",
    nodes,
    inputs: [valueInfo("tokens", "int64", ["length"])],
    outputs: [valueInfo("logits", "float32", [vocabulary])],
    initializers: initializers.filter((initializer) => used.has(initializer.name)),
  });
}
