/** A user's own ONNX file: what it takes is read from it, its work is measured, what is none is refused. */
import {mkdtempSync, writeFileSync} from "node:fs";
import {rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {PeerId} from "@catalyze/core/primitives/id";
import {macOf} from "@catalyze/core/task/meter";
import {decodeTensors, encodeTensors, tensorsFromJson, tensorValues} from "@catalyze/core/task/tensors";
import {unitsMax} from "@catalyze/core/task/units";
import {BlockBlobs} from "@catalyze/daemon/blobs/blockBlobs";
import {addModel} from "@catalyze/daemon/exec/addModel";
import {BundleStore} from "@catalyze/daemon/exec/bundleStore";
import {EXECUTOR_DEFAULTS, ExecutorPool} from "@catalyze/daemon/exec/executorPool";
import {detectIsolation} from "@catalyze/daemon/exec/isolation";
import {ModelInspector} from "@catalyze/daemon/exec/modelInspector";
import {createSigner, openVerifier} from "@catalyze/daemon/identity/signatures";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {encodeModel, float32, int64, node, valueInfo} from "../../../scripts/models/onnx/onnxModel.mjs";
import {FakeClock} from "../../sim/fakes/fakeClock.ts";
import {FakeNetwork} from "../../sim/fakes/fakeNetwork.ts";
import {MemoryBlocks} from "../../sim/fakes/memoryBlocks.ts";
import {MemoryStore} from "../../sim/fakes/memoryStore.ts";
import {SeededRandom} from "../../sim/fakes/seededRandom.ts";
import {demoBundles, quiet} from "./executorHarness.ts";

let folder: string;
let inspector: ModelInspector;
let count = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ctz add "));
  inspector = new ModelInspector({
    isolation: await detectIsolation(),
    memoryBytesMax: 2 * 1024 ** 3,
    timeoutMs: 30_000,
  });
});
afterAll(() => rm(folder, {recursive: true}));

function fileOf(bytes: Uint8Array): string {
  const path = join(folder, `${count++}.onnx`);
  writeFileSync(path, bytes);
  return path;
}

const ones = (name: string, dims: readonly number[]) =>
  float32(name, dims, new Array(dims.reduce((a, b) => a * b, 1)).fill(1));

/** `y = x × w`, with any number of rows of any batch. */
const product = () =>
  encodeModel({
    name: "product",
    nodes: [node("MatMul", ["x", "w"], ["y"])],
    inputs: [valueInfo("x", "float32", ["batch", "rows/here", 8])],
    outputs: [valueInfo("y", "float32", ["batch", "rows/here", 5])],
    initializers: [ones("w", [8, 5])],
  });

describe("measuring a model", () => {
  it("reads inputs and outputs and counts the work of every shape", async () => {
    const {signature, terms} = await inspector.measure(fileOf(product()));
    expect(signature).toEqual({
      inputs: [{name: "x", type: "float32", dims: ["batch", "rows_here", 8]}],
      outputs: [{name: "y", type: "float32", dims: ["batch", "rows_here", 5]}],
    });
    expect(terms).toEqual([{coefficient: "40", powers: {batch: 1, rows_here: 1}}]);
  });

  it("counts attention, whose work grows with the square", async () => {
    const model = encodeModel({
      name: "self",
      nodes: [
        node("Transpose", ["x"], ["t"], {perm: [1, 0]}),
        node("MatMul", ["x", "t"], ["s"]),
        node("MatMul", ["s", "x"], ["y"]),
      ],
      inputs: [valueInfo("x", "float32", ["n", 4])],
      outputs: [valueInfo("y", "float32", ["n", 4])],
      initializers: [],
    });
    expect((await inspector.measure(fileOf(model))).terms).toEqual([{coefficient: "8", powers: {n: 2}}]);
  });

  it("counts convolutions and Gemm as they are", async () => {
    const model = encodeModel({
      name: "net",
      nodes: [
        node("Conv", ["x", "w"], ["c"], {pads: [1, 1, 1, 1]}),
        node("GlobalAveragePool", ["c"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "v"], ["y"], {transB: 1}),
      ],
      inputs: [valueInfo("x", "float32", ["n", 3, "side", "side"])],
      outputs: [valueInfo("y", "float32", ["n", 2])],
      initializers: [ones("w", [6, 3, 3, 3]), ones("v", [2, 6])],
    });
    const {terms} = await inspector.measure(fileOf(model));
    // 6 × 3 × 3 × 3 a pixel, 2 × 6 an image.
    expect(macOf({models: {m: terms}}, "m", {n: 3, side: 10})).toBe(3n * (162n * 100n + 12n));
    expect(terms).toHaveLength(2);
  });

  it("agrees with the shipped meter of the sentence encoder", async () => {
    const embed = (await demoBundles()).book.get("embed");
    const path = embed?.files.find(({name}) => name === "encoder.onnx")?.path ?? "";
    const {terms} = await inspector.measure(path);
    expect(macOf({models: {m: terms}}, "m", {tokens: 37})).toBe(
      macOf(embed?.manifest.meter ?? {models: {}}, "encoder.onnx", {tokens: 37}),
    );
  });

  it("refuses work that no polynomial tells", async () => {
    // One row of work for every seven rows of input.
    const sevenths = encodeModel({
      name: "sevenths",
      nodes: [
        node("Shape", ["x"], ["shape"]),
        node("Div", ["shape", "seven"], ["sevenths"]),
        node("Slice", ["sevenths", "zero", "one", "zero"], ["count"]),
        node("Slice", ["x", "zero", "count", "zero"], ["part"]),
        node("MatMul", ["part", "w"], ["y"]),
      ],
      inputs: [valueInfo("x", "float32", ["n", 3])],
      outputs: [valueInfo("y", "float32", ["m", 3])],
      initializers: [
        int64("zero", [1], [0]),
        int64("one", [1], [1]),
        int64("seven", [1], [7]),
        ones("w", [3, 3]),
      ],
    });
    await expect(inspector.measure(fileOf(sevenths))).rejects.toMatchObject({code: "MODEL_METER_UNKNOWN"});
  });

  it.each([
    ["noise", Uint8Array.from({length: 999}, (_, i) => (i * 31) & 255)],
    ["a truncated model", product().subarray(0, 60)],
    ["nothing", new Uint8Array(0)],
  ])("refuses %s", async (_, bytes) => {
    await expect(inspector.measure(fileOf(bytes))).rejects.toMatchObject({code: "MODEL_INVALID"});
  });
});

describe("addModel", () => {
  const signer = createSigner(new Uint8Array(32).fill(9));
  const {verifier} = openVerifier(quiet);

  it("signs the model as a class with its royalty, and that class runs", async () => {
    const clock = new FakeClock();
    const net = new FakeNetwork(clock, new SeededRandom(1)).join("self" as PeerId);
    const blobs = new BlockBlobs({net, clock, log: quiet, storage: new MemoryBlocks()});
    const bundles = new BundleStore(
      {blobs, store: new MemoryStore(), verifier, log: quiet},
      {dir: join(folder, "bundles"), genesisHash: new Uint8Array(32)},
    );
    const creator = {account: accountIdOf(signer.publicKey), royaltyBps: 500};
    const {cid, manifest} = await addModel(
      {bundles, inspector},
      {path: fileOf(product()), signer, creator, alias: "mine"},
    );
    expect(manifest).toMatchObject({kind: "tensors", alias: "mine", creator});

    const pool = new ExecutorPool(
      {bundles, log: quiet},
      {...EXECUTOR_DEFAULTS, slots: 1, isolation: await detectIsolation(), bundlesDir: bundles.dir},
    );
    try {
      const x = {type: "float32", dims: [1, 2, 8], data: Array.from({length: 16}, (_, i) => i)};
      const input = encodeTensors(tensorsFromJson({x}));
      const most = unitsMax(manifest, new Uint8Array(0), input);
      const {output, units} = await pool.run({
        bundle: cid,
        params: new Uint8Array(0),
        input,
        unitsMax: most,
        timeoutMs: 9000,
      });
      expect(units).toBe(80n);
      expect(most).toBe(80n);
      expect(decodeTensors(output).map(({dims}) => dims)).toEqual([[1, 2, 5]]);
      expect(decodeTensors(output).map(tensorValues)).toEqual([[28, 28, 28, 28, 28, 92, 92, 92, 92, 92]]);
    } finally {
      await pool.stop();
    }
  });

  it("keeps nothing of a file that is no model", async () => {
    const bundles = {publish: () => expect.fail("published")} as unknown as BundleStore;
    const add = (path: string) => addModel({bundles, inspector}, {path, signer});
    await expect(add(fileOf(new Uint8Array(300)))).rejects.toMatchObject({code: "MODEL_INVALID"});
    await expect(add(join(folder, "absent.onnx"))).rejects.toMatchObject({code: "MODEL_INVALID"});
    await expect(add(folder)).rejects.toMatchObject({code: "MODEL_INVALID"});
  });
});
