/**
 * A free lock that expires with four witnesses, one of them bad, in the last heights of an epoch: every pattern of
 * votes for two claims that its judge signed for one slot, of when each vote was seen, of what the bad one shows
 * and when, of whose head the cuts leave out and for how long. The cuts are the real ones.
 */
import {balanceOf} from "@catalyze/core/ledger/cell";
import {Tally} from "@catalyze/core/ledger/certificates";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import type {Cut} from "@catalyze/core/ledger/cut";
import {actOn} from "@catalyze/core/ledger/evidence";
import {fold} from "@catalyze/core/ledger/fold";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {Op} from "@catalyze/core/ledger/op";
import {lockIdOf, NO_OP} from "@catalyze/core/ledger/opCodec";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {describe, expect, it} from "vitest";
import {CutWorld, type Stamp} from "./cutWorld.ts";
import {alice, award, bodyAt, carol, cutWith, freeSpec, toCell, unsigned} from "./kit.ts";
import {committeeOf, genesisOf} from "./witnessKit.ts";

const genesis = genesisOf(4);
const committee = committeeOf(4);
const BAD = 3;
/** The next height settles the lock; the one after is an ordinary one; 15 ends the epoch. */
const EXPIRY_H = 12n;
const [TO_CAROL, TO_TREASURY, FEE] = [500n, 700n, 100n];

const open = unsigned(
  bodyAt(alice.account, {seq: 0n, head: NO_OP}, {kind: "open", locks: [{...freeSpec, expiryH: EXPIRY_H}]}),
);
const lockId = lockIdOf(open.id, 0);
const first = {seq: 0n, head: NO_OP};
const x = unsigned(bodyAt(lockId, first, award(0n, [{to: toCell(carol.account), amount: TO_CAROL}])));
const y = unsigned(bodyAt(lockId, first, award(0n, [{to: {kind: "treasury"}, amount: TO_TREASURY}])));

/** In a cut before the lock expires, or only behind it; the bad one also after time. */
type When = "early" | "behind" | "after";
type Vote = {readonly ops: readonly Op[]; readonly when: When};
const NOTHING: Vote = {ops: [], when: "early"};
const votesOf = (choices: readonly (readonly Op[])[], whens: readonly When[]): readonly Vote[] => [
  NOTHING,
  ...choices.flatMap((ops) => whens.map((when) => ({ops, when}))),
];
const HONEST = votesOf([[x], [y]], ["early", "behind"]);
const SHOWN = votesOf([[x], [y], [x, y]], ["early", "behind", "after"]);

type Case = {
  readonly votes: readonly Vote[];
  /** Whose head the cuts leave where it was, when the lock expires or until the epoch is over. */
  readonly left: {readonly witness: number; readonly forLong: boolean} | undefined;
};

function* cases(): Generator<Case> {
  const lefts = [0, 1, 2, BAD].flatMap((witness) => [true, false].map((forLong) => ({witness, forLong})));
  for (const [at, one] of HONEST.entries()) {
    for (const [next, two] of HONEST.entries()) {
      if (next < at) continue;
      for (const three of HONEST.slice(next)) {
        for (const bad of SHOWN) {
          for (const left of [undefined, ...lefts]) yield {votes: [one, two, three, bad], left};
        }
      }
    }
  }
}

const started = (() => {
  const state = genesisState(genesis);
  expect(fold(state, [open], {height: 1n}).applied.length).toBe(1);
  return state;
})();
const before = {...genesisCheckpoint(genesis), height: EXPIRY_H - 2n, epoch: 1};

/** The cuts at the heights 11 to 15. */
function play({votes, left}: Case): readonly Cut[] {
  const world = new CutWorld();
  const shared = {...{params: genesis.params, prove: () => undefined}, soundnessOf: () => "sound" as const};
  let context = {
    ...{base: started.fork(), parent: before, parentHash: checkpointHash(before)},
    carried: new Tally(committee),
  };
  const cuts: Cut[] = [];
  const cut = () => {
    const {height} = context.parent;
    const isLeft = (witness: number) =>
      witness === left?.witness && (height === EXPIRY_H || (height > EXPIRY_H && left.forLong));
    const heads = world.heads().map((head) => {
      const old = context.parent.heads.find(({witness}) => witness === head.witness);
      return isLeft(head.witness) && old !== undefined ? old : head;
    });
    const made = world.cut({...shared, ...context}, heads);
    world.covered(made);
    cuts.push(made);
    const {state: base, checkpoint: parent, hash: parentHash, carried} = made;
    context = {base, parent, parentHash, carried};
  };
  const stampOf = () => ({height: context.parent.height, hash: context.parentHash});
  const write = (ops: readonly (readonly Op[])[], stamp: Stamp = stampOf()) => {
    for (const [witness, carry] of ops.entries()) world.write(witness, carry, stamp);
  };
  const at = (when: When) => votes.map(({ops, when: own}) => (own === when ? ops : []));
  const nothing = votes.map(() => []);
  write(at("early"));
  cut();
  write(nothing);
  const last = stampOf();
  cut();
  // Honest votes before their author has adopted the checkpoint of the expiry.
  write(at("behind"), last);
  write(at("after"));
  cut();
  write(nothing);
  cut();
  write(nothing, {...stampOf(), isSeal: true});
  cut();
  return cuts;
}

/** The height at which a freeze of that closing ends. */
function thawed(closed: Cut): LedgerState {
  const parent = {...closed.checkpoint, height: closed.checkpoint.height + 9n};
  const after = checkpointStep({...cutWith([]), tally: new Tally(committee), base: closed.state, parent});
  return after.state;
}

function drawnOf(state: LedgerState): bigint {
  const lock = state.lock(lockId)!;
  expect(lock.isClosed).toBe(true);
  expect(checkInvariants(state)).toEqual([]);
  const back = balanceOf(state.account(alice.account)!) - balanceOf(started.account(alice.account)!);
  expect(back).toBe(freeSpec.amount - lock.drawn);
  return lock.drawn;
}

describe("a free lock that expires", () => {
  it("pays the one claim that is visible, never the rival of a certified one, and always ends", () => {
    const seen = {cases: 0, atOnce: 0, waited: 0, certifiedLater: 0, frozen: 0, rescued: 0};
    const [DUE_X, DUE_Y] = [TO_CAROL + FEE, TO_TREASURY + FEE];
    for (const each of cases()) {
      seen.cases += 1;
      const cuts = play(each);
      for (const {blocked} of cuts) expect(blocked).toEqual([]);
      const [, , expired, , closed] = cuts.map(({state}) => state.lock(lockId)!);
      const votedFor = (op: Op) => each.votes.filter(({ops}) => ops.includes(op)).length;
      const certified = votedFor(x) >= 3 ? x : votedFor(y) >= 3 ? y : undefined;
      // Both only where the bad one votes twice and honest ones too few: one certificate at most.
      expect(votedFor(x) >= 3 && votedFor(y) >= 3).toBe(false);
      const isHonestJudge = votedFor(x) === 0 || votedFor(y) === 0;
      if (isHonestJudge) expect(expired!.isClosed).toBe(true);
      if (expired!.isClosed) {
        seen.atOnce += 1;
        const due = drawnOf(cuts[2]!.state);
        if (certified !== undefined) expect(due).toBe(certified === x ? DUE_X : DUE_Y);
        if (votedFor(x) + votedFor(y) === 0) expect(due).toBe(0n);
        continue;
      }
      seen.waited += 1;
      expect(expired!.frozen).toBeUndefined();
      if (closed!.isClosed) {
        seen.certifiedLater += 1;
        expect(certified).toBeDefined();
        expect(drawnOf(cuts[4]!.state)).toBe(certified === x ? DUE_X : DUE_Y);
        continue;
      }
      seen.frozen += 1;
      expect(closed!.frozen).toMatchObject({epoch: 1, untilH: 25n});
      if (certified !== undefined) {
        seen.rescued += 1;
        const proven = {kind: "certificate", op: certified, epoch: 1} as const;
        const {params} = genesis;
        expect(actOn(cuts[4]!.state, proven, {height: 20n, params, tell: () => {}})).toBe(certified);
      }
      const due = certified === undefined ? 0n : certified === x ? DUE_X : DUE_Y;
      expect(drawnOf(thawed(cuts[4]!))).toBe(due);
    }
    process.stdout.write(`${JSON.stringify(seen)}\n`);
    expect(seen.cases).toBe(3_150);
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  });
});
