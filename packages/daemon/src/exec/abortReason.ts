import {CodedError} from "@catalyze/core/errors/codedError";

/** Why a signal fired, as a coded error; a plain abort means that the caller cancelled. */
export function abortReason(signal: AbortSignal): CodedError {
  return signal.reason instanceof CodedError ? signal.reason : new CodedError("TASK_CANCELLED");
}
