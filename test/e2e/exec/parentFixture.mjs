/** A stand-in for a daemon: starts one long task and says so. `lifecycle.test.ts` kills it. */
import "@catalyze/core/primitives/polyfill";
import {encodeTensors, tensorsFromJson} from "@catalyze/core/task/tensors";
import {EXECUTOR_DEFAULTS, ExecutorPool} from "@catalyze/daemon/exec/executorPool";

const [folder, isolation] = process.argv.slice(2);
const log = {debug() {}, info() {}, warn() {}, error() {}, child: () => log};
const x = {name: "x", type: "float32", dims: [1]};
const bundle = {
  cid: "slow",
  manifest: {
    kind: "tensors",
    pipeline: 1,
    meter: {models: {"model.onnx": []}},
    outputBytesMax: 1000,
    tensors: {inputs: [x], outputs: [x]},
  },
  files: [{name: "model.onnx", path: `${folder}/model.onnx`}],
  bytes: 1,
};
const pool = new ExecutorPool(
  {bundles: {open: async () => bundle}, log},
  {...EXECUTOR_DEFAULTS, slots: 1, isolation: JSON.parse(isolation), bundlesDir: folder},
);
await pool.prepare("slow");
const input = encodeTensors(tensorsFromJson({x: {type: "float32", dims: [1], data: [0]}}));
const running = pool.run({
  bundle: "slow",
  params: new Uint8Array(0),
  input,
  unitsMax: 1n,
  timeoutMs: 120_000,
});
process.stdout.write("running\n");
await running;
