/** What a model takes and gives, as its file says. */
import type {TensorSignature, TensorSpec} from "@catalyze/core/task/manifest";
import {tensorType, unsupported} from "./onnxTensors.ts";
import {openModel, type Session} from "./runtime.ts";

type Metadata = Session["inputMetadata"][number];

/** Throws `MODEL_INVALID`. */
export async function inspectModel(model: Uint8Array): Promise<TensorSignature> {
  const session = await openModel(model);
  try {
    return {inputs: session.inputMetadata.map(specOf), outputs: session.outputMetadata.map(specOf)};
  } finally {
    await session.release();
  }
}

function specOf(metadata: Metadata): TensorSpec {
  if (!metadata.isTensor) throw unsupported(metadata.name, "sequence or map");
  const type = tensorType(metadata.type);
  if (type === undefined) throw unsupported(metadata.name, metadata.type);
  return {
    name: metadata.name,
    type,
    dims: metadata.shape.map((dim, axis) => dimOf(dim, metadata.name, axis)),
  };
}

/** Names of sizes go into the meter; a size without a name is called after its place. */
function dimOf(dim: number | string | undefined, name: string, axis: number): number | string {
  if (typeof dim === "number" && dim >= 0) return dim;
  const raw = typeof dim === "string" && dim !== "" ? dim : `${name}.${axis}`;
  return raw.replace(/[^A-Za-z0-9_.-]/g, "_").slice(0, 64);
}
