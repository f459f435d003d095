/**
 * A home restored from a backup has its keys but not its memory: it might sign a slot again that it signed
 * before. So it signs nothing until the network has told it, by checkpoints agreed after it joined, where
 * its own logs end (reference/ledger 11.3). So much for its ops; for its votes see core's `recovery.ts`.
 */
import {CodedError} from "@catalyze/core/errors/codedError";

/** Agreed after the join: the first may have been on its way before. */
const CHECKPOINTS_NEEDED = 2;

export class Recovery {
  readonly #onRecovered: () => void;
  #left: number;

  constructor(isRecovering: boolean, onRecovered: () => void) {
    this.#left = isRecovering ? CHECKPOINTS_NEEDED : 0;
    this.#onRecovered = onRecovered;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  /** Throws `LEDGER_RECOVERY` while nothing may be signed. */
  check(): void {
    if (!this.isOver)
      throw new CodedError("LEDGER_RECOVERY", {retryAfterMs: 5_000, evidence: {checkpointsLeft: this.#left}});
  }

  /** A checkpoint was agreed while this node had all that its peers have. */
  onCheckpoint(isBehind: boolean): void {
    if (this.isOver || isBehind) return;
    this.#left -= 1;
    if (this.isOver) this.#onRecovered();
  }
}
