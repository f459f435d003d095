/**
 * Who witnesses in one epoch, with which weight, and what a quorum is. A witness is named by its seat in the
 * register (`register.ts`), which it keeps for ever; a vote is one bit, by its place in the committee.
 */
import {assert} from "../errors/assert.ts";
import {equalBytes} from "../primitives/bytes.ts";

/** Votes of one item, as a set of places; a committee has at most 21. */
export type VoterMask = number;

export type Member = {
  readonly seat: number;
  readonly voteKey: Uint8Array;
  readonly weight: number;
};

export class Committee {
  /** By seat, ascending. */
  readonly members: readonly Member[];
  readonly totalWeight: number;
  /** More than 2/3: any two quorums share more than 1/3, so an honest witness. */
  readonly quorum: number;
  readonly #places = new Map<number, number>();
  readonly #weightOfMask = new Map<VoterMask, number>();

  constructor(members: readonly Member[]) {
    assert(members.length >= 1 && members.length <= 30, "a voter mask holds at most 30 witnesses");
    this.members = [...members].sort((left, right) => left.seat - right.seat);
    for (const [place, {seat}] of this.members.entries()) this.#places.set(seat, place);
    this.totalWeight = this.members.reduce((sum, {weight}) => sum + weight, 0);
    this.quorum = Math.floor((2 * this.totalWeight) / 3) + 1;
  }

  get size(): number {
    return this.members.length;
  }

  has(seat: number): boolean {
    return this.#places.has(seat);
  }

  /** Nothing for who is no member. */
  bitOf(seat: number): VoterMask {
    const place = this.#places.get(seat);
    return place === undefined ? 0 : 1 << place;
  }

  voteKeyOf(seat: number): Uint8Array | undefined {
    return this.#member(seat)?.voteKey;
  }

  /** 0 for who is no member. */
  weightOf(seat: number): number {
    return this.#member(seat)?.weight ?? 0;
  }

  /** Seat of the member with this vote key. */
  seatOf(voteKey: Uint8Array): number | undefined {
    return this.members.find((member) => equalBytes(member.voteKey, voteKey))?.seat;
  }

  /** Members round and round. */
  memberAt(turn: bigint): Member {
    const member = this.members[Number(turn % BigInt(this.size))];
    assert(member !== undefined, "a committee has members");
    return member;
  }

  isQuorum(mask: VoterMask): boolean {
    return this.#weigh(mask) >= this.quorum;
  }

  /** More than 1/3: one of them is honest. */
  hasHonest(mask: VoterMask): boolean {
    return 3 * this.#weigh(mask) > this.totalWeight;
  }

  #member(seat: number): Member | undefined {
    const place = this.#places.get(seat);
    return place === undefined ? undefined : this.members[place];
  }

  #weigh(mask: VoterMask): number {
    const known = this.#weightOfMask.get(mask);
    if (known !== undefined) return known;
    const weight = this.members.reduce(
      (sum, member, place) => ((mask >> place) & 1 ? sum + member.weight : sum),
      0,
    );
    if (this.#weightOfMask.size < 4_096) this.#weightOfMask.set(mask, weight);
    return weight;
  }
}
