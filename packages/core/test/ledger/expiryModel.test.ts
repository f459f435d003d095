/**
 * A lock that expires with four witnesses, one of them bad: every pattern of votes for two rising claims, of
 * when each vote was seen, of which head the closing cut leaves out, and of what the bad one adds after time
 * or makes up. The cuts are the real ones; signatures are not looked at, `isClaimSound` is the model's.
 */
import {balanceOf} from "@catalyze/core/ledger/cell";
import {Tally} from "@catalyze/core/ledger/certificates";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {fold} from "@catalyze/core/ledger/fold";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import type {Op} from "@catalyze/core/ledger/op";
import {lockIdOf, NO_OP} from "@catalyze/core/ledger/opCodec";
import {describe, expect, it} from "vitest";
import {CutWorld} from "./cutWorld.ts";
import {alice, bob, bodyAt, claim, lockSpec, unsigned} from "./kit.ts";
import {committeeOf, genesisOf} from "./witnessKit.ts";

const genesis = genesisOf(4);
const committee = committeeOf(4);
const BAD = 3;
const EXPIRY_H = 9n;
/** Neither divides evenly. */
const [LOW, HIGH, FORGED] = [333n, 777n, 9_999n];
const FEE = 100n;

const open = unsigned(
  bodyAt(alice.account, {seq: 0n, head: NO_OP}, {kind: "open", locks: [{...lockSpec, expiryH: EXPIRY_H}]}),
);
const lockId = lockIdOf(open.id, 0);
const low = unsigned(bodyAt(lockId, {seq: 0n, head: NO_OP}, claim(lockId, LOW), FEE));
const high = unsigned(bodyAt(lockId, {seq: 1n, head: low.id}, claim(lockId, HIGH), FEE));
const forged = unsigned(bodyAt(lockId, {seq: 0n, head: NO_OP}, claim(lockId, FORGED), FEE));

/** How far a witness voted, and whether its votes are in the last cut before expiry or only behind it. */
type Vote = {readonly upTo: 0 | 1 | 2; readonly isEarly: boolean};
const VOTES: readonly Vote[] = [
  {upTo: 0, isEarly: true},
  ...[true, false].flatMap((isEarly) => ([1, 2] as const).map((upTo) => ({upTo, isEarly}))),
];

type Case = {
  readonly votes: readonly Vote[];
  /** Whose head the closing cut leaves where it was. */
  readonly left: number | undefined;
  readonly isForged: boolean;
};

/** Which honest one is which does not matter for the votes; which head is left out does. */
function* cases(): Generator<Case> {
  for (const [first, one] of VOTES.entries()) {
    for (const [second, two] of VOTES.entries()) {
      for (const three of VOTES.slice(Math.max(first, second))) {
        if (second < first) continue;
        for (const bad of VOTES) {
          for (const left of [undefined, 0, 1, 2, BAD]) {
            for (const isForged of [false, true]) yield {votes: [one, two, three, bad], left, isForged};
          }
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
const total = {...genesisCheckpoint(genesis), height: EXPIRY_H - 1n, epoch: 1};

function play({votes, left, isForged}: Case) {
  const world = new CutWorld();
  const opsOf = ({upTo}: Vote) => [low, high].slice(0, upTo);
  const base = started.fork();
  const shared = {
    ...{params: genesis.params, prove: () => undefined},
    soundnessOf: (op: Op) => (op.id === forged.id ? ("forged" as const) : ("sound" as const)),
  };
  const parentHash = checkpointHash(total);
  // Before expiry: stamps of one height less, votes still allowed.
  for (const [witness, vote] of votes.entries()) {
    world.write(witness, vote.isEarly ? opsOf(vote) : [], {height: total.height, hash: parentHash});
  }
  const context = {...shared, base, parent: total, parentHash, carried: new Tally(committee)};
  const early = world.cut(context, world.heads());
  world.covered(early);
  // The rest of the honest votes stand in entries before the one that is stamped with the expiry.
  for (const [witness, vote] of votes.entries()) {
    if (!vote.isEarly) world.write(witness, opsOf(vote), {height: total.height, hash: parentHash});
    if (witness === BAD && isForged) world.write(witness, [forged], {height: total.height, hash: parentHash});
    world.write(witness, [], {height: EXPIRY_H, hash: early.hash});
  }
  const heads = world.heads().map((head) => {
    const before = early.checkpoint.heads.find(({witness}) => witness === head.witness);
    return head.witness === left && before !== undefined ? before : head;
  });
  const closing = {
    ...shared,
    base: early.state,
    parent: early.checkpoint,
    parentHash: early.hash,
    carried: early.carried,
  };
  const late = world.cut(closing, heads);
  return {early, late};
}

describe("a lock that expires", () => {
  it("pays what a quorum voted for, never more than was signed, and loses nothing, whatever was seen when", () => {
    expect(forged.id < low.id).toBe(true);
    let count = 0;
    let unseen = 0;
    for (const each of cases()) {
      count += 1;
      const {early, late} = play(each);
      expect([...early.blocked, ...late.blocked]).toEqual([]);
      const lock = late.state.lock(lockId)!;
      expect(lock.isClosed).toBe(true);
      expect(balanceOf(lock)).toBe(0n);
      const seenOf = (isCounted: (witness: number) => boolean) =>
        each.votes
          .filter(({isEarly}, witness) => (isEarly || witness !== each.left) && isCounted(witness))
          .map(({upTo}) => [0n, LOW, HIGH][upTo]!)
          .reduce((most, cumulative) => (cumulative > most ? cumulative : most));
      const voted = (least: number) => each.votes.filter(({upTo}) => upTo >= least).length;
      const certified = voted(2) >= 3 ? HIGH : voted(1) >= 3 ? LOW : 0n;
      // Seen with one vote is enough, and nobody can be paid less for it. That of a forger may count for nothing.
      const visible = lock.drawn;
      const least = seenOf((witness) => witness !== BAD || !each.isForged);
      expect([least, seenOf(() => true)]).toContain(visible);
      expect(lock.drawn >= certified).toBe(true);
      if (visible > certified) unseen += 1;
      const paid = (who: typeof alice) =>
        balanceOf(late.state.account(who.account)!) - balanceOf(started.account(who.account)!);
      const burned = late.state.totals.burned - started.totals.burned;
      const others = late.state.totals.accounts - started.totals.accounts - paid(alice) - paid(bob);
      expect(paid(alice)).toBe(lockSpec.amount - visible);
      expect(paid(alice) + paid(bob) + others + burned).toBe(lockSpec.amount);
      expect(paid(bob) >= 0n && paid(bob) <= visible).toBe(true);
    }
    expect(count).toBe(1_750);
    expect(unseen).toBeGreaterThan(100);
  });
});
