/**
 * Reverse-mode differentiation that emits a graph: forward pass, gradients and optimiser step become
 * one ordinary ONNX model, so training is inference of that model with the weights as inputs and
 * outputs. Every operation below appends its ONNX node at once and remembers how to append the nodes
 * of its gradient. Shapes are static. Embedding gradients are OneHot × MatMul, not ScatterND, because
 * the former is deterministic.
 */

import {Value} from "./graphValue.mjs";
import {encodeModel, float32, int64, node, valueInfo} from "./onnxModel.mjs";

const product = (sizes) => sizes.reduce((total, size) => total * size, 1);
const sameShape = (left, right) => left.length === right.length && left.every((size, i) => size === right[i]);

export class AutodiffGraph {
  #nodes = [];
  #initializers = [];
  #inputs = [];
  #outputs = [];
  #constants = new Map();
  #count = 0;

  input(name, type, shape) {
    this.#inputs.push(valueInfo(name, type, shape));
    return new Value(name, shape);
  }

  output(value, name) {
    this.#nodes.push(node("Identity", [value.name], [name]));
    this.#outputs.push(valueInfo(name, "float32", value.shape));
  }

  scalar(value) {
    return this.#constant(`f${value}`, [], (name) => float32(name, [], [value]));
  }

  constant(shape, values) {
    const name = this.#name("const");
    this.#initializers.push(float32(name, shape, values));
    return new Value(name, shape);
  }

  add(a, b) {
    return this.#binary("Add", a, b, (g) => [g, g]);
  }

  sub(a, b) {
    return this.#binary("Sub", a, b, (g) => [g, this.neg(g)]);
  }

  mul(a, b) {
    return this.#binary("Mul", a, b, (g) => [this.mul(g, b), this.mul(g, a)]);
  }

  div(a, b) {
    const out = this.#binary("Div", a, b, (g) => [this.div(g, b), this.neg(this.div(this.mul(g, out), b))]);
    return out;
  }

  neg(a) {
    return this.#emit("Neg", [a], a.shape, {parents: [a], backward: (g) => [this.neg(g)]});
  }

  sqrt(a) {
    const backward = (g) => [this.div(g, this.mul(this.scalar(2), out))];
    const out = this.#emit("Sqrt", [a], a.shape, {parents: [a], backward});
    return out;
  }

  relu(a) {
    const backward = (g) => {
      const positive = this.#emit("Greater", [a, this.scalar(0)], a.shape);
      return [this.mul(g, this.#emit("Cast", [positive], a.shape, {attributes: {to: 1}}))];
    };
    return this.#emit("Relu", [a], a.shape, {parents: [a], backward});
  }

  reshape(a, shape) {
    return this.#emit("Reshape", [a, this.#integers(shape)], shape, {
      parents: [a],
      backward: (g) => [this.reshape(g, a.shape)],
    });
  }

  transpose(a, perm) {
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return this.#emit(
      "Transpose",
      [a],
      perm.map((axis) => a.shape[axis]),
      {
        attributes: {perm},
        parents: [a],
        backward: (g) => [this.transpose(g, inverse)],
      },
    );
  }

  /** `b` has as many dimensions as `a`, or two: then it is shared by the whole batch. */
  matmul(a, b) {
    const outShape = [...a.shape.slice(0, -1), b.shape.at(-1)];
    const flat = (value) => this.reshape(value, [product(value.shape.slice(0, -1)), value.shape.at(-1)]);
    const backward = (g) => {
      const isShared = b.shape.length === 2 && a.shape.length > 2;
      const left = this.matmul(g, this.#transposeLast(b));
      const right = isShared
        ? this.matmul(this.#transposeLast(flat(a)), flat(g))
        : this.matmul(this.#transposeLast(a), g);
      return [left, right];
    };
    return this.#emit("MatMul", [a, b], outShape, {parents: [a, b], backward});
  }

  /** Sum over `axes`, which stay as size 1. */
  sum(a, axes) {
    const shape = a.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    return this.#emit("ReduceSum", [a, this.#integers(axes)], shape, {
      attributes: {keepdims: 1},
      parents: [a],
      backward: (g) => [this.#emit("Expand", [g, this.#integers(a.shape)], a.shape)],
    });
  }

  softmax(a) {
    const axis = a.shape.length - 1;
    const backward = (g) => [this.mul(out, this.sub(g, this.sum(this.mul(g, out), [axis])))];
    const out = this.#emit("Softmax", [a], a.shape, {attributes: {axis: -1}, parents: [a], backward});
    return out;
  }

  layerNorm(x, scale, shift, epsilon) {
    const axis = x.shape.length - 1;
    const mean = (value) => this.mul(this.sum(value, [axis]), this.scalar(1 / x.shape[axis]));
    const centred = this.sub(x, mean(x));
    const deviation = this.sqrt(this.add(mean(this.mul(centred, centred)), this.scalar(epsilon)));
    return this.add(this.mul(this.div(centred, deviation), scale), shift);
  }

  /** Rows of `table` at integer `indices`. */
  gather(table, indices) {
    const count = product(indices.shape);
    const width = table.shape[1];
    const backward = (g) => {
      const rows = this.#oneHot(this.reshape(indices, [count]), table.shape[0]);
      return [this.matmul(this.#transposeLast(rows), this.reshape(g, [count, width]))];
    };
    return this.#emit("Gather", [table, indices], [...indices.shape, width], {
      attributes: {axis: 0},
      parents: [table],
      backward,
    });
  }

  /** The part at `index` of the first axis, without that axis. */
  pick(a, index) {
    const rest = a.shape.slice(1);
    const zeros = a.shape.map(() => 0);
    const pads = [index, ...zeros.slice(1), a.shape[0] - 1 - index, ...zeros.slice(1)];
    const part = this.#emit("Gather", [a, this.#integers([index])], [1, ...rest], {
      attributes: {axis: 0},
      parents: [a],
      backward: (g) => [
        this.#emit("Pad", [g, this.#integers(pads)], a.shape, {attributes: {mode: "constant"}}),
      ],
    });
    return this.reshape(part, rest);
  }

  /** Mean cross entropy of rows of logits; its gradient is (softmax − one-hot) ÷ rows. */
  crossEntropy(logits, labels) {
    const rows = product(logits.shape.slice(0, -1));
    const classes = logits.shape.at(-1);
    const flat = this.reshape(logits, [rows, classes]);
    const target = this.#oneHot(this.reshape(labels, [rows]), classes);
    const logProbabilities = this.#emit("LogSoftmax", [flat], [rows, classes], {attributes: {axis: -1}});
    const picked = this.#emit("ReduceSum", [this.mul(logProbabilities, target)], [], {
      attributes: {keepdims: 0},
    });
    const scale = this.scalar(1 / rows);
    const backward = (g) => {
      const probabilities = this.#emit("Exp", [logProbabilities], [rows, classes]);
      return [this.mul(this.mul(this.sub(probabilities, target), scale), g)];
    };
    return this.#emit("Mul", [this.neg(picked), scale], [], {parents: [flat], backward});
  }

  /** Gradients of `loss` for each of `wanted`, as values of this graph. */
  gradients(loss, wanted) {
    const names = new Set(wanted.map((value) => value.name));
    const matters = new Map();
    const isNeeded = (value) => {
      const known = matters.get(value);
      if (known !== undefined) return known;
      const needed = names.has(value.name) || value.parents.map(isNeeded).some(Boolean);
      matters.set(value, needed);
      return needed;
    };
    isNeeded(loss);

    const order = [];
    const seen = new Set();
    const visit = (value) => {
      if (seen.has(value) || !isNeeded(value)) return;
      seen.add(value);
      for (const parent of value.parents) visit(parent);
      order.push(value);
    };
    visit(loss);

    const gradientOf = new Map([[loss.name, this.scalar(1)]]);
    for (const value of order.reverse()) {
      const gradient = gradientOf.get(value.name);
      if (gradient === undefined || value.backward === undefined) continue;
      const parts = value.backward(gradient);
      value.parents.forEach((parent, i) => {
        if (!isNeeded(parent)) return;
        const sum = gradientOf.get(parent.name);
        gradientOf.set(parent.name, sum === undefined ? parts[i] : this.add(sum, parts[i]));
      });
    }
    return wanted.map((value) => gradientOf.get(value.name));
  }

  /** The model file; nodes that no output needs are left out. */
  encode(name) {
    const wanted = new Set(this.#outputs.map((output) => output.name));
    const kept = [];
    for (const candidate of [...this.#nodes].reverse()) {
      if (!candidate.output.some((output) => wanted.has(output))) continue;
      kept.push(candidate);
      for (const input of candidate.input) wanted.add(input);
    }
    return encodeModel({
      name,
      nodes: kept.reverse(),
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: this.#initializers.filter((initializer) => wanted.has(initializer.name)),
    });
  }

  #binary(op, a, b, backward) {
    const rank = Math.max(a.shape.length, b.shape.length);
    const size = (shape, axis) => shape[shape.length - rank + axis] ?? 1;
    const shape = Array.from({length: rank}, (_, axis) => Math.max(size(a.shape, axis), size(b.shape, axis)));
    return this.#emit(op, [a, b], shape, {
      parents: [a, b],
      backward: (g) => backward(g).map((part, i) => this.#unbroadcast(part, [a, b][i].shape)),
    });
  }

  /** Sums a gradient over the axes along which its value was repeated. */
  #unbroadcast(gradient, shape) {
    if (sameShape(gradient.shape, shape)) return gradient;
    const missing = gradient.shape.length - shape.length;
    const axes = gradient.shape.flatMap((size, axis) =>
      axis < missing || (shape[axis - missing] === 1 && size !== 1) ? [axis] : [],
    );
    return this.reshape(this.sum(gradient, axes), shape);
  }

  #transposeLast(a) {
    const perm = a.shape.map((_, axis) => axis);
    perm.push(...perm.splice(-2).reverse());
    return this.transpose(a, perm);
  }

  #oneHot(indices, depth) {
    const depthOf = this.#constant(`d${depth}`, [], (name) => int64(name, [], [depth]));
    const values = this.#constant("offOn", [2], (name) => float32(name, [2], [0, 1]));
    return this.#emit("OneHot", [indices, depthOf, values], [...indices.shape, depth], {
      attributes: {axis: -1},
    });
  }

  #integers(values) {
    return this.#constant(`i${values.join()}`, [values.length], (name) =>
      int64(name, [values.length], values),
    );
  }

  #constant(key, shape, make) {
    let name = this.#constants.get(key);
    if (name === undefined) {
      name = this.#name("const");
      this.#initializers.push(make(name));
      this.#constants.set(key, name);
    }
    return new Value(name, shape);
  }

  #emit(op, inputs, shape, {attributes = {}, parents = [], backward = undefined} = {}) {
    const name = this.#name(op);
    this.#nodes.push(
      node(
        op,
        inputs.map((input) => input.name),
        [name],
        attributes,
      ),
    );
    return new Value(name, shape, parents, backward);
  }

  #name(hint) {
    this.#count += 1;
    return `${hint}_${this.#count}`;
  }
}
