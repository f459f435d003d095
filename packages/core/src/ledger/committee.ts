/** Who witnesses, with which weight, and what a quorum is. Witnesses are named by their index in the genesis. */
import {assert} from "../errors/assert.ts";
import {equalBytes, fromHex} from "../primitives/bytes.ts";
import type {GenesisWitness} from "./genesis.ts";

/** Votes of one item, as a set of witness indexes; a committee has at most 21. */
export type VoterMask = number;

export class Committee {
  readonly voteKeys: readonly Uint8Array[];
  readonly weights: readonly number[];
  readonly totalWeight: number;
  /** More than 2/3: any two quorums share more than 1/3, so an honest witness. */
  readonly quorum: number;
  readonly #weightOfMask = new Map<VoterMask, number>();

  constructor(witnesses: readonly GenesisWitness[]) {
    assert(witnesses.length >= 1 && witnesses.length <= 30, "a voter mask holds at most 30 witnesses");
    this.voteKeys = witnesses.map(({voteKey}) => fromHex(voteKey));
    this.weights = witnesses.map(({weight}) => weight);
    this.totalWeight = this.weights.reduce((sum, weight) => sum + weight, 0);
    this.quorum = Math.floor((2 * this.totalWeight) / 3) + 1;
  }

  get size(): number {
    return this.weights.length;
  }

  /** Index of the witness with this vote key. */
  indexOf(voteKey: Uint8Array): number | undefined {
    const index = this.voteKeys.findIndex((key) => equalBytes(key, voteKey));
    return index === -1 ? undefined : index;
  }

  weightOf(mask: VoterMask): number {
    const known = this.#weightOfMask.get(mask);
    if (known !== undefined) return known;
    const weight = this.weights.reduce((sum, each, index) => ((mask >> index) & 1 ? sum + each : sum), 0);
    if (this.#weightOfMask.size < 4_096) this.#weightOfMask.set(mask, weight);
    return weight;
  }

  isQuorum(mask: VoterMask): boolean {
    return this.weightOf(mask) >= this.quorum;
  }
}
