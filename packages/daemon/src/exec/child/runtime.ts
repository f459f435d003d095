/**
 * The only file that imports ONNX Runtime, and only when the first model is opened. Models are opened
 * from bytes: a model that refers to files beside it then fails instead of reading them.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {InferenceSession, Tensor} from "onnxruntime-node";

export type Feeds = Readonly<Record<string, Tensor>>;
export type Session = InferenceSession;
export type Runtime = typeof import("onnxruntime-node");

let loaded: Promise<Runtime> | undefined;

export async function runtime(): Promise<Runtime> {
  loaded ??= import("onnxruntime-node");
  try {
    return await loaded;
  } catch (cause) {
    const message = `This node cannot run models: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CodedError("EXECUTOR_UNAVAILABLE", {message, cause});
  }
}

export type OpenOptions = {
  /** Prefix of the profile that measuring reads; turns graph optimisation off. */
  readonly profilePrefix?: string;
};

/** Throws `MODEL_INVALID` with the runtime's reason. */
export async function openModel(model: Uint8Array, {profilePrefix}: OpenOptions = {}): Promise<Session> {
  const ort = await runtime();
  const measuring = {enableProfiling: true, profileFilePrefix: profilePrefix ?? ""};
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: ["cpu"],
      // Threads belong to the determinism class; one a process is also the fastest per core.
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: profilePrefix === undefined ? "all" : "disabled",
      logSeverityLevel: 3,
      ...(profilePrefix === undefined ? {} : measuring),
    });
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new CodedError("MODEL_INVALID", {
      message: `The model cannot be opened: ${reason}`,
      evidence: {reason},
      cause,
    });
  }
}

/** Runs a session. Throws `TENSOR_SHAPE_MISMATCH` for inputs that do not fit, else `EXECUTOR_FAILED`. */
export async function runModel(session: Session, feeds: Feeds): Promise<InferenceSession.OnnxValueMapType> {
  try {
    return await session.run(feeds);
  } catch (cause) {
    const reason = reasonOf(cause);
    const isShape = /invalid (?:dimensions|rank)|unexpected input data type|is missing in 'feeds'/i.test(
      reason,
    );
    const code = isShape ? "TENSOR_SHAPE_MISMATCH" : "EXECUTOR_FAILED";
    throw new CodedError(code, {message: `The model did not run: ${reason}`, evidence: {reason}, cause});
  }
}

/** The runtime's messages carry source paths and can be long. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text
    .replace(/\/[^\s:]*\//g, "")
    .replace(/\s+/g, " ")
    .slice(0, 300);
}
