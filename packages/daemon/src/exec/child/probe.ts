/** Proves that the runtime loads and computes: a vector times a known matrix. */
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join} from "node:path";
import type {ChildAnswers} from "../protocol.ts";
import {openModel, runModel, runtime} from "./runtime.ts";

/** An ONNX file made with scripts/models/onnx/onnxModel.mjs: `y = x × diagonal(1, 2, 3, 4)`. */
const MODEL =
  "CAgSCGNhdGFseXplOp0BCh0KAXgKAXcSAXkaCE1hdE11bDp5IgZNYXRNdWw6ABIFcHJvYmUqSwoCBAQQAUIBd0pAAACAPwAAAAAAAAAA" +
  "AAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAQEAAAAAAAAAAAAAAAAAAAAAAAACAQFoTCgF4Eg4KDAgBEggKAggBCgIIBGITCgF5" +
  "Eg4KDAgBEggKAggBCgIIBEIECgAQEQ==";

export async function runProbe(): Promise<ChildAnswers["probe"]> {
  const {Tensor} = await runtime();
  const session = await openModel(Buffer.from(MODEL, "base64"));
  try {
    const x = new Tensor("float32", Float32Array.of(1, 1, 1, 1), [1, 4]);
    const {y} = await runModel(session, {x});
    const values = Array.from((y as {data: Float32Array}).data);
    return {
      runtime: runtimeVersion(),
      rssBytes: process.memoryUsage.rss(),
      matches: values.join() === "1,2,3,4",
    };
  } finally {
    await session.release();
  }
}

function runtimeVersion(): string {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  const {version} = JSON.parse(readFileSync(join(dirname(entry), "..", "package.json"), "utf8")) as {
    version: string;
  };
  return `onnxruntime-node ${version}`;
}
