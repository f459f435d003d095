/** Refusals of input as effects. */
import {toCodedError} from "../errors/codedError.ts";
import type {PeerId} from "../primitives/id.ts";
import type {Effect} from "./effects.ts";

export type Rejected = Extract<Effect, {kind: "rejected"}>;

export function rejected(parts: Omit<Rejected, "kind">): Rejected {
  return {kind: "rejected", ...parts};
}

/** Decodes input from outside; what does not decode becomes a refusal. */
export function decoded<Value>(
  decode: (bytes: Uint8Array) => Value,
  bytes: Uint8Array,
  from: PeerId | undefined,
): {readonly value: Value} | {readonly refusal: Rejected} {
  try {
    return {value: decode(bytes)};
  } catch (error) {
    const {code, evidence} = toCodedError(error);
    const reason = String(evidence["reason"] ?? "");
    return {refusal: rejected({code, reason, op: undefined, from})};
  }
}

export function badCheckpoint(from: PeerId | undefined): Rejected {
  return rejected({code: "SIGNATURE_INVALID", reason: "checkpoint", op: undefined, from});
}
