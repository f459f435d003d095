/**
 * The register of witnesses (reference/ledger 5.6): part of the ledger's state, and every checkpoint names its
 * hash. A witness has a seat from its first epoch of service on, and keeps its number, key and log for ever,
 * so an entry means the same whoever reads it when. Who of them votes is the committee of an epoch.
 *
 * How the register changes is in `seating.ts`, its bytes in `registerCodec.ts`.
 */
import {assert} from "../errors/assert.ts";
import {equalBytes, fromHex} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";
import type {Candidate} from "./candidate.ts";
import {ZERO_HASH} from "./cell.ts";
import type {Checkpoint, Head} from "./checkpoint.ts";
import {Committee} from "./committee.ts";
import type {Genesis} from "./genesis.ts";

/**
 * `serving`: in the committee whenever its weight is enough. `left` by its own op, `idle` because its log stood
 * still, `convicted` of a fork, for good: out of the committee from the next epoch on.
 */
export type Standing = "serving" | "left" | "idle" | "convicted";

export type Seat = Candidate & {
  /** Weight that the genesis gave, beside that of its stake. */
  readonly granted: number;
  readonly standing: Standing;
  /** The last epoch that ended with its log longer than before. */
  readonly activeEpoch: number;
  /** Where its log stood in the cut that ended its last epoch of service; n = 0 for nowhere. */
  readonly head: {readonly n: bigint; readonly hash: Hash};
};

export type SeatWeight = {readonly seat: number; readonly weight: number};

/** In force from its epoch on, up to the next one's. */
export type Term = {readonly sinceEpoch: number; readonly members: readonly SeatWeight[]};

export type Register = {
  /** By seat number. */
  readonly seats: readonly Seat[];
  /** Asked for a seat and have not had one yet; by account. */
  readonly candidates: readonly Candidate[];
  /** Ascending; the last one is that of the next checkpoint. Earlier ones for as long as their certificates count. */
  readonly terms: readonly Term[];
};

/** Of a state that belongs to no network yet. */
export const NO_REGISTER: Register = {seats: [], candidates: [], terms: []};

export function genesisRegister({witnesses}: Pick<Genesis, "witnesses">): Register {
  const seats = witnesses.map(
    ({account, voteKey, evmAddress, peerId, weight}): Seat => ({
      ...{account, evmAddress, peerId, granted: weight, standing: "serving", activeEpoch: 0},
      voteKey: fromHex(voteKey),
      head: {n: 0n, hash: ZERO_HASH},
    }),
  );
  const members = witnesses.map(({weight}, seat) => ({seat, weight}));
  return {seats, candidates: [], terms: [{sinceEpoch: 1, members}]};
}

const committees = new WeakMap<Term, Committee>();

/** The committee of an epoch; `undefined` when it is too long ago. */
export function committeeAt(register: Register, epoch: number): Committee | undefined {
  const term = register.terms.findLast(({sinceEpoch}) => sinceEpoch <= epoch);
  return term && committeeOf(register, term);
}

/** The committee that agrees on the next checkpoint. */
export function committeeNow(register: Register): Committee {
  const term = register.terms.at(-1);
  assert(term !== undefined, "a register without a term");
  return committeeOf(register, term);
}

/** Keys of seats never change, so a term makes the same committee in every register that has it. */
function committeeOf({seats}: Register, term: Term): Committee {
  const known = committees.get(term);
  if (known !== undefined) return known;
  const members = term.members.map(({seat, weight}) => {
    const voteKey = seats[seat]?.voteKey;
    assert(voteKey !== undefined, "a member without a seat");
    return {seat, voteKey, weight};
  });
  const committee = new Committee(members);
  committees.set(term, committee);
  return committee;
}

/** What signatures of witnesses are checked against, whichever epoch they are of. */
export function seatKeys({seats}: Register): {voteKeyOf(seat: number): Uint8Array | undefined} {
  return {voteKeyOf: (seat) => seats[seat]?.voteKey};
}

/** Seat of who has this vote key. */
export function seatOf({seats}: Register, voteKey: Uint8Array): number | undefined {
  const seat = seats.findIndex((each) => equalBytes(each.voteKey, voteKey));
  return seat === -1 ? undefined : seat;
}

/** Up to where a checkpoint covers each log that anybody has a seat for. */
export function coveredHeads({heads}: Pick<Checkpoint, "heads">, {seats}: Register): Head[] {
  const named = new Map(heads.map((head) => [head.witness, head]));
  return seats.flatMap(({head}, witness) => {
    const known = named.get(witness);
    if (known !== undefined) return [known];
    return head.n === 0n ? [] : [{witness, ...head}];
  });
}
