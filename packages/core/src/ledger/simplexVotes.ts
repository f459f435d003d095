/** The votes of one height that this node has seen, and the certificates that they make. */
import type {Hash} from "../primitives/id.ts";
import {ZERO_HASH} from "./cell.ts";
import type {Committee, VoterMask} from "./committee.ts";
import type {ConsensusVote, Proposal, VoteKind} from "./consensusCodec.ts";

/** Distinct hashes kept of one witness in one iteration; an honest one votes for one. */
const HASHES_PER_WITNESS_MAX = 4;
/** Iterations beyond the current one: nobody honest is that far ahead, sync brings a node there. */
export const ITERATIONS_AHEAD_MAX = 256;

type Count = {mask: VoterMask; readonly votes: Map<number, ConsensusVote>};

export class SimplexVotes {
  readonly #committee: Committee;
  /** kind/iteration → hash → votes. */
  readonly #counts = new Map<string, Map<Hash, Count>>();

  #iterationMax = 0;

  constructor(committee: Committee) {
    this.#committee = committee;
  }

  /** Highest iteration that anyone voted in. */
  get iterationMax(): number {
    return this.#iterationMax;
  }

  /** True when there is room for it and it is new: only then is its signature worth a check. */
  isWanted({kind, iteration, hash, witness}: ConsensusVote): boolean {
    const byHash = this.#counts.get(keyOf(kind, iteration));
    if (byHash === undefined) return true;
    if (byHash.get(hash)?.votes.has(witness) === true) return false;
    if (byHash.has(hash)) return true;
    const others = [...byHash.values()].filter(({votes}) => votes.has(witness));
    return others.length < HASHES_PER_WITNESS_MAX;
  }

  /** Counts a vote whose signature was checked. */
  add(vote: ConsensusVote): void {
    const key = keyOf(vote.kind, vote.iteration);
    this.#iterationMax = Math.max(this.#iterationMax, vote.iteration);
    const byHash = this.#counts.get(key) ?? new Map<Hash, Count>();
    this.#counts.set(key, byHash);
    const count = byHash.get(vote.hash) ?? {mask: 0, votes: new Map()};
    byHash.set(vote.hash, count);
    count.mask |= this.#committee.bitOf(vote.witness);
    count.votes.set(vote.witness, vote);
  }

  /** The one checkpoint that a quorum voted for in this iteration. */
  notarized(iteration: number): Hash | undefined {
    return this.#quorumHash("notarize", iteration);
  }

  isSkipped(iteration: number): boolean {
    return this.#quorumHash("skip", iteration) !== undefined;
  }

  finalized(iteration: number): Hash | undefined {
    return this.#quorumHash("finalize", iteration);
  }

  /** Votes of this kind, for this hash; for a skip the hash is zeros. */
  votes(kind: VoteKind, iteration: number, hash: Hash = ZERO_HASH): readonly ConsensusVote[] {
    const votes = this.#counts.get(keyOf(kind, iteration))?.get(hash)?.votes.values() ?? [];
    return [...votes].sort((left, right) => left.witness - right.witness);
  }

  /** Every vote of one witness, the first ones first. */
  of(seat: number): ConsensusVote[] {
    return [...this.#counts.values()].flatMap((byHash) =>
      [...byHash.values()].flatMap(({votes}) => votes.get(seat) ?? []),
    );
  }

  /**
   * What a proposal of this iteration must extend: the last notarized one with every iteration after it
   * skipped, or nothing (iteration 0) when all were skipped. `undefined` while that is not known here.
   */
  parentOf(iteration: number): {iteration: number; hash: Hash | undefined} | undefined {
    for (let before = iteration - 1; before >= 1; before -= 1) {
      const hash = this.notarized(before);
      if (hash !== undefined) return {iteration: before, hash};
      if (!this.isSkipped(before)) return undefined;
    }
    return {iteration: 0, hash: undefined};
  }

  /** The proposal repeats a notarized checkpoint, or none, and every iteration since was skipped. */
  isExtending({iteration, parent, hash}: Proposal): boolean {
    for (let between = parent + 1; between < iteration; between += 1) {
      if (!this.isSkipped(between)) return false;
    }
    return parent === 0 || this.notarized(parent) === hash;
  }

  #quorumHash(kind: VoteKind, iteration: number): Hash | undefined {
    for (const [hash, {mask}] of this.#counts.get(keyOf(kind, iteration)) ?? []) {
      if (this.#committee.isQuorum(mask)) return hash;
    }
    return undefined;
  }
}

function keyOf(kind: VoteKind, iteration: number): string {
  return `${kind}/${iteration}`;
}
