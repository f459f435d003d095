/** What this witness said on checkpoints and is still bound by, as its signing table has it. */
import type {ConsensusMessage} from "./consensusCodec.ts";
import {heightOf} from "./consensusHeights.ts";
import {encodeSigningRecord} from "./signingRecord.ts";
import type {SigningTable} from "./signingTable.ts";

export class OwnWords {
  /** Of earlier runs, on heights above the base. */
  #ahead: readonly ConsensusMessage[];
  #onBase: readonly ConsensusMessage[];
  #baseH: bigint;
  readonly #shortenedH: bigint;

  constructor({consensus, shortenedH}: Pick<SigningTable, "consensus" | "shortenedH">, baseH: bigint) {
    this.#ahead = consensus.filter((message) => heightOf(message) > baseH);
    this.#onBase = consensus.filter((message) => heightOf(message) === baseH);
    this.#baseH = baseH;
    this.#shortenedH = shortenedH;
  }

  /** Whether it is known what this witness said on this height: of those further down it may have been forgotten. */
  isKnownAt(height: bigint): boolean {
    return height >= this.#shortenedH;
  }

  /** What others heard. */
  add(words: readonly ConsensusMessage[]): void {
    this.#ahead = [...this.#ahead, ...words];
  }

  /** Of earlier runs, on a height above the base. */
  at(height: bigint): readonly ConsensusMessage[] {
    return this.#ahead.filter((message) => heightOf(message) === height);
  }

  /** The checkpoint of this height is the base now; `said` on it was all this. */
  adopted(height: bigint, said: readonly ConsensusMessage[]): void {
    this.#baseH = height;
    this.#onBase = said;
    this.#ahead = this.#ahead.filter((message) => heightOf(message) > height);
  }

  /**
   * Of everything that binds; `said`: on the next height in this run. What was said on the base is part of it: where
   * members lose their databases, others may need it once more to make that checkpoint final.
   */
  records(said: readonly ConsensusMessage[]): Uint8Array[] {
    const later = this.#ahead.filter((message) => heightOf(message) > this.#baseH + 1n);
    const height = this.#baseH > this.#shortenedH ? this.#baseH : this.#shortenedH;
    return [
      encodeSigningRecord({kind: "shortened", height}),
      ...[...this.#onBase, ...said, ...later].map((message) =>
        encodeSigningRecord({kind: "consensus", message}),
      ),
    ];
  }
}
