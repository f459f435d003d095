/** Models and inputs that are wrong, huge or endless: each ends in its code and the pool works on. */
import {execFile} from "node:child_process";
import {mkdtempSync, writeFileSync} from "node:fs";
import {rm} from "node:fs/promises";
import {homedir, tmpdir} from "node:os";
import {join} from "node:path";
import {promisify} from "node:util";
import {utf8} from "@catalyze/core/primitives/bytes";
import type {TensorSpec} from "@catalyze/core/task/manifest";
import {encodeTensors, tensorsFromJson} from "@catalyze/core/task/tensors";
import type {OpenBundle} from "@catalyze/daemon/exec/bundleStore";
import type {ExecutorPool} from "@catalyze/daemon/exec/executorPool";
import {confine, detectIsolation, type Isolation} from "@catalyze/daemon/exec/isolation";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import {encodeModel, float32, int64, node, valueInfo} from "../../../scripts/models/onnx/onnxModel.mjs";
import {type BundleBook, modelBundle, poolOf, sample} from "./executorHarness.ts";

const X: TensorSpec = {name: "x", type: "float32", dims: [1]};
const input = encodeTensors(tensorsFromJson({x: {type: "float32", dims: [1], data: [0]}}));
const request = (bundle: OpenBundle, timeoutMs = 60_000) => ({
  bundle: bundle.cid,
  params: utf8("{}"),
  input,
  unitsMax: 10n ** 15n,
  timeoutMs,
});

const folders: string[] = [];
const book: BundleBook = new Map();
let root: string;
let isolation: Isolation;
let pool: ExecutorPool | undefined;

/** `x` blown up to `[size, size]`, multiplied by itself `times` times, and its corner. */
function blowUp(size: number, times: number): Uint8Array {
  const nodes = [node("Expand", ["x", "shape"], ["m0"])];
  for (let i = 0; i < times; i++) nodes.push(node("MatMul", [`m${i}`, `m${i}`], [`m${i + 1}`]));
  nodes.push(node("ReduceMax", [`m${times}`], ["y"], {keepdims: 0}));
  return encodeModel({
    name: "blowUp",
    nodes,
    inputs: [valueInfo("x", "float32", [1])],
    outputs: [valueInfo("y", "float32", [])],
    initializers: [int64("shape", [2], [size, size])],
  });
}

/** `x` repeated `count` times as the output. */
function widen(count: number): Uint8Array {
  return encodeModel({
    name: "widen",
    nodes: [node("Expand", ["x", "shape"], ["y"])],
    inputs: [valueInfo("x", "float32", [1])],
    outputs: [valueInfo("y", "float32", [count])],
    initializers: [int64("shape", [1], [count])],
  });
}

const good = () => widen(3);

function made(model: Uint8Array, change = {}): OpenBundle {
  const folder = mkdtempSync(join(root, "m"));
  const bundle = modelBundle({folder, model, inputs: [X], change});
  book.set(bundle.cid, bundle);
  return bundle;
}

async function expectWorking(current: ExecutorPool): Promise<void> {
  const {output} = await current.run(request(made(good())));
  expect(output.length).toBeGreaterThan(12);
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "ctz hostile "));
  folders.push(root);
  isolation = await detectIsolation();
});
afterEach(async () => {
  await pool?.stop();
  pool = undefined;
});
afterAll(async () => {
  for (const folder of folders) await rm(folder, {recursive: true, force: true});
});

describe("models that are none", () => {
  const damaged = (): readonly (readonly [string, Uint8Array])[] => {
    const whole = good();
    const noise = Uint8Array.from({length: 4096}, (_, i) => (i * 197 + 13) & 0xff);
    return [
      ["noise", noise],
      ["zeros", new Uint8Array(4096)],
      ["half a model", whole.slice(0, whole.length >> 1)],
      ["an image", sample("page.png")],
      ["text", utf8("not a model")],
    ];
  };

  it.each(["noise", "zeros", "half a model", "an image", "text"])("%s", async (name) => {
    pool = poolOf(book, root, {isolation});
    const model = new Map(damaged()).get(name) as Uint8Array;
    await expect(pool.run(request(made(model)))).rejects.toMatchObject({code: "MODEL_INVALID"});
    await expectWorking(pool);
  });

  it("an operator that does not exist, and a cycle", async () => {
    pool = poolOf(book, root, {isolation});
    const [x, y] = [valueInfo("x", "float32", [1]), valueInfo("y", "float32", [1])];
    const odd = encodeModel({
      name: "odd",
      nodes: [node("Frobnicate", ["x"], ["y"])],
      inputs: [x],
      outputs: [y],
      initializers: [],
    });
    await expect(pool.run(request(made(odd)))).rejects.toMatchObject({code: "MODEL_INVALID"});
    const nodes = [
      node("Add", ["x", "b"], ["a"]),
      node("Add", ["a", "x"], ["b"]),
      node("Add", ["a", "b"], ["y"]),
    ];
    const cycle = encodeModel({name: "cycle", nodes, inputs: [x], outputs: [y], initializers: []});
    await expect(pool.run(request(made(cycle)))).rejects.toMatchObject({code: "MODEL_INVALID"});
  });

  it("weights in a file outside the model", async () => {
    pool = poolOf(book, root, {isolation});
    const external = {
      ...float32("w", [1], [1]),
      rawData: undefined,
      dataLocation: 1,
      externalData: [{key: "location", value: "model.onnx"}],
    };
    const model = encodeModel({
      name: "external",
      nodes: [node("Add", ["x", "w"], ["y"])],
      inputs: [valueInfo("x", "float32", [1])],
      outputs: [valueInfo("y", "float32", [1])],
      initializers: [external],
    });
    await expect(pool.run(request(made(model)))).rejects.toMatchObject({code: "MODEL_INVALID"});
    await expectWorking(pool);
  });

  it("a version of the program that this node does not have", async () => {
    pool = poolOf(book, root, {isolation});
    await expect(pool.run(request(made(good(), {pipeline: 999})))).rejects.toMatchObject({
      code: "EXECUTOR_UNAVAILABLE",
    });
  });
});

describe("inputs that do not fit", () => {
  it.each([
    ["another shape", {x: {type: "float32", dims: [2], data: [0, 0]}}],
    ["another type", {x: {type: "int64", dims: [1], data: [0]}}],
    ["another name", {z: {type: "float32", dims: [1], data: [0]}}],
    [
      "one too many",
      {x: {type: "float32", dims: [1], data: [0]}, y: {type: "float32", dims: [1], data: [0]}},
    ],
  ])("%s", async (_, tensors) => {
    pool = poolOf(book, root);
    const bundle = made(good());
    const wrong = {...request(bundle), input: encodeTensors(tensorsFromJson(tensors))};
    await expect(pool.run(wrong)).rejects.toMatchObject({code: "TENSOR_SHAPE_MISMATCH"});
    await expectWorking(pool);
  });

  it("a manifest that promises other shapes than the model has", async () => {
    pool = poolOf(book, root);
    const lying = made(good(), {tensors: {inputs: [{...X, dims: [2]}], outputs: [X]}});
    const two = encodeTensors(tensorsFromJson({x: {type: "float32", dims: [2], data: [0, 0]}}));
    await expect(pool.run({...request(lying), input: two})).rejects.toMatchObject({
      code: "TENSOR_SHAPE_MISMATCH",
    });
  });
});

describe("models that want too much", () => {
  it("memory: a code, not a dead machine", async () => {
    if (isolation.prlimit === undefined) {
      console.warn("prlimit is not installed: ran without the memory limit");
      return;
    }
    pool = poolOf(book, root, {isolation, memoryBytesMax: 1024 ** 3});
    const failure = await pool.run(request(made(blowUp(60_000, 1)))).catch((error: unknown) => error);
    expect(failure).toMatchObject({code: expect.stringMatching(/^EXECUTOR_(FAILED|CRASHED)$/)});
    await expectWorking(pool);
  });

  it("output", async () => {
    pool = poolOf(book, root);
    await expect(pool.run(request(made(widen(1_000_000))))).rejects.toMatchObject({
      code: "EXECUTOR_OUTPUT_TOO_LARGE",
    });
    await expectWorking(pool);
  });

  it("time: killed within a moment of its limit, and the next task works", async () => {
    pool = poolOf(book, root, {isolation});
    await expectWorking(pool);
    const started = performance.now();
    await expect(pool.run(request(made(blowUp(3000, 40)), 300))).rejects.toMatchObject({
      code: "EXECUTOR_TIMEOUT",
    });
    expect(performance.now() - started).toBeLessThan(3000);
    await expectWorking(pool);
  });
});

describe("the sandbox", () => {
  const inside = (...program: readonly [string, ...string[]]) => {
    const [file, ...args] = confine(isolation, {program, readPaths: [root], memoryBytesMax: 2 * 1024 ** 3});
    return promisify(execFile)(file, args, {timeout: 10_000});
  };

  it("shows models and libraries, and neither other files nor the network", async () => {
    if (isolation.bwrap === undefined) {
      console.warn("bubblewrap is not installed or not allowed here: ran without the sandbox");
      return;
    }
    writeFileSync(join(root, "seen"), "model");
    expect((await inside("/usr/bin/cat", join(root, "seen"))).stdout).toBe("model");
    for (const path of ["/etc/passwd", process.cwd(), homedir()]) {
      await expect(inside("/usr/bin/ls", path)).rejects.toThrow(/No such file/);
    }
    await expect(inside("/usr/bin/touch", join(root, "written"))).rejects.toThrow(/Read-only/);
    const {stdout} = await inside("/usr/bin/cat", "/proc/net/dev");
    expect(stdout.match(/^\s*\w+:/gm)).toEqual([expect.stringContaining("lo")]);
  });
});
