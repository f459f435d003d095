/** A user's own ONNX file as a class that can be sold: opened, measured, signed. */
import {copyFile, mkdtemp, rm, stat} from "node:fs/promises";
import {tmpdir} from "node:os";
import {basename, join} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Signer} from "@catalyze/core/ports/signer";
import {type Manifest, PIPELINE_VERSION} from "@catalyze/core/task/manifest";
import {LIMITS} from "@catalyze/proto/limits";
import type {BundleDraft} from "./bundleDraft.ts";
import type {Bundle, BundleStore} from "./bundleStore.ts";
import type {ModelInspector} from "./modelInspector.ts";

export type AddModelComponents = {readonly bundles: BundleStore; readonly inspector: ModelInspector};

export type AddModelInput = {
  readonly path: string;
  readonly signer: Signer;
  readonly title?: string;
  readonly alias?: string;
  readonly licence?: string;
  readonly creator?: Manifest["creator"];
};

/** The runtime embeds at most 2 GiB in one file. */
const MODEL_BYTES_MAX = 2 ** 31 - 1;

/** Throws `MODEL_INVALID`, `MODEL_METER_UNKNOWN`, `EXECUTOR_TIMEOUT`, `EXECUTOR_UNAVAILABLE`. */
export async function addModel(
  {bundles, inspector}: AddModelComponents,
  input: AddModelInput,
): Promise<Bundle> {
  const bytes = await sizeOf(input.path);
  // A folder of its own: a sandbox shows the folder of the model, which here may be anything.
  const folder = await mkdtemp(join(tmpdir(), "ctz-model-"));
  try {
    const path = join(folder, "model.onnx");
    await copyFile(input.path, path);
    const {signature, terms} = await inspector.measure(path);
    const {title = titleOf(input.path), licence = "unknown", alias} = input;
    const draft: BundleDraft = {
      v: 1,
      kind: "tensors",
      title,
      ...(alias === undefined ? {} : {alias}),
      pipeline: PIPELINE_VERSION.tensors,
      files: [{name: "model.onnx", path, bytes, sha256: ""}],
      unit: "mac",
      meter: {models: {"model.onnx": terms}},
      inputBytesMax: LIMITS.inputBytesMax,
      outputBytesMax: LIMITS.outputBytesMax,
      licence,
      tensors: signature,
    };
    return await bundles.publish(draft, input.signer, input.creator);
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true)
    throw new CodedError("MODEL_INVALID", {message: "There is no such file.", evidence: {path}});
  if (found.size < 1 || found.size > MODEL_BYTES_MAX) {
    throw new CodedError("MODEL_INVALID", {
      message: "The file is empty or larger than 2 GiB.",
      evidence: {bytes: found.size},
    });
  }
  return found.size;
}

function titleOf(path: string): string {
  return basename(path).replace(/\p{C}/gu, "").slice(0, 120) || "model";
}
