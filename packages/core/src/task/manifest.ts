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

export type BundleFile = {
  /** The role in the kind's program, e.g. `detect.onnx`, `vocab.json`. */
  readonly name: string;
  readonly cid: Cid;
  readonly bytes: number;
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
};

/** Prices are per this many units. */
export const UNIT_SCALE = {mac: 1_000_000_000n, token: 1_000n} as const satisfies Record<Manifest["unit"], bigint>;
