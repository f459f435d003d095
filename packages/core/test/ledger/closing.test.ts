/**
 * The closing rule, exhaustively: an owner has signed two ops for one slot; every split of honest votes,
 * everything that bad witnesses may show, and every set of seals that a closing checkpoint may rest on.
 */
import {apply} from "@catalyze/core/ledger/apply";
import {type Candidate, Tally} from "@catalyze/core/ledger/certificates";
import {closeEpoch} from "@catalyze/core/ledger/closing";
import {Committee} from "@catalyze/core/ledger/committee";
import {fold} from "@catalyze/core/ledger/fold";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {Op} from "@catalyze/core/ledger/op";
import {SoundCopies} from "@catalyze/core/ledger/soundCopies";
import type {LedgerState} from "@catalyze/core/ledger/state";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {historyArb} from "./history.ts";
import {alice, bob, carol, nextOp, testGenesis, transfer} from "./kit.ts";

type Outcome = "x" | "y" | "frozen" | "none";
/** Weights of visible and of all votes for the rivals. */
type Votes = {readonly x: number; readonly y: number};
type Case = {readonly visible: Votes; readonly all: Votes; readonly isHonest: boolean};

const base = genesisState(testGenesis);
const x = nextOp(base, alice.account, transfer(bob.account, 10n));
const y = nextOp(base, alice.account, transfer(carol.account, 20n));
const context = {height: 4n, epoch: 1, frozenUntilH: 9n, soundCopy: ({op}: Candidate) => op};

function committeeOf(weights: readonly number[]): Committee {
  return new Committee(weights.map((weight, seat) => ({seat, weight, voteKey: new Uint8Array(32)})));
}

/** The real rule, on a real state: masks of who is seen to have voted for what. */
function closed(committee: Committee, masks: Votes): Outcome {
  const tally = new Tally(committee);
  if (masks.x !== 0) tally.restore([{op: x, mask: masks.x}]);
  if (masks.y !== 0) tally.restore([{op: y, mask: masks.y}]);
  const state = base.fork();
  fold(state, tally.certified(), context);
  closeEpoch(state, tally, context);
  const account = state.account(alice.account);
  if (account?.frozen !== undefined) return "frozen";
  return account?.head === x.id ? "x" : account?.head === y.id ? "y" : "none";
}

/** Every way in which witnesses of these weights may have voted, of which the last `bad` are bad. */
function* casesOf(weights: readonly number[], bad: number, quorum: number): Generator<Case & {masks: Votes}> {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const honest = weights.length - bad;
  for (let seen = 0; seen < 2 ** weights.length; seen += 1) {
    if (weightOf(weights, seen) < quorum) continue;
    for (let split = 0; split < 3 ** honest; split += 1) {
      // 0 no vote, 1 for x, 2 for y.
      const votes = Array.from({length: honest}, (_, index) => Math.floor(split / 3 ** index) % 3);
      const maskOf = (value: number) =>
        votes.reduce((mask, vote, index) => (vote === value ? mask | (1 << index) : mask), 0);
      const badMask = (2 ** bad - 1) << honest;
      for (let shown = 0; shown < 4 ** bad; shown += 1) {
        const shows = (bit: number) =>
          Array.from(
            {length: bad},
            (_, index) => ((shown >> (2 * index + bit)) & 1) << (honest + index),
          ).reduce((mask, each) => mask | each, 0);
        // What bad witnesses show is seen whether or not their seals count.
        const masks = {x: (maskOf(1) & seen) | shows(0), y: (maskOf(2) & seen) | shows(1)};
        const all = {x: weightOf(weights, maskOf(1) | badMask), y: weightOf(weights, maskOf(2) | badMask)};
        const visible = {x: weightOf(weights, masks.x), y: weightOf(weights, masks.y)};
        yield {masks, visible, all, isHonest: maskOf(2) === 0 && shows(1) === 0};
      }
    }
  }
  if (total === 0) throw new Error("no weight");
}

function weightOf(weights: readonly number[], mask: number): number {
  return weights.reduce((sum, weight, index) => ((mask >> index) & 1 ? sum + weight : sum), 0);
}

/** What may not happen: a certificate that is neither applied nor kept for later, or an honest owner frozen. */
function isWrong(outcome: Outcome, {all, isHonest}: Case, quorum: number): boolean {
  if (all.x >= quorum && all.y >= quorum) return false;
  if (all.x >= quorum && outcome !== "x" && outcome !== "frozen") return true;
  if (all.y >= quorum && outcome !== "y" && outcome !== "frozen") return true;
  return isHonest && outcome === "frozen";
}

/** Rules that look as good. */
const SIMPLER: Readonly<Record<string, (visible: Votes, quorum: number, bad: number) => Outcome>> = {
  majority: ({x: forX, y: forY}) => (forX === 0 && forY === 0 ? "none" : forX >= forY ? "x" : "y"),
  certifiedOnly: ({x: forX, y: forY}, quorum) => (forX >= quorum ? "x" : forY >= quorum ? "y" : "none"),
  threshold: ({x: forX, y: forY}, _, bad) => (forX > bad ? "x" : forY > bad ? "y" : "none"),
};

function count(weights: readonly number[], bad: number) {
  const committee = committeeOf(weights);
  const badWeight = weights.slice(weights.length - bad).reduce((sum, weight) => sum + weight, 0);
  const wrong: Record<string, number> = {closing: 0, majority: 0, certifiedOnly: 0, threshold: 0};
  const outcomes = new Map<string, Outcome>();
  let cases = 0;
  for (const each of casesOf(weights, bad, committee.quorum)) {
    cases += 1;
    const key = `${each.masks.x}/${each.masks.y}`;
    const outcome = outcomes.get(key) ?? closed(committee, each.masks);
    outcomes.set(key, outcome);
    if (isWrong(outcome, each, committee.quorum)) wrong["closing"] = (wrong["closing"] ?? 0) + 1;
    for (const [name, rule] of Object.entries(SIMPLER)) {
      const other = rule(each.visible, committee.quorum, badWeight);
      if (isWrong(other, each, committee.quorum)) wrong[name] = (wrong[name] ?? 0) + 1;
    }
  }
  return {cases, wrong};
}

describe("closing", () => {
  it.each([
    [4, 1],
    [5, 1],
    [7, 2],
  ])("loses no certificate and freezes no honest owner: %i witnesses, %i bad", (size, bad) => {
    const {cases, wrong} = count(Array<number>(size).fill(1), bad);
    expect(cases).toBeGreaterThan(500);
    expect(wrong["closing"]).toBe(0);
    // The test of the test: what looks simpler loses money.
    for (const name of Object.keys(SIMPLER)) expect(wrong[name], name).toBeGreaterThan(0);
  });

  it("does so for any weights of which less than a third is bad", () => {
    const weightsArb = fc.array(fc.integer({min: 1, max: 40}), {minLength: 3, maxLength: 5});
    fc.assert(
      fc.property(weightsArb, (weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const last = weights.at(-1) ?? 0;
        const bad = last * 3 < total ? 1 : 0;
        expect(count(weights, bad).wrong["closing"]).toBe(0);
      }),
      {numRuns: 25},
    );
  });

  it("applies what one vote shows, in whatever order cells come, and conserves money", () => {
    const committee = committeeOf([1, 1, 1, 1]);
    const masksArb = fc.array(fc.integer({min: 0, max: 15}), {minLength: 40, maxLength: 40});
    fc.assert(
      fc.property(historyArb, masksArb, fc.boolean(), (ops, masks, isReversed) => {
        const run = (list: readonly (readonly [Op, number])[]) => {
          const tally = new Tally(committee);
          for (const [op, mask] of list) if (mask !== 0) tally.restore([{op, mask}]);
          const state = genesisState(testGenesis).fork();
          fold(state, tally.certified(), context);
          closeEpoch(state, tally, context);
          expect(checkInvariants(state)).toEqual([]);
          return state.tree().root();
        };
        const list = ops.map((op, index) => [op, masks[index % masks.length] ?? 0] as const);
        const other = isReversed ? [...list].reverse() : list;
        expect(run(other)).toEqual(run(list));
      }),
    );
  });

  it("takes a chain of one owner as far as it is visible, and stops where it splits", () => {
    const committee = committeeOf([1, 1, 1, 1]);
    const ahead = base.fork();
    apply(ahead, x, context);
    const [second, rival] = [5n, 6n].map((amount) =>
      nextOp(ahead, alice.account, transfer(bob.account, amount)),
    );
    const tally = new Tally(committee);
    tally.restore([{op: x, mask: 1}]);
    tally.restore([{op: second!, mask: 2}]);
    tally.restore([{op: rival!, mask: 4}]);
    const state = base.fork();
    expect(closeEpoch(state, tally, context)).toEqual({applied: [x], frozen: [alice.account]});
    expect(state.account(alice.account)).toMatchObject({seq: 1n, head: x.id, frozen: {epoch: 1, untilH: 9n}});
  });

  it("looks at two of an owner's rivals, however many there are", () => {
    const rivals = Array.from({length: 30}, (_, at) =>
      nextOp(base, alice.account, transfer(bob.account, BigInt(at + 1))),
    );
    const tally = new Tally(committeeOf([1, 1, 1, 1]));
    for (const op of rivals) tally.restore([{op, mask: 8}]);
    let asked = 0;
    const soundCopy = ({op}: Candidate) => {
      asked += 1;
      return op;
    };
    const closing = closeEpoch(base.fork(), tally, {...context, soundCopy});
    expect(closing).toEqual({applied: [], frozen: [alice.account]});
    expect(asked).toBe(2);
  });

  it("comes out the same in whatever order a node saw what one bad member made up", () => {
    const forged = x.id < y.id ? x : y;
    const run = (list: readonly Op[]) => {
      const tally = new Tally(committeeOf([1, 1, 1, 1]));
      for (const op of list) tally.restore([{op, mask: 8}]);
      const copies = new SoundCopies(({id}) => (id === forged.id ? "forged" : "sound"));
      const soundCopy = (candidate: Candidate, state: LedgerState) => copies.of(candidate, state, 1);
      return closeEpoch(base.fork(), tally, {...context, soundCopy});
    };
    expect(run([x, y])).toEqual({applied: [], frozen: []});
    expect(run([y, x])).toEqual({applied: [], frozen: []});
  });

  it("leaves out what its owner did not sign, or could not pay", () => {
    const tally = new Tally(committeeOf([1, 1, 1, 1]));
    tally.restore([{op: x, mask: 1}]);
    tally.restore([{op: y, mask: 2}]);
    const onlyX = {...context, soundCopy: ({op}: Candidate) => (op.id === x.id ? op : undefined)};
    expect(closeEpoch(base.fork(), tally, onlyX)).toEqual({applied: [x], frozen: []});
    const tooMuch = new Tally(committeeOf([1, 1, 1, 1]));
    tooMuch.restore([{op: nextOp(base, alice.account, transfer(bob.account, 10_000_000n)), mask: 1}]);
    expect(closeEpoch(base.fork(), tooMuch, context)).toEqual({applied: [], frozen: []});
  });
});
