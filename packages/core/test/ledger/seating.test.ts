import type {Candidate} from "@catalyze/core/ledger/candidate";
import {ZERO_HASH} from "@catalyze/core/ledger/cell";
import {Committee} from "@catalyze/core/ledger/committee";
import {heightsOf, PARAMS_DEMO, VERDICT_EPOCHS} from "@catalyze/core/ledger/params";
import {committeeAt, committeeNow, type Register, type Seat} from "@catalyze/core/ledger/register";
import {decodeRegister, encodeRegister, registerHash} from "@catalyze/core/ledger/registerCodec";
import {
  CANDIDATES_MAX,
  capped,
  convict,
  type EpochEnd,
  join,
  leave,
  nextRegister,
} from "@catalyze/core/ledger/seating";
import type {AccountId, Hash, PeerId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

const STAKE = 100n;
const params = {...PARAMS_DEMO, checkpointsPerEpoch: 4, witnessStakeMin: STAKE, idleWitnessS: 8};
const stakes = new Map<AccountId, bigint>();
const stakeOf = (account: AccountId) => stakes.get(account) ?? 0n;

function candidate(index: number, change: Partial<Candidate> = {}): Candidate {
  return {
    account: index.toString(16).padStart(64, "0") as AccountId,
    voteKey: new Uint8Array(32).fill(index),
    evmAddress: index.toString(16).padStart(40, "0"),
    peerId: `12D3KooWTestTestTestTest${index + 1}`.replaceAll("0", "z") as PeerId,
    ...change,
  };
}

function seat(index: number, change: Partial<Seat> = {}): Seat {
  const head = {n: 0n, hash: ZERO_HASH};
  return {...candidate(index), granted: 1, standing: "serving", activeEpoch: 0, head, ...change};
}

/** These seats, all of them members. */
function registerOf(seats: readonly Seat[], candidates: readonly Candidate[] = []): Register {
  const members = seats.map(({granted}, number) => ({seat: number, weight: granted}));
  return {seats, candidates, terms: [{sinceEpoch: 1, members}]};
}

/** Every member wrote something. */
function endOf(register: Register, epoch: number, silent: readonly number[] = []): EpochEnd {
  const members = register.terms.at(-1)!.members.filter((member) => !silent.includes(member.seat));
  const heads = members.map((member) => ({witness: member.seat, n: BigInt(epoch), hash: ZERO_HASH as Hash}));
  return {epoch, height: BigInt(epoch * params.checkpointsPerEpoch), heads, stakeOf, params, lateWindowH};
}

const membersOf = ({terms}: Register) => terms.at(-1)!.members.map((member) => [member.seat, member.weight]);
const one = registerOf([seat(0)]);
const lateWindowH = heightsOf(params.lateCertificateWindowS, params);
const asked = {stakeOf, params, epoch: 1};

function staked(entries: Readonly<Record<number, bigint>>): void {
  stakes.clear();
  for (const [index, amount] of Object.entries(entries)) stakes.set(candidate(Number(index)).account, amount);
}

describe("joining", () => {
  it("makes a candidate of who has the stake, and a member at the epoch's end", () => {
    staked({1: STAKE, 2: 3n * STAKE - 1n});
    const waiting = join(join(one, candidate(1), asked), candidate(2), asked);
    expect(membersOf(waiting)).toEqual([[0, 1]]);
    const next = nextRegister(waiting, endOf(waiting, 1));
    expect(membersOf(next)).toEqual([
      [0, 1],
      [1, 2],
      [2, 1],
    ]);
    expect(next.candidates).toEqual([]);
    expect(committeeAt(next, 1)?.size).toBe(1);
    expect(committeeAt(next, 2)?.size).toBe(3);
  });

  it("has no effect without the stake, with another's key, or for a convict", () => {
    staked({1: STAKE - 1n, 2: STAKE, 3: STAKE});
    expect(join(one, candidate(1), asked)).toBe(one);
    const {voteKey, evmAddress} = candidate(0);
    expect(join(one, candidate(2, {voteKey}), asked)).toBe(one);
    expect(join(one, candidate(2, {evmAddress}), asked).candidates).toHaveLength(1);
    const barred = registerOf([seat(0), seat(2, {standing: "convicted"})]);
    expect(join(barred, candidate(2), asked)).toBe(barred);
    const waiting = join(one, candidate(2), asked);
    expect(join(waiting, candidate(3, {voteKey: candidate(2).voteKey}), asked)).toBe(waiting);
  });

  it("keeps the key of a seat, and the address while it is counted on", () => {
    const wish = candidate(0, {
      peerId: "12D3KooWMovedMovedMovedMoved" as PeerId,
      evmAddress: "ab".repeat(20),
    });
    expect(join(one, {...wish, voteKey: new Uint8Array(32).fill(9)}, asked)).toBe(one);
    const [member] = join(one, wish, asked).seats;
    expect(member).toMatchObject({peerId: wish.peerId, evmAddress: candidate(0).evmAddress});
    const gone = registerOf([seat(1)]);
    const away = {...gone, seats: [...gone.seats, seat(0, {standing: "left"})]};
    expect(join(away, wish, {...asked, epoch: 7}).seats[1]).toMatchObject({
      ...{evmAddress: wish.evmAddress, standing: "serving", activeEpoch: 7},
    });
  });

  it("lets no more candidates wait than fit: the weakest goes", () => {
    staked(Object.fromEntries(Array.from({length: 80}, (_, at) => [at + 1, BigInt(at + 1) * STAKE])));
    let register = one;
    for (let at = 1; at <= 80; at += 1) register = join(register, candidate(at), asked);
    expect(register.candidates).toHaveLength(CANDIDATES_MAX);
    expect(register.candidates.map(({account}) => account)).not.toContain(candidate(16).account);
    expect(join(register, candidate(1), asked).candidates).toEqual(register.candidates);
  });
});

describe("the end of an epoch", () => {
  it("takes the heaviest up to the limit, and of equals who serves", () => {
    staked(Object.fromEntries(Array.from({length: 30}, (_, at) => [at + 1, STAKE])));
    let register = registerOf([seat(0), seat(1, {granted: 0}), seat(2, {granted: 0})]);
    for (let at = 3; at <= 30; at += 1) register = join(register, candidate(at), asked);
    const next = nextRegister(register, endOf(register, 1));
    expect(next.terms.at(-1)?.members).toHaveLength(21);
    expect(next.seats).toHaveLength(21);
    expect(next.candidates).toHaveLength(10);
    stakes.set(candidate(30).account, 2n * STAKE);
    const later = nextRegister(next, endOf(next, 2));
    expect(later.seats).toHaveLength(22);
    expect(later.seats[21]?.account).toBe(candidate(30).account);
    // Somebody who serves made room, and keeps its seat.
    expect(later.terms.at(-1)?.members).toHaveLength(21);
    expect(later.seats.slice(0, 21).map(({account}) => account)).toEqual(
      next.seats.map(({account}) => account),
    );
  });

  it("lets go who left, was convicted, lost its stake or stood still, and takes back who asks again", () => {
    staked({1: STAKE, 2: STAKE, 3: STAKE, 4: STAKE});
    const seats = [0, 1, 2, 3, 4].map((index) => seat(index, index === 0 ? {} : {granted: 0}));
    const all = {...registerOf(seats), terms: registerOf(seats.map(() => seat(0))).terms};
    let register = leave(all, candidate(1).account);
    register = convict(register, candidate(2).account);
    expect(membersOf(register)).toHaveLength(5);
    stakes.set(candidate(3).account, 0n);
    const next = nextRegister(register, endOf(register, 1, [4]));
    expect(membersOf(next).map(([number]) => number)).toEqual([0, 4]);
    // 8 s are two epochs of 4 s.
    const later = nextRegister(next, endOf(next, 2, [4]));
    expect(later.seats.map(({standing}) => standing)).toEqual([
      ...["serving", "left", "convicted", "serving", "idle"],
    ]);
    const again = [1, 2, 4].reduce((before, at) => join(before, candidate(at), {...asked, epoch: 3}), later);
    const back = nextRegister(again, endOf(again, 3));
    expect(membersOf(back).map(([number]) => number)).toEqual([0, 1, 4]);
    expect(convict(leave(register, candidate(2).account), candidate(2).account)).toEqual(register);
  });

  it("is not held up by asking again, and gives who comes back its time", () => {
    staked({1: STAKE});
    const two = {...registerOf([seat(0), seat(1)]), terms: registerOf([seat(0), seat(1)]).terms};
    let register = two;
    for (let epoch = 1; epoch <= 2; epoch += 1) {
      register = join(register, candidate(1), {...asked, epoch});
      register = nextRegister(register, endOf(register, epoch, [1]));
    }
    expect(register.seats[1]?.standing).toBe("idle");
    // Away for many epochs with too little stake, then back: the clock starts anew.
    const poor = registerOf([seat(0), seat(1, {granted: 0})]);
    stakes.set(candidate(1).account, 0n);
    let away = poor;
    for (let epoch = 1; epoch <= 5; epoch += 1) away = nextRegister(away, endOf(away, epoch));
    expect(membersOf(away)).toEqual([[0, 1]]);
    stakes.set(candidate(1).account, STAKE);
    away = nextRegister(away, endOf(away, 6));
    expect(membersOf(away)).toEqual([
      [0, 1],
      [1, 1],
    ]);
    away = nextRegister(away, endOf(away, 7, [1]));
    expect(away.seats[1]?.standing).toBe("serving");
    away = nextRegister(away, endOf(away, 8, [1]));
    expect(away.seats[1]?.standing).toBe("idle");
  });

  it("remembers where each log stood", () => {
    const two = registerOf([seat(0), seat(1)]);
    const gone = nextRegister(leave(two, candidate(1).account), endOf(two, 1));
    const after = nextRegister(gone, endOf(gone, 2));
    expect(after.seats.map(({head}) => head.n)).toEqual([2n, 1n]);
  });

  it("never leaves a network without witnesses", () => {
    const gone = leave(one, candidate(0).account);
    expect(membersOf(nextRegister(gone, endOf(gone, 1)))).toEqual([[0, 1]]);
  });

  it("forgets a committee when no certificate and no verdict of it counts any more", () => {
    staked({});
    let register = registerOf([seat(0), seat(1)]);
    register = nextRegister(leave(register, candidate(1).account), endOf(register, 1));
    expect(register.terms.map(({sinceEpoch}) => sinceEpoch)).toEqual([1, 2]);
    // 10 s are 10 heights after height 4 and the epochs in which a verdict of it is claimed.
    const last = 1 + VERDICT_EPOCHS + 2;
    for (let epoch = 2; epoch <= last; epoch += 1) register = nextRegister(register, endOf(register, epoch));
    expect(committeeAt(register, 1)?.size).toBe(2);
    register = nextRegister(register, endOf(register, last + 1));
    expect(committeeAt(register, 1)).toBeUndefined();
    expect(committeeNow(register).size).toBe(1);
  });
});

describe("weights", () => {
  const total = (list: readonly number[]) => list.reduce((sum, weight) => sum + weight, 0);
  const held = (list: readonly number[]) =>
    capped(list.map((weight, number) => ({seat: number, weight}))).map(({weight}) => weight);
  const committeeOf = (list: readonly number[]) =>
    new Committee(list.map((weight, number) => ({seat: number, weight, voteKey: new Uint8Array(32)})));

  it("let nobody alone stop four or more, unless too much stake would lose its vote", () => {
    const weights = fc.array(fc.integer({min: 1, max: 1_000}), {minLength: 1, maxLength: 21});
    fc.assert(
      fc.property(weights, (list) => {
        const votes = held(list);
        expect(votes.every((weight, at) => weight >= 1 && weight <= list[at]!)).toBe(true);
        expect(4 * total(votes)).toBeGreaterThanOrEqual(3 * total(list));
        const isCapped = votes.some((weight, at) => weight < list[at]!);
        const committee = committeeOf(votes);
        if (isCapped) {
          for (const weight of votes)
            expect(committee.totalWeight - weight).toBeGreaterThanOrEqual(committee.quorum);
        }
        // Whoever the heaviest are, they keep their order.
        expect(Math.max(...votes)).toBe(votes[list.indexOf(Math.max(...list))]);
      }),
      {numRuns: 2_000},
    );
  });

  it("are held below a third where that costs little, and as staked where the small ones would take over", () => {
    expect(held([40, 30, 20, 10])).toEqual([29, 29, 20, 10]);
    expect(held([1_000, 1, 1, 1])).toEqual([1_000, 1, 1, 1]);
    expect(held([490, 490, 10, 10])).toEqual([490, 490, 10, 10]);
    expect(held([2, 1, 1])).toEqual([2, 1, 1]);
  });
});

describe("the register's bytes", () => {
  const seats = fc.array(
    fc.record({
      standing: fc.constantFrom("serving" as const, "left" as const, "idle" as const, "convicted" as const),
      granted: fc.nat(),
      activeEpoch: fc.nat(),
      n: fc.bigInt({min: 0n, max: 2n ** 64n - 1n}),
    }),
    {minLength: 1, maxLength: 40},
  );

  it("come back as they were, and any other byte makes another hash or no register", () => {
    fc.assert(
      fc.property(seats, fc.nat(), fc.integer({min: 1, max: 255}), (list, at, flip) => {
        const seated = list.map(({n, ...rest}, index) => seat(index, {...rest, head: {n, hash: ZERO_HASH}}));
        const register = {...registerOf(seated.slice(0, 21)), seats: seated, candidates: [candidate(99)]};
        const bytes = encodeRegister(register);
        const back = decodeRegister(bytes);
        expect(back).toEqual(register);
        expect(registerHash(back)).toBe(registerHash(register));
        const wrong = bytes.slice();
        wrong[at % wrong.length]! ^= flip;
        try {
          expect(encodeRegister(decodeRegister(wrong))).toEqual(wrong);
          expect(registerHash(decodeRegister(wrong))).not.toBe(registerHash(register));
        } catch (error) {
          expect(error).toMatchObject({code: "DECODE_INVALID"});
        }
      }),
    );
  });
});
