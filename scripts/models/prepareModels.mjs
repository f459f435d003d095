/**
 * Lays out the demo bundles under .cache/models, with an index of what a manifest needs. Cached by the
 * hash of everything that goes in; a second run only compares hashes.
 */
import {createHash} from "node:crypto";
import {existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {fileURLToPath} from "node:url";
import "@catalyze/core/primitives/polyfill";
import {PIPELINE_VERSION} from "@catalyze/core/task/manifest";
import {detectIsolation} from "@catalyze/daemon/exec/isolation";
import {ModelInspector} from "@catalyze/daemon/exec/modelInspector";
import {BUNDLES} from "./bundles.mjs";

const ROOT = fileURLToPath(new URL("../../.cache/models/", import.meta.url));
/** What else decides the result: these scripts, and how work is measured and fitted. */
const SCRIPTS = [
  ...["bundles.mjs", "embedModel.mjs", "prepareModels.mjs", "onnx/onnxModel.mjs"],
  "../../packages/core/src/task/meterFit.ts",
  "../../packages/daemon/src/exec/child/measureModel.ts",
];

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

/**
 * Returns the path of the index: `{"v": 1, "bundles": [{…manifest fields, "files": [{name, path, bytes,
 * sha256}]}]}`, paths relative to it. `onStep` hears one line per bundle that had to be made.
 */
export async function prepareModels({onStep = () => {}} = {}) {
  const scripts = SCRIPTS.map((name) => readFileSync(new URL(name, import.meta.url)));
  const entries = [];
  for (const bundle of BUNDLES) entries.push(await prepareBundle(bundle, scripts, onStep));
  const index = join(ROOT, "index.json");
  writeWhole(index, `${JSON.stringify({v: 1, bundles: entries}, null, 2)}\n`);
  return index;
}

async function prepareBundle(bundle, scripts, onStep) {
  const folder = join(ROOT, bundle.alias);
  const sources = Object.values(bundle.files).flatMap((file) => file.sources);
  const key = sha256(
    JSON.stringify([bundle, PIPELINE_VERSION]),
    ...scripts,
    ...sources.map((path) => readFileSync(path)),
  );
  const record = join(folder, "bundle.json");
  const known = existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : undefined;
  if (known?.key === key && known.entry.files.every((file) => existsSync(join(ROOT, file.path))))
    return known.entry;

  onStep(`preparing ${bundle.alias}: ${bundle.title}`);
  rmSync(folder, {recursive: true, force: true});
  mkdirSync(folder, {recursive: true});
  const files = [];
  for (const [name, {make}] of Object.entries(bundle.files)) {
    const bytes = make();
    writeFileSync(join(folder, name), bytes);
    files.push({name, path: `${bundle.alias}/${name}`, bytes: bytes.length, sha256: sha256(bytes)});
  }
  const {alias, kind, title, licence, unit, inputBytesMax, outputBytesMax} = bundle;
  const meter = {models: await fitMeters(bundle.meters, folder)};
  const entry = {
    v: 1,
    kind,
    title,
    alias,
    pipeline: PIPELINE_VERSION[kind],
    files,
    unit,
    meter,
    inputBytesMax,
    outputBytesMax,
    licence,
  };
  writeWhole(record, JSON.stringify({key, entry}));
  return entry;
}

async function fitMeters(meters, folder) {
  const isolation = await detectIsolation();
  const inspector = new ModelInspector({isolation, memoryBytesMax: 2 * 1024 ** 3, timeoutMs: 120_000});
  const models = {};
  for (const [name, {sizes, inputs}] of Object.entries(meters)) {
    models[name] = await inspector.fitMeter(join(folder, name), sizes, inputs);
  }
  return models;
}

/** Renamed into place: a run that was cut off leaves nothing half written. */
function writeWhole(path, text) {
  mkdirSync(join(path, ".."), {recursive: true});
  const partial = `${path}.${process.pid}.partial`;
  writeFileSync(partial, text);
  renameSync(partial, path);
}
