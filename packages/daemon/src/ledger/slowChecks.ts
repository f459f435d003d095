import type {SignatureVerifier} from "@catalyze/core/ports/signer";

/** Counts the checks that took the slow path, for the budget of whoever caused them. */
export class SlowChecks implements SignatureVerifier {
  readonly #verifier: SignatureVerifier;
  #count = 0;

  constructor(verifier: SignatureVerifier) {
    this.#verifier = verifier;
  }

  verify(...args: Parameters<SignatureVerifier["verify"]>): {valid: boolean; slow: boolean} {
    const answer = this.#verifier.verify(...args);
    if (answer.slow) this.#count += 1;
    return answer;
  }

  /** Since the last call. */
  take(): number {
    const count = this.#count;
    this.#count = 0;
    return count;
  }
}
