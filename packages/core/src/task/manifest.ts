/**
 * The manifest of a bundle: a task class whose pre- and post-processing belong to the class, so that a
 * user passes an image and gets text. Canonical JSON (`manifestCodec.ts`) inside a `Signed` envelope by
 * the creator's account; the bundle's content id is that of the envelope's bytes, and the class is
 * `onnx/<that cid>`.
 */
import type {AccountId, Cid} from "../primitives/id.ts";
import type {Meter} from "./meter.ts";

/** What pre- and post-processing runs around the models. `tensors`: none, raw tensors in and out. */
export type BundleKind = "ocr" | "embed" | "vad" | "text" | "tensors";

/** Version of each kind's pre- and post-processing in this program. */
export const PIPELINE_VERSION = {ocr: 1, embed: 1, vad: 1, text: 1, tensors: 1} as const satisfies Record<
  BundleKind,
  number
>;

/** The files each kind needs, by role. */
export const BUNDLE_FILES = {
  ocr: ["characters.txt", "detect.onnx", "recognise.onnx"],
  embed: ["encoder.onnx", "vocabulary.json"],
  vad: ["vad.onnx"],
  text: ["text.onnx", "vocabulary.json"],
  tensors: ["model.onnx"],
} as const satisfies Record<BundleKind, readonly string[]>;

export type BundleFile = {
  /** The role in the kind's program, e.g. `detect.onnx`, `vocabulary.json`. */
  readonly name: string;
  readonly cid: Cid;
  readonly bytes: number;
};

export const TENSOR_TYPES = ["float32", "float64", "int32", "int64", "uint8", "int8", "bool"] as const;

export type TensorType = (typeof TENSOR_TYPES)[number];

/** One input or output of a `tensors` class; a string in `dims` names a size that the caller chooses. */
export type TensorSpec = {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly (number | string)[];
};

export type TensorSignature = {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
};

export type Manifest = {
  readonly v: 1;
  readonly kind: BundleKind;
  readonly title: string;
  /** A well-known short name; only a hint, see alias resolution in docs/protocol.md. */
  readonly alias?: string;
  /** Version of the kind's pre- and post-processing: another version is another class. */
  readonly pipeline: number;
  readonly files: readonly BundleFile[];
  readonly unit: "mac" | "token";
  readonly meter: Meter;
  readonly inputBytesMax: number;
  readonly outputBytesMax: number;
  readonly licence: string;
  /** Absent: nobody earns a royalty and the creator leg does not exist. */
  readonly creator?: {readonly account: AccountId; readonly royaltyBps: number};
  /** Present exactly for kind `tensors`. */
  readonly tensors?: TensorSignature;
};

/** Prices are per this many units. */
export const UNIT_SCALE = {mac: 1_000_000_000n, token: 1_000n} as const satisfies Record<
  Manifest["unit"],
  bigint
>;
