/**
 * Trains the text model on Moby Dick with nothing but ONNX Runtime: `node scripts/models/trainText.mjs [steps]`.
 * Writes models/text.onnx, models/text.vocabulary.json and models/text.training.json. A given seed and
 * machine class gives the same weights. Five to ten minutes of one core.
 */
import {createHash} from "node:crypto";
import {mkdirSync, writeFileSync} from "node:fs";
import {fileURLToPath} from "node:url";

process.env.ORT_DISABLE_TELEMETRY = "1"; // Before the runtime loads: it would phone home.
const ort = await import("onnxruntime-node");
const {AutodiffGraph} = await import("./onnx/autodiffGraph.mjs");
const {readCorpus} = await import("./text/corpus.mjs");
const {generationModel, parameterShapes, trainingLogits} = await import("./text/gpt.mjs");

const HYPER = {
  width: 128,
  heads: 4,
  layers: 3,
  context: 96,
  batch: 12,
  learningRate: 2.5e-3,
  warmup: 100,
  seed: 1851,
};
const BETA = [0.9, 0.99];
const EPSILON = 1e-8;
const steps = Number(process.argv[2] ?? 4500);
const models = fileURLToPath(new URL("../../models/", import.meta.url));

const corpus = readCorpus();
const architecture = {...HYPER, vocabulary: corpus.characters.length};
const shapes = parameterShapes(architecture);
const names = Object.keys(shapes);
const size = (shape) => shape.reduce((total, each) => total * each, 1);
const random = mulberry32(HYPER.seed);

/** A small seeded generator: training must be repeatable. */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function gaussian() {
  return Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
}

function initialWeights(name) {
  const shape = shapes[name];
  if (shape.length === 1) return new Float32Array(shape[0]).fill(name.includes("Scale") ? 1 : 0);
  const isResidual = name.startsWith("attentionOut") || name.startsWith("project");
  const isTable = name === "embedding" || name === "position";
  const deviation = isTable
    ? 0.05
    : 0.7 / Math.sqrt(shape[0]) / (isResidual ? Math.sqrt(2 * HYPER.layers) : 1);
  return Float32Array.from({length: size(shape)}, () => deviation * gaussian());
}

/** Forward, gradients and one Adam step as one graph. */
function trainingModel() {
  const graph = new AutodiffGraph();
  const inputs = (suffix) =>
    Object.fromEntries(names.map((name) => [name, graph.input(`${name}${suffix}`, "float32", shapes[name])]));
  const [weights, means, squares] = [inputs(""), inputs(":mean"), inputs(":square")];
  const tokens = graph.input("tokens", "int64", [HYPER.batch, HYPER.context]);
  const labels = graph.input("labels", "int64", [HYPER.batch, HYPER.context]);
  const [rate, meanScale, squareScale] = ["rate", "meanScale", "squareScale"].map((n) =>
    graph.input(n, "float32", []),
  );
  const loss = graph.crossEntropy(trainingLogits(graph, weights, tokens, architecture), labels);
  const gradients = graph.gradients(
    loss,
    names.map((name) => weights[name]),
  );
  const blend = (old, fresh, beta) =>
    graph.add(graph.mul(graph.scalar(beta), old), graph.mul(graph.scalar(1 - beta), fresh));
  names.forEach((name, i) => {
    const mean = blend(means[name], gradients[i], BETA[0]);
    const square = blend(squares[name], graph.mul(gradients[i], gradients[i]), BETA[1]);
    const deviation = graph.add(graph.sqrt(graph.mul(square, squareScale)), graph.scalar(EPSILON));
    const update = graph.div(graph.mul(mean, meanScale), deviation);
    graph.output(graph.sub(weights[name], graph.mul(rate, update)), `${name}:new`);
    graph.output(mean, `${name}:mean:new`);
    graph.output(square, `${name}:square:new`);
  });
  graph.output(loss, "loss");
  return graph.encode("train");
}

function batchOf(ids) {
  const {batch, context} = HYPER;
  const [tokens, labels] = [new BigInt64Array(batch * context), new BigInt64Array(batch * context)];
  for (let row = 0; row < batch; row++) {
    const start = Math.floor(random() * (ids.length - context - 1));
    for (let at = 0; at < context; at++) {
      tokens[row * context + at] = BigInt(ids[start + at]);
      labels[row * context + at] = BigInt(ids[start + at + 1]);
    }
  }
  const dims = [batch, context];
  return {tokens: new ort.Tensor("int64", tokens, dims), labels: new ort.Tensor("int64", labels, dims)};
}

const sessionOptions = {intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3};
const scalar = (value) => new ort.Tensor("float32", [value], []);
const session = await ort.InferenceSession.create(trainingModel(), sessionOptions);
let state = {};
for (const name of names) {
  const zeros = () => new ort.Tensor("float32", new Float32Array(size(shapes[name])), shapes[name]);
  Object.assign(state, {
    [name]: new ort.Tensor("float32", initialWeights(name), shapes[name]),
    [`${name}:mean`]: zeros(),
    [`${name}:square`]: zeros(),
  });
}

/** Mean loss over a fixed set of held-out batches. */
async function heldOutLoss() {
  let total = 0;
  const rates = {rate: scalar(0), meanScale: scalar(1), squareScale: scalar(1)};
  for (const batch of heldOutBatches)
    total += (await session.run({...state, ...batch, ...rates})).loss.data[0];
  return total / heldOutBatches.length;
}

const heldOutBatches = Array.from({length: 8}, () => batchOf(corpus.heldOut));
const started = performance.now();
const history = [];
let smooth;
for (let step = 1; step <= steps; step++) {
  const cosine = 0.05 + 0.95 * 0.5 * (1 + Math.cos((Math.PI * step) / steps));
  const rate = HYPER.learningRate * Math.min(1, step / HYPER.warmup) * cosine;
  const scales = {
    meanScale: scalar(1 / (1 - BETA[0] ** step)),
    squareScale: scalar(1 / (1 - BETA[1] ** step)),
  };
  const result = await session.run({...state, ...batchOf(corpus.train), ...scales, rate: scalar(rate)});
  state = Object.fromEntries(Object.keys(state).map((key) => [key, result[`${key}:new`]]));
  const loss = result.loss.data[0];
  smooth = smooth === undefined ? loss : smooth * 0.98 + loss * 0.02;
  if (step % 250 === 0 || step === 1 || step === steps) {
    const line = {step, loss: round(smooth), heldOut: round(await heldOutLoss())};
    history.push(line);
    console.error(JSON.stringify({...line, seconds: Math.round((performance.now() - started) / 1000)}));
  }
}

function round(value) {
  return Math.round(value * 10_000) / 10_000;
}

/** The generation graph must say what the training graph says: compare the loss of one window. */
async function checkGeneration(bytes) {
  const generation = await ort.InferenceSession.create(bytes, sessionOptions);
  const [batch] = heldOutBatches;
  const labels = batch.labels.data;
  let total = 0;
  for (let row = 0; row < HYPER.batch; row++) {
    for (let at = 0; at < HYPER.context; at++) {
      const window = batch.tokens.data.slice(row * HYPER.context, row * HYPER.context + at + 1);
      const {logits} = await generation.run({tokens: new ort.Tensor("int64", window, [at + 1])});
      const values = Array.from(logits.data);
      const top = Math.max(...values);
      const log = top + Math.log(values.reduce((sum, value) => sum + Math.exp(value - top), 0));
      total += log - values[Number(labels[row * HYPER.context + at])];
    }
  }
  const rates = {rate: scalar(0), meanScale: scalar(1), squareScale: scalar(1)};
  const expected = (await session.run({...state, ...batch, ...rates})).loss.data[0];
  const actual = total / (HYPER.batch * HYPER.context);
  if (Math.abs(actual - expected) > 1e-3)
    throw new Error(`generation graph differs: ${actual} against ${expected}`);
}

const weights = Object.fromEntries(names.map((name) => [name, state[name].data]));
const model = generationModel(weights, architecture);
await checkGeneration(model);
mkdirSync(models, {recursive: true});
writeFileSync(`${models}text.onnx`, model);
const vocabulary = {v: 1, context: HYPER.context, characters: corpus.characters.join("")};
writeFileSync(`${models}text.vocabulary.json`, `${JSON.stringify(vocabulary)}\n`);
const sha256 = createHash("sha256").update(model).digest("hex");
const training = {
  v: 1,
  script: "scripts/models/trainText.mjs",
  steps,
  hyper: HYPER,
  parameters: names.reduce((n, name) => n + size(shapes[name]), 0),
  history,
  sha256,
};
writeFileSync(`${models}text.training.json`, `${JSON.stringify(training, null, 2)}\n`);
console.error(`models/text.onnx ${model.length} bytes, sha256 ${sha256}`);
