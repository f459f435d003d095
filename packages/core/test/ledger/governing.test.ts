import {
  type Ballot,
  feeSince,
  type Governance,
  genesisGovernance,
  paramsAt,
} from "@catalyze/core/ledger/governance";
import {decodeGovernance, encodeGovernance, governanceHash} from "@catalyze/core/ledger/governanceCodec";
import {
  BALLOTS_MAX,
  castBallot,
  countBallots,
  endVotes,
  isAccepted,
  motionProblem,
  PROPOSALS_MAX,
  propose,
} from "@catalyze/core/ledger/governing";
import {epochsOf, PARAMS_DEMO, PARAMS_PRODUCTION} from "@catalyze/core/ledger/params";
import {
  changedParams,
  PARAM_NAMES,
  PARAM_TABLE,
  type ParamChange,
  rowOf,
  voteBounds,
} from "@catalyze/core/ledger/paramTable";
import type {AccountId, OpId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

const params = {...PARAMS_DEMO, checkpointsPerEpoch: 4, votingS: 4, proposalDeposit: 10n};
const start = genesisGovernance({params});
const idOf = (n: number) => n.toString(16).padStart(64, "0");
const account = (n: number) => idOf(n) as AccountId;
const proposal = (n: number) => idOf(0x100 + n) as OpId;
const heightOf = (epoch: number) => BigInt(epoch * params.checkpointsPerEpoch);
const DEARER: ParamChange = {name: "opFee", value: 200n};

/** Account n has n times 10 µCTZ at stake. */
const weightOf = (id: AccountId) => BigInt(`0x${id}`) * 10n;
const context = {weightOf, stakeOf: weightOf, params, epoch: 1};

function proposed(governance: Governance, by: number, changes: readonly ParamChange[] = [DEARER]) {
  const motion = {changes, payment: undefined};
  return propose(governance, {id: proposal(by), proposer: account(by), motion}, context);
}

function voted(governance: Governance, by: number, isYes: boolean, on = 1): Governance {
  return castBallot(governance, {account: account(by), proposal: proposal(on), isYes}, {weightOf});
}

function ended(governance: Governance, epoch: number, total = 100n) {
  return endVotes(governance, {weightOf, total, epoch, height: heightOf(epoch)});
}

describe("the table of parameters", () => {
  it("gives each a number of its own, in order", () => {
    expect(PARAM_NAMES.map((name) => rowOf(name).tag)).toEqual(PARAM_NAMES.map((_, index) => index + 1));
    expect(PARAM_NAMES.length).toBe(Object.keys(PARAMS_PRODUCTION).length);
  });

  it("keeps votes near the genesis, and off what is fixed", () => {
    expect(voteBounds("unbondingS", PARAMS_PRODUCTION)).toEqual({min: 14n * 86_400n, max: 2_721_600n});
    expect(voteBounds("protocolFeeBps", PARAMS_PRODUCTION)).toMatchObject({min: 100n, max: 500n});
    for (const name of ["protocolVersion", "checkpointsPerEpoch", "challengeWindowS"] as const) {
      expect(voteBounds(name, PARAMS_PRODUCTION)).toBeUndefined();
      expect(motionProblem({changes: [{name, value: 4n}], payment: undefined})).toBe("parameter");
    }
    for (const name of PARAM_NAMES) {
      const bounds = voteBounds(name, PARAMS_PRODUCTION);
      if (bounds === undefined) continue;
      const change = (value: bigint) => changedParams(PARAMS_PRODUCTION, [{name, value}], PARAMS_PRODUCTION);
      expect(change(bounds.min - 1n)).toBeUndefined();
      expect(change(bounds.max + 1n)).toBeUndefined();
      // Alone each bound may be reached, but where another parameter forbids it.
      const value = name.endsWith("BpsDefault") ? 4_500n : bounds.max;
      expect(BigInt(change(value)?.[name] ?? -1)).toBe(value);
    }
  });

  it("never lets a vote make stake leave before the evidence against it", () => {
    const genesis = {...PARAMS_DEMO, unbondingS: 30, evidenceWindowS: 24};
    const changes = [
      {name: "unbondingS", value: 20n},
      {name: "evidenceWindowS", value: 30n},
    ] as const;
    expect(changedParams(genesis, changes.slice(0, 1), genesis)).toBeUndefined();
    expect(changedParams(genesis, changes.slice(1), genesis)).toMatchObject({evidenceWindowS: 30});
    expect(changedParams(genesis, changes, genesis)).toBeUndefined();
    const lower = {name: "evidenceWindowS", value: 16n} as const;
    expect(changedParams(genesis, [changes[0], lower], genesis)).toMatchObject({unbondingS: 20});
  });

  it("keeps the legs that are usual together below half", () => {
    const changes = (["creatorBpsDefault", "middlewareBpsDefault"] as const).map((name) => ({
      name,
      value: 2_501n,
    }));
    expect(changedParams(params, changes, params)).toBeUndefined();
    expect(changedParams(params, changes.slice(1), params)).toBeDefined();
  });
});

describe("a proposal", () => {
  it("needs its deposit at stake, and is the only one of its account", () => {
    expect(proposed(start, 0)).toBe(start);
    const one = proposed(start, 1);
    expect(one.proposals).toMatchObject([{id: proposal(1), deposit: 10n, ballots: []}]);
    const motion = {changes: [DEARER], payment: undefined};
    expect(propose(one, {id: proposal(2), proposer: account(1), motion}, context)).toBe(one);
  });

  it("is open for the time of a vote, and leaves with its votes when that ends", () => {
    const one = voted(proposed(start, 1), 5, true);
    const until = 1 + epochsOf(params.votingS, params);
    expect(one.proposals[0]?.untilEpoch).toBe(until);
    expect(ended(one, until - 1).governance).toBe(one);
    expect(ended(one, until).governance.proposals).toEqual([]);
  });

  it("of an account with more stake takes the place of the weakest, and of no other", () => {
    let governance = start;
    for (let by = 2; by < PROPOSALS_MAX + 2; by += 1) governance = proposed(governance, by);
    expect(proposed(governance, 1)).toEqual(governance);
    const pushed = proposed(governance, 99);
    expect(pushed.proposals).toHaveLength(PROPOSALS_MAX);
    expect(pushed.proposals.some(({proposer}) => proposer === account(2))).toBe(false);
  });

  it("that next to nobody wants costs its proposer the deposit; others do not", () => {
    const one = proposed(start, 3);
    const until = one.proposals[0]!.untilEpoch;
    const lost = [{account: account(3), amount: 10n}];
    expect(ended(one, until).lost).toEqual(lost);
    expect(ended(voted(one, 9, false, 3), until, 1_000n).lost).toEqual(lost);
    expect(ended(voted(one, 9, true, 3), until, 901n).lost).toEqual(lost);
    expect(ended(voted(one, 9, true, 3), until, 900n).lost).toEqual([]);
  });
});

describe("a vote", () => {
  it("counts once for an account, the last word of it, and never without stake", () => {
    const one = proposed(start, 1);
    expect(voted(one, 0, true)).toBe(one);
    expect(voted(one, 1, true, 7)).toBe(one);
    const twice = voted(voted(one, 4, true), 4, false);
    expect(countBallots(twice.proposals[0]!.ballots, weightOf)).toEqual({yes: 0n, no: 40n});
  });

  it("has room for the heaviest, whatever the order in which they come", () => {
    const ballotsArb = fc.shuffledSubarray(
      Array.from({length: BALLOTS_MAX + 8}, (_, index) => index + 1),
      {minLength: BALLOTS_MAX + 2},
    );
    const property = fc.property(ballotsArb, (voters) => {
      const one = voters.reduce((governance, by) => voted(governance, by, by % 2 === 0), proposed(start, 1));
      const kept = one.proposals[0]!.ballots.map((ballot) => ballot.account);
      const heaviest = voters.toSorted((left, right) => right - left).slice(0, BALLOTS_MAX);
      expect(kept).toEqual(heaviest.map(account).sort());
    });
    fc.assert(property, {numRuns: 5});
  });

  it("is counted the same in every order, with the last word of each", () => {
    const wordArb = fc.record({by: fc.integer({min: 0, max: 6}), isYes: fc.boolean()});
    const property = fc.property(fc.array(wordArb, {maxLength: 20}), fc.nat(), (words, seed) => {
      const run = (order: readonly {by: number; isYes: boolean}[]) =>
        order.reduce((governance, {by, isYes}) => voted(governance, by, isYes), proposed(start, 1));
      // Words of one account stay in their order: they stand in its log.
      const mixed = words
        .map((word, at) => ({...word, at, key: (word.by * 7_919 + seed) % 101}))
        .sort((left, right) => left.key - right.key || left.at - right.at);
      const [one, other] = [run(words), run(mixed)];
      expect(governanceHash(other)).toBe(governanceHash(one));
      const lastWords = new Map(words.map(({by, isYes}) => [by, isYes]));
      const sum = (wanted: boolean) =>
        [...lastWords].reduce((all, [by, isYes]) => all + (isYes === wanted ? BigInt(by) * 10n : 0n), 0n);
      expect(countBallots(one.proposals[0]!.ballots, weightOf)).toEqual({yes: sum(true), no: sum(false)});
    });
    fc.assert(property);
  });

  it("decides by quorum, and by a majority or two thirds of what was cast", () => {
    const plain = {changes: [DEARER], payment: undefined};
    const strict = {changes: [{name: "unbondingS", value: 30n} as const], payment: undefined};
    const spending = {changes: [], payment: {to: account(1), amount: 1n}};
    expect(isAccepted(plain, {yes: 0n, no: 0n}, 0n)).toBe(false);
    expect(isAccepted(plain, {yes: 20n, no: 0n}, 101n)).toBe(false);
    expect(isAccepted(plain, {yes: 20n, no: 0n}, 100n)).toBe(true);
    expect(isAccepted(plain, {yes: 30n, no: 30n}, 100n)).toBe(false);
    expect(isAccepted(plain, {yes: 31n, no: 30n}, 100n)).toBe(true);
    for (const motion of [strict, spending]) {
      expect(isAccepted(motion, {yes: 40n, no: 20n}, 100n)).toBe(false);
      expect(isAccepted(motion, {yes: 41n, no: 20n}, 100n)).toBe(true);
    }
  });
});

describe("what is accepted", () => {
  const until = 1 + epochsOf(params.votingS, params);

  it("is known for a whole epoch before it is in force", () => {
    const {governance} = ended(voted(proposed(start, 1), 9, true), until);
    expect(paramsAt(governance, until).opFee).toBe(100n);
    expect(paramsAt(governance, until + 1).opFee).toBe(100n);
    expect(paramsAt(governance, until + 2).opFee).toBe(200n);
  });

  it("builds on what was accepted before it and is not in force yet", () => {
    const other: ParamChange = {name: "lockExpiryHeights", value: 130n};
    const first = ended(voted(proposed(start, 1), 9, true), until).governance;
    const motion = {changes: [other], payment: undefined};
    const asked = propose(
      first,
      {id: proposal(2), proposer: account(2), motion},
      {
        ...context,
        epoch: 2,
      },
    );
    const {governance} = ended(voted(asked, 9, true, 2), until + 1);
    expect(paramsAt(governance, until + 2)).toMatchObject({opFee: 200n, lockExpiryHeights: 120});
    expect(paramsAt(governance, until + 3)).toMatchObject({opFee: 200n, lockExpiryHeights: 130});
  });

  it("makes what paid too little in any epoch dead for good", () => {
    const at = (sinceEpoch: number, opFee: bigint) => ({sinceEpoch, params: {...params, opFee}});
    const governance = {...start, terms: [at(0, 100n), at(4, 300n), at(6, 50n)]};
    const since = (from: number, epoch: number) => feeSince(governance, {from, epoch});
    expect([since(1, 3), since(1, 4), since(4, 5), since(5, 6), since(6, 6), since(6, 9)]).toEqual([
      ...[100n, 300n, 300n, 300n, 50n, 50n],
    ]);
    expect(since(0, 9)).toBe(300n);
  });

  it("stays out as a whole where it does not fit behind another", () => {
    const tooMuch = (name: "creatorBpsDefault" | "middlewareBpsDefault") => [{name, value: 2_600n}];
    let governance = proposed(start, 1, tooMuch("creatorBpsDefault"));
    const motion = {changes: tooMuch("middlewareBpsDefault"), payment: {to: account(5), amount: 5n}};
    governance = propose(governance, {id: proposal(2), proposer: account(2), motion}, context);
    for (const on of [1, 2]) governance = voted(governance, 9, true, on);
    const after = ended(governance, until).governance;
    expect(paramsAt(after, until + 2)).toMatchObject({creatorBpsDefault: 2_600, middlewareBpsDefault: 500});
    expect(after.payments).toEqual([]);
  });

  it("is paid an epoch later, once", () => {
    const motion = {changes: [], payment: {to: account(5), amount: 5n}};
    const one = propose(start, {id: proposal(1), proposer: account(1), motion}, context);
    const accepted = ended(voted(one, 9, true), until);
    expect(accepted.payments).toEqual([]);
    const paid = ended(accepted.governance, until + 1);
    expect(paid.payments).toMatchObject([{to: account(5), amount: 5n, proposal: proposal(1)}]);
    expect(paid.governance.payments).toEqual([]);
    expect(ended(paid.governance, until + 2).payments).toEqual([]);
  });

  it("is kept as long as certificates of its epochs count, and the genesis for ever", () => {
    let governance = ended(voted(proposed(start, 1), 9, true), until).governance;
    const again: ParamChange = {name: "opFee", value: 300n};
    const motion = {changes: [again], payment: undefined};
    const asked = propose(
      governance,
      {id: proposal(2), proposer: account(2), motion},
      {...context, epoch: 9},
    );
    governance = ended(voted(asked, 9, true, 2), 10).governance;
    expect(governance.terms.map(({sinceEpoch}) => sinceEpoch)).toEqual([0, 4, 12]);
    // Ten heights are two and a half epochs.
    expect(params.lateCertificateWindowS).toBe(10);
    expect(ended(governance, 13).governance.terms).toHaveLength(3);
    const last = ended(governance, 14).governance;
    expect(last.terms.map(({sinceEpoch}) => sinceEpoch)).toEqual([0, 12]);
    expect(paramsAt(last, 0)).toEqual(params);
  });
});

describe("the bytes of governance", () => {
  const changeArb = fc
    .uniqueArray(fc.constantFrom(...PARAM_NAMES), {maxLength: 8})
    .map((names) =>
      names
        .sort((left, right) => PARAM_TABLE[left].tag - PARAM_TABLE[right].tag)
        .map((name): ParamChange => ({name, value: PARAM_TABLE[name].min})),
    );
  const idArb = fc.integer({min: 1, max: 1_000}).map(idOf);
  const ballotsArb = fc
    .uniqueArray(fc.record({account: idArb, isYes: fc.boolean()}), {selector: (each) => each.account})
    .map((ballots) => ballots.sort((left, right) => (left.account < right.account ? -1 : 1)) as Ballot[]);
  const paymentArb = fc.record({to: idArb, amount: fc.bigInt({min: 0n, max: (1n << 64n) - 1n})});
  const proposalArb = fc.record({
    ...{id: idArb, proposer: idArb, deposit: fc.bigInt({min: 0n, max: 1n << 60n}), untilEpoch: fc.nat()},
    ...{changes: changeArb, payment: fc.option(paymentArb, {nil: undefined}), ballots: ballotsArb},
  });
  const governanceArb = fc.record({
    terms: fc.constantFrom(start.terms, [...start.terms, {sinceEpoch: 9, params: PARAMS_DEMO}]),
    proposals: fc
      .uniqueArray(proposalArb, {maxLength: PROPOSALS_MAX, selector: ({id}) => id})
      .map((list) => list.sort((left, right) => (left.id < right.id ? -1 : 1))),
    payments: fc.array(
      paymentArb.chain((payment) =>
        fc.record({proposal: idArb, epoch: fc.nat()}).map((rest) => ({...payment, ...rest})),
      ),
      {maxLength: PROPOSALS_MAX},
    ),
  }) as unknown as fc.Arbitrary<Governance>;

  it("are one for each value, and refused when anything follows or is left out", () => {
    fc.assert(
      fc.property(governanceArb, fc.nat(), (governance, at) => {
        const bytes = encodeGovernance(governance);
        expect(encodeGovernance(decodeGovernance(bytes))).toEqual(bytes);
        expect(decodeGovernance(bytes)).toEqual(governance);
        expect(() => decodeGovernance(bytes.slice(0, at % bytes.length))).toThrow();
        expect(() => decodeGovernance(Uint8Array.of(...bytes, 0))).toThrow();
      }),
    );
  });

  it("name another value with any bit flipped, or none", () => {
    const bytes = encodeGovernance(voted(proposed(start, 1), 9, true));
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.with(at, (bytes[at] ?? 0) ^ 1);
      let again: Governance | undefined;
      try {
        again = decodeGovernance(changed);
      } catch {
        continue;
      }
      expect(encodeGovernance(again), `byte ${at}`).toEqual(changed);
    }
  });
});
