/**
 * Who gets a seat and a vote (reference/ledger 5.6): what joining, leaving and a conviction do to the register,
 * and how the end of an epoch makes the next committee from a snapshot of the stakes. Pure functions.
 */
import type {AccountId} from "../primitives/id.ts";
import type {Candidate} from "./candidate.ts";
import {ZERO_HASH} from "./cell.ts";
import type {Head} from "./checkpoint.ts";
import {epochsOf, type LedgerParams, VERDICT_EPOCHS} from "./params.ts";
import type {Register, Seat, SeatWeight, Term} from "./register.ts";

/** Witness stake of an account, µCTZ. */
export type StakeOf = (account: AccountId) => bigint;

type Stakes = {readonly stakeOf: StakeOf; readonly params: LedgerParams};

/** Candidates that wait at once; one with more stake than the weakest takes its place. */
export const CANDIDATES_MAX = 64;
/** Each belongs to another account that once had enough stake for the committee. */
export const SEATS_MAX = 1_024;
export const WEIGHT_MAX = 1_000_000_000;

/** The register is returned as it is when the request has no effect. */
export function join(
  register: Register,
  wish: Candidate,
  stakes: Stakes & {readonly epoch: number},
): Register {
  const own = register.seats.findIndex(({account}) => account === wish.account);
  if (isTaken(register, wish)) return register;
  if (own !== -1) return takeUp(register, own, {wish, epoch: stakes.epoch});
  if (weightOf(wish, stakes) === 0) return register;
  const others = register.candidates.filter(({account}) => account !== wish.account);
  const candidates = [...others, wish].sort((left, right) => (left.account < right.account ? -1 : 1));
  return {...register, candidates: withoutWeakest(candidates, stakes)};
}

export function leave(register: Register, account: AccountId): Register {
  return {
    ...withStanding(register, account, "left"),
    candidates: register.candidates.filter((candidate) => candidate.account !== account),
  };
}

/** For good: its key signed what nobody honest signs. It votes until the epoch ends; votes cannot be unsaid. */
export function convict(register: Register, account: AccountId): Register {
  return withStanding(register, account, "convicted");
}

function withStanding(register: Register, id: AccountId, standing: Seat["standing"]): Register {
  const seats = register.seats.map((seat) =>
    seat.account === id && seat.standing !== "convicted" ? {...seat, standing} : seat,
  );
  return {...register, seats};
}

/**
 * A vote key has one seat. An address on the chain may stand twice: nobody proves it here, so whoever names
 * another's only gives weight away, and keeps nobody out.
 */
function isTaken({seats, candidates}: Register, {account, voteKey}: Candidate): boolean {
  return [...seats, ...candidates].some(
    (other) => other.account !== account && Buffer.compare(other.voteKey, voteKey) === 0,
  );
}

/** The key of a seat stays: it names whose log this is. The address on the chain waits until nobody counts on it. */
function takeUp(
  register: Register,
  own: number,
  {wish, epoch}: {readonly wish: Candidate; readonly epoch: number},
): Register {
  const seat = register.seats[own];
  const isSame = seat !== undefined && Buffer.compare(seat.voteKey, wish.voteKey) === 0;
  if (!isSame || seat.standing === "convicted") return register;
  const {peerId} = wish;
  const evmAddress = isMember(register, own) ? seat.evmAddress : wish.evmAddress;
  // Asking again while it serves must not make a log look alive.
  const activeEpoch = seat.standing === "serving" ? seat.activeEpoch : epoch;
  const asking: Seat = {...seat, peerId, evmAddress, standing: "serving", activeEpoch};
  return {...register, seats: register.seats.with(own, asking)};
}

function withoutWeakest(candidates: readonly Candidate[], stakes: Stakes): readonly Candidate[] {
  if (candidates.length <= CANDIDATES_MAX) return candidates;
  const weights = candidates.map((candidate) => weightOf(candidate, stakes));
  const weakest = weights.lastIndexOf(Math.min(...weights));
  return candidates.filter((_, index) => index !== weakest);
}

export type EpochEnd = Stakes & {
  /** That ends. */
  readonly epoch: number;
  /** Of the checkpoint that ends it. */
  readonly height: bigint;
  readonly heads: readonly Head[];
  /** Heights for which certificates of earlier epochs count. */
  readonly lateWindowH: bigint;
};

/** The register of the next epoch. Where nobody is left to witness, the old committee goes on. */
export function nextRegister(before: Register, end: EpochEnd): Register {
  const seats = before.seats.map((seat, number) => afterEpoch(seat, isMember(before, number), number, end));
  const contenders = contendersOf({...before, seats}, end).slice(0, end.params.witnessesMax);
  const fresh = contenders.filter(({seat}) => seat === undefined).slice(0, SEATS_MAX - seats.length);
  const all = [...seats, ...fresh.map(({candidate}) => freshSeat(candidate, end.epoch))];
  const seated = new Set(fresh.map(({candidate}) => candidate.account));
  const weighed = contenders.flatMap(({seat, candidate, weight}): SeatWeight[] => {
    const number = seat ?? all.findIndex(({account}) => account === candidate.account);
    return number === -1 ? [] : [{seat: number, weight}];
  });
  const candidates = before.candidates.filter(
    (candidate) => !seated.has(candidate.account) && weightOf(candidate, end) > 0,
  );
  const members = [...capped(weighed)].sort((left, right) => left.seat - right.seat);
  const terms = termsAfter(before.terms, members, end);
  return {seats: welcomed(all, before, terms), candidates, terms};
}

/** Who gets a vote again has as long as anybody to say a first word. */
function welcomed(seats: readonly Seat[], before: Register, terms: readonly Term[]): readonly Seat[] {
  const last = terms.at(-1);
  const back = (last?.members ?? []).filter(({seat}) => !isMember(before, seat));
  const activeEpoch = (last?.sinceEpoch ?? 1) - 1;
  return seats.map((seat, number) =>
    back.some((each) => each.seat === number) ? {...seat, activeEpoch} : seat,
  );
}

function afterEpoch(seat: Seat, isServing: boolean, number: number, {epoch, heads, params}: EpochEnd): Seat {
  if (!isServing) return seat;
  const head = heads.find(({witness}) => witness === number);
  const hasGrown = head !== undefined && head.n > seat.head.n;
  const activeEpoch = hasGrown ? epoch : seat.activeEpoch;
  const isIdle = seat.standing === "serving" && epoch - activeEpoch >= epochsOf(params.idleWitnessS, params);
  return {
    ...seat,
    activeEpoch,
    standing: isIdle ? "idle" : seat.standing,
    head: head === undefined ? seat.head : {n: head.n, hash: head.hash},
  };
}

type Contender = {
  readonly candidate: Candidate;
  /** `undefined`: not seated yet. */
  readonly seat: number | undefined;
  readonly weight: number;
};

/** Heaviest first; of equals who serves already, then who was seated first. */
function contendersOf(register: Register, stakes: Stakes): Contender[] {
  const seated = register.seats.map((candidate, seat): Contender & {standing: Seat["standing"]} => ({
    ...{candidate, seat, standing: candidate.standing},
    weight: weightOf(candidate, stakes),
  }));
  const waiting = register.candidates.map(
    (candidate): Contender => ({candidate, seat: undefined, weight: weightOf(candidate, stakes)}),
  );
  const contenders = [...seated.filter(({standing}) => standing === "serving"), ...waiting];
  return contenders
    .filter(({weight}) => weight > 0)
    .sort((left, right) => right.weight - left.weight || rankOf(register, left) - rankOf(register, right));
}

function rankOf(register: Register, {seat}: Contender): number {
  if (seat === undefined) return 2 * SEATS_MAX;
  return isMember(register, seat) ? seat : SEATS_MAX + seat;
}

function isMember({terms}: Register, number: number): boolean {
  return terms.at(-1)?.members.some(({seat}) => seat === number) === true;
}

function freshSeat({account, voteKey, evmAddress, peerId}: Candidate, epoch: number): Seat {
  const head = {n: 0n, hash: ZERO_HASH};
  return {account, voteKey, evmAddress, peerId, granted: 0, standing: "serving", activeEpoch: epoch, head};
}

/** One for each `witnessStakeMin`, beside what the genesis granted. */
export function weightOf(
  witness: Candidate & {readonly granted?: number},
  {stakeOf, params}: Stakes,
): number {
  const staked = stakeOf(witness.account) / params.witnessStakeMin;
  const weight = BigInt(witness.granted ?? 0) + staked;
  return weight < BigInt(WEIGHT_MAX) ? Number(weight) : WEIGHT_MAX;
}

/**
 * So that nobody alone stops a network of four or more, each share is held below 1/3. But not where more than
 * a quarter of the weight would lose its vote by that: next to one big stake, three small ones would else buy
 * the whole network. So what anybody has of the votes is at most 4/3 of what it has of the stakes.
 */
export function capped(members: readonly SeatWeight[]): readonly SeatWeight[] {
  if (members.length < 4) return members;
  const weights = members.map(({weight}) => weight).sort((left, right) => right - left);
  const limit = capOf(weights);
  const held = members.map(({seat, weight}) => ({seat, weight: Math.min(weight, limit)}));
  return 4 * totalOf(held) < 3 * totalOf(members) ? members : held;
}

function totalOf(members: readonly SeatWeight[]): number {
  return members.reduce((sum, {weight}) => sum + weight, 0);
}

/** `weights` descend, four or more. Capping two is always enough: then the others have more than either. */
function capOf(weights: readonly number[]): number {
  const [first = 0, second = 0] = weights;
  const others = weights.slice(1).reduce((sum, weight) => sum + weight, 0);
  const one = Math.ceil(others / 2) - 1;
  return second <= one ? Math.min(first, one) : Math.min(second, others - second - 1);
}

/** A term is kept until no certificate and no verdict of its epochs counts any more, nor an op that shows one. */
function termsAfter(
  terms: readonly Term[],
  members: readonly SeatWeight[],
  {epoch, height, params, lateWindowH}: EpochEnd,
): readonly Term[] {
  const last = terms.at(-1);
  const isChanged = members.length > 0 && !isSameList(members, last?.members ?? []);
  const all = isChanged ? [...terms, {sinceEpoch: epoch + 1, members}] : terms;
  const claimableH = BigInt(VERDICT_EPOCHS * params.checkpointsPerEpoch);
  return all.filter((_, index) => {
    const next = all[index + 1];
    if (next === undefined) return true;
    const endH = BigInt(next.sinceEpoch - 1) * BigInt(params.checkpointsPerEpoch);
    return endH + claimableH + lateWindowH >= height;
  });
}

function isSameList(left: readonly SeatWeight[], right: readonly SeatWeight[]): boolean {
  return (
    left.length === right.length &&
    left.every(({seat, weight}, index) => right[index]?.seat === seat && right[index].weight === weight)
  );
}
