/** A pool over bundles given as files, without store and network, and models made for the occasion. */
import {readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {fileURLToPath} from "node:url";
import type {Log} from "@catalyze/core/ports/log";
import {utf8} from "@catalyze/core/primitives/bytes";
import type {Cid} from "@catalyze/core/primitives/id";
import type {BundleKind, Manifest, TensorSpec} from "@catalyze/core/task/manifest";
import {unitsMax} from "@catalyze/core/task/units";
import {readBundleIndex} from "@catalyze/daemon/exec/bundleDraft";
import type {OpenBundle} from "@catalyze/daemon/exec/bundleStore";
import {EXECUTOR_DEFAULTS, ExecutorPool, type ExecutorPoolOptions} from "@catalyze/daemon/exec/executorPool";
import {NO_ISOLATION} from "@catalyze/daemon/exec/isolation";
import {prepareModels} from "../../../scripts/models/prepareModels.mjs";

export const quiet: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => quiet};

export const sample = (name: string) =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../../samples/${name}`, import.meta.url))));

export type BundleBook = Map<string, OpenBundle>;

/** The demo bundles, by alias; prepared first when they are not there. */
export async function demoBundles(): Promise<{readonly dir: string; readonly book: BundleBook}> {
  const index = await prepareModels();
  const book: BundleBook = new Map();
  for (const draft of await readBundleIndex(index)) {
    const manifest: Manifest = {
      ...draft,
      files: draft.files.map(({name, bytes}) => ({name, bytes, cid: "b" as Cid})),
    };
    const bytes = draft.files.reduce((sum, file) => sum + file.bytes, 0);
    book.set(draft.alias ?? "", {cid: draft.alias as Cid, manifest, files: draft.files, bytes});
  }
  return {dir: join(index, ".."), book};
}

export type ModelBundle = {
  readonly folder: string;
  readonly model: Uint8Array;
  readonly inputs?: readonly TensorSpec[];
  readonly change?: Partial<Manifest>;
};

/** A bundle of kind `tensors` around any bytes. */
export function modelBundle({folder, model, inputs = [], change = {}}: ModelBundle): OpenBundle {
  const path = join(folder, "model.onnx");
  writeFileSync(path, model);
  const manifest: Manifest = {
    v: 1,
    kind: "tensors",
    title: "made for a test",
    pipeline: 1,
    files: [{name: "model.onnx", cid: "b" as Cid, bytes: model.length}],
    unit: "mac",
    meter: {models: {"model.onnx": []}},
    inputBytesMax: 1_000_000,
    outputBytesMax: 1_000_000,
    licence: "MIT",
    tensors: {inputs, outputs: inputs},
    ...change,
  };
  return {cid: folder as Cid, manifest, files: [{name: "model.onnx", path}], bytes: model.length};
}

export function poolOf(
  book: BundleBook,
  bundlesDir: string,
  options: Partial<ExecutorPoolOptions> = {},
): ExecutorPool {
  const bundles = {
    open: async (cid: Cid) => {
      const bundle = book.get(cid);
      if (bundle === undefined) throw new Error(`no bundle ${cid}`);
      return bundle;
    },
  };
  return new ExecutorPool(
    {bundles, log: quiet},
    {...EXECUTOR_DEFAULTS, slots: 1, isolation: NO_ISOLATION, bundlesDir, ...options},
  );
}

export function requestOf(
  bundle: OpenBundle,
  input: Uint8Array,
  params: Readonly<Record<string, unknown>> = {},
) {
  const encoded = utf8(JSON.stringify(params));
  const most = unitsMax(bundle.manifest, encoded, input);
  return {bundle: bundle.cid, params: encoded, input, unitsMax: most, timeoutMs: 60_000};
}

export type {BundleKind};
