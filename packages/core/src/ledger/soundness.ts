/** What the form and the signatures of an op are worth that perhaps nobody honest voted for. */
import type {OpCheck} from "./opChecks.ts";

/** `forged`: a signature is false, whatever the state and the epoch are. */
export type Soundness = "sound" | "unsound" | "forged";

export function soundnessOf(check: OpCheck): Soundness {
  if (check.ok) return "sound";
  return isForgery(check) ? "forged" : "unsound";
}

function isForgery({code, reason}: Extract<OpCheck, {ok: false}>): boolean {
  if (code === "SIGNATURE_INVALID") return reason === "signature" || reason === "voteKey";
  return code === "VOUCHER_INVALID" && reason === "signature";
}
