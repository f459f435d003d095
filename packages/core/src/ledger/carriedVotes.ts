/** A witness's votes for what the entries of others carry. */
import {equalBytes} from "../primitives/bytes.ts";
import type {OpId} from "../primitives/id.ts";
import type {Book} from "./book.ts";
import type {Entry} from "./entry.ts";
import type {Liars} from "./liars.ts";
import type {Op} from "./op.ts";
import type {Pool} from "./pool.ts";
import type {SlotVote, VoteMoment, Voter} from "./voter.ts";

export type CarriedVotesComponents = {
  readonly book: Book;
  readonly pool: Pool;
  readonly voter: Voter;
  readonly liars: Liars;
  /** Own seat. */
  readonly witness: number;
};

/** In one own entry. */
export type Voting = {
  readonly moment: VoteMoment;
  /** All of it; grows. */
  readonly votes: SlotVote[];
  readonly nowMs: number;
};

export class CarriedVotes {
  readonly #components: CarriedVotesComponents;
  readonly #voting: Voting;
  /** Ops that votes of this entry are for. */
  readonly #given = new Map<OpId, Op>();

  constructor(components: CarriedVotesComponents, voting: Voting) {
    this.#components = components;
    this.#voting = voting;
  }

  /** Ops of another's entry that get no vote. Its first forgery ends the look at what its author carries. */
  exceptionsTo({carry, header: {witness}}: Entry): number[] {
    const {liars} = this.#components;
    const exceptions: number[] = [];
    for (const [index, op] of carry.entries()) {
      const outcome = liars.has(witness) ? "refused" : this.#vote(op);
      if (outcome === "forged") liars.add(witness);
      if (outcome !== "voted") exceptions.push(index);
    }
    return exceptions;
  }

  #vote(op: Op): "voted" | "refused" | "forged" {
    const {voter, pool} = this.#components;
    const {moment, votes, nowMs} = this.#voting;
    const isVoted = voter.votedAt(moment.epoch, op.body) === op.id;
    if (isVoted && this.#isVotedCopy(op)) return "voted";
    const soundness = voter.soundnessOf(op, moment);
    if (soundness === "forged") return "forged";
    if (isVoted) return soundness === "sound" ? "voted" : "refused";
    const refusal = voter.refusal(op, moment);
    if (refusal === undefined) {
      votes.push(voter.vote(op, moment));
      this.#given.set(op.id, op);
      pool.remove(op.id);
      return "voted";
    }
    if (refusal.isTemporary) pool.add(op, undefined, {nowMs, isChecked: false});
    return "refused";
  }

  /**
   * A vote is for the very bytes that were looked at. Else false copies of an op had the votes of honest members, and
   * nobody could tell whose they are (`soundCopies.ts`).
   */
  #isVotedCopy({id, bytes}: Op): boolean {
    const {book, witness} = this.#components;
    const own = book.committee.bitOf(witness);
    const isSame = (other: Op | undefined) => other !== undefined && equalBytes(other.bytes, bytes);
    const seen = book.tally.get(id)?.copies ?? [];
    return isSame(this.#given.get(id)) || seen.some(({op, mask}) => (mask & own) !== 0 && isSame(op));
  }
}
