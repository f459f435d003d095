/** The latest final checkpoints with their proofs, for peers that lag a little. */
import {encodeFinalCheckpoint, type FinalCheckpoint} from "./finality.ts";

const KEPT_MAX = 512;

export class RecentCheckpoints {
  /** Encoded, ascending; the last one is that of `#height`. */
  readonly #encoded: Uint8Array[] = [];
  #height: bigint;

  constructor(before: readonly Uint8Array[], last: FinalCheckpoint) {
    this.#encoded.push(...before.slice(-KEPT_MAX));
    this.#height = last.checkpoint.height;
    // Nobody needs genesis sent.
    if (this.#height > 0n) this.#encoded.push(encodeFinalCheckpoint(last));
  }

  add(final: FinalCheckpoint): void {
    this.#encoded.push(encodeFinalCheckpoint(final));
    this.#height = final.checkpoint.height;
    if (this.#encoded.length > KEPT_MAX) this.#encoded.shift();
  }

  /** True when every checkpoint above `height` is here. */
  holdsAfter(height: bigint): boolean {
    return height + BigInt(this.#encoded.length) >= this.#height;
  }

  /** Above `height`, ascending. */
  after(height: bigint, max: number): Uint8Array[] {
    const missing = this.#height - height;
    if (missing <= 0n) return [];
    const start = Math.max(0, this.#encoded.length - Number(missing));
    return this.#encoded.slice(start, start + max);
  }
}
