/** Free locks: what a judge may pay, and what becomes of the lock when it expires. */
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import {apply, enabled, votable} from "@catalyze/core/ledger/apply";
import {balanceOf} from "@catalyze/core/ledger/cell";
import {Tally} from "@catalyze/core/ledger/certificates";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {Committee} from "@catalyze/core/ledger/committee";
import {actOn} from "@catalyze/core/ledger/evidence";
import {fold} from "@catalyze/core/ledger/fold";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {Authority, LockSpec, Op, OpBody, Payload, Payout} from "@catalyze/core/ledger/op";
import {checkOpForm, specProblem} from "@catalyze/core/ledger/opChecks";
import {addSignature, lockIdOf, NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import {LedgerState} from "@catalyze/core/ledger/state";
import {CONTEXT_START, signVoucher} from "@catalyze/core/ledger/voucher";
import type {LockId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {
  alice,
  award,
  bob,
  bodyAt,
  carol,
  cutWith,
  dora,
  freeSpec,
  lockSpec,
  NETWORK,
  nextOp,
  type Person,
  people,
  testGenesis,
  toCell,
  transfer,
  unsigned,
} from "./kit.ts";

type FreeAuthority = Extract<Authority, {kind: "controller"}>;

const genesisHash = new Uint8Array(32).fill(4);
const verifier = createVerifier();
const BURN = {kind: "burn"} as const;
const TREASURY = {kind: "treasury"} as const;
const free = freeSpec.authority as FreeAuthority;
/** Of 10,000, with the fee of 100. */
const toCarol = (amount: bigint): readonly Payout[] => [{to: toCell(carol.account), amount}];

function opened(change: Partial<LockSpec> = {}) {
  const state = genesisState(testGenesis);
  const open = nextOp(state, alice.account, {kind: "open", locks: [{...freeSpec, ...change}]});
  apply(state, open, {height: 1n});
  return {state, open, lockId: lockIdOf(open.id, 0)};
}

function held(state: LedgerState, {account}: Person): bigint {
  const cell = state.account(account);
  return cell === undefined ? 0n : balanceOf(cell);
}

describe("a claim on a free lock", () => {
  it("pays whom the judge names what it says, and its fee out of the lock", () => {
    const {state, lockId} = opened();
    const before = {carol: held(state, carol), bob: held(state, bob), totals: state.totals};
    const payouts = [...toCarol(3_001n), {to: TREASURY, amount: 7n}, {to: BURN, amount: 2n}];
    apply(state, nextOp(state, lockId, award(0n, payouts)), {height: 2n});
    expect(held(state, carol) - before.carol).toBe(3_001n);
    // The judge has no share, and pays nothing.
    expect(held(state, bob)).toBe(before.bob);
    expect(state.totals.treasury - before.totals.treasury).toBe(7n);
    expect(state.totals.burned - before.totals.burned).toBe(102n);
    expect(state.lock(lockId)).toMatchObject({drawn: 3_110n, paid: 3_110n, isClosed: false});
    expect(balanceOf(state.lock(lockId)!)).toBe(6_890n);
    expect(checkInvariants(state)).toEqual([]);
  });

  it("that is final gives the rest back, and is free when it pays nobody", () => {
    for (const [payouts, fee, drawn] of [
      [toCarol(400n), 100n, 500n],
      [[], 0n, 0n],
    ] as const) {
      const {state, lockId} = opened();
      const before = held(state, alice);
      apply(state, nextOp(state, lockId, award(0n, payouts, {fee, isFinal: true}), fee), {height: 2n});
      expect(held(state, alice) - before).toBe(10_000n - drawn);
      expect(state.lock(lockId)).toMatchObject({isClosed: true, drawn});
      expect(checkInvariants(state)).toEqual([]);
    }
  });

  it("is refused when it is not what a judge may say", () => {
    const {state, lockId} = opened();
    const refusal = (payload: Payload, fee = 100n) => {
      const answer = enabled(state, nextOp(state, lockId, payload, fee), {height: 2n});
      return answer.ok ? undefined : answer.reason;
    };
    expect(refusal(award(0n, toCarol(9_900n)))).toBeUndefined();
    expect(refusal(award(0n, toCarol(9_901n)))).toBe("aboveAmount");
    expect(refusal(award(0n, [{to: toCell(dora.account), amount: 500n}]))).toBe("payee");
    expect(refusal(award(0n, [...toCarol(500n), {to: toCell(bob.account), amount: 1n}]))).toBe("payee");
    // More, or less, than it pays: a claim says where the lock stands after it.
    expect(refusal(award(1n, toCarol(500n)))).toBe("cumulative");
    expect(refusal(award(0n, toCarol(500n), {fee: 99n}))).toBe("cumulative");
    expect(refusal({...award(0n, toCarol(500n)), cumulative: 0n} as Payload)).toBe("cumulative");
    // No judge burns a lock by fees.
    expect(refusal(award(0n, toCarol(100n)))).toBeUndefined();
    expect(refusal(award(0n, toCarol(99n)))).toBe("claimFee");
    expect(refusal(award(0n, toCarol(500n), {fee: 0n, isFinal: true}), 0n)).toBe("claimFee");
    expect(refusal(award(0n, [], {isFinal: true}))).toBe("nothingToClaim");
    expect(refusal(award(0n, [], {fee: 0n}), 0n)).toBe("nothingToClaim");
    expect(refusal(award(0n, [], {fee: 0n, isFinal: true}), 0n)).toBeUndefined();
    apply(state, nextOp(state, lockId, award(0n, toCarol(500n))), {height: 2n});
    expect(refusal(award(0n, toCarol(500n)))).toBe("cumulative");
    expect(refusal(award(600n, toCarol(9_300n)))).toBeUndefined();
    expect(refusal(award(600n, toCarol(9_301n)))).toBe("aboveAmount");
  });

  it("pays anybody where nobody is named", () => {
    const {state, lockId} = opened({authority: {...free, payees: undefined}});
    apply(state, nextOp(state, lockId, award(0n, [{to: toCell(dora.account), amount: 500n}])), {height: 2n});
    expect(held(state, dora)).toBe(500n);
  });

  it("pays what the payee may spend at once, whichever is seen first", () => {
    const {state, open, lockId} = opened({authority: {...free, payees: undefined}});
    const claim = nextOp(state, lockId, award(0n, [{to: toCell(dora.account), amount: 500n}]));
    const spend = unsigned(bodyAt(dora.account, {seq: 0n, head: NO_OP}, transfer(bob.account, 400n)));
    for (const ops of [
      [open, claim, spend],
      [spend, claim, open],
    ]) {
      const fresh = genesisState(testGenesis).fork();
      const {applied, blocked} = fold(fresh, ops, {height: 2n});
      expect(blocked).toEqual([]);
      expect(applied).toEqual([open, claim, spend]);
    }
  });

  it("gets no vote once the lock has expired", () => {
    const {state, lockId} = opened();
    const op = nextOp(state, lockId, award(0n, toCarol(500n)));
    expect(votable(state, op, {height: 49n})).toEqual({ok: true});
    expect(votable(state, op, {height: 50n})).toEqual({ok: false, reason: "expired"});
  });

  it("never pays more than there is, whatever judges write in whatever order it comes", () => {
    const awardArb = fc.record({
      amounts: fc.array(fc.bigInt({min: 0n, max: 3_000n}), {maxLength: 3}),
      drawn: fc.option(fc.bigInt({min: 0n, max: 10_000n}), {nil: undefined, freq: 4}),
      fee: fc.constantFrom(0n, 100n, 100n, 100n),
      isFinal: fc.nat(9).map((roll) => roll === 0),
      who: fc.nat(2),
    });
    fc.assert(
      fc.property(
        fc.array(awardArb, {maxLength: 12}),
        fc.boolean(),
        fc.infiniteStream(fc.nat()),
        (list, isAny, rolls) => {
          const {state, lockId} = opened(isAny ? {authority: {...free, payees: undefined}} : {});
          let [seq, head, drawn] = [0n, NO_OP, 0n];
          const ops = list.map(({amounts, drawn: lie, fee, isFinal, who}) => {
            const payouts = amounts.map((amount) => ({to: toCell(people[who]!.account), amount}));
            const payload = award(lie ?? drawn, payouts, {fee, isFinal});
            const op = unsigned(bodyAt(lockId, {seq, head}, payload, fee));
            [seq, head] = [op.body.seq, op.id];
            if (payload.kind === "claim") drawn = payload.cumulative;
            return op;
          });
          const shuffled = [...ops, ...ops].sort(() => (rolls.next().value! % 2 === 0 ? 1 : -1));
          const before = people.map((each) => held(state, each));
          const {applied} = fold(state, shuffled, {height: 2n});
          expect(checkInvariants(state)).toEqual([]);
          const lock = state.lock(lockId)!;
          expect(lock.drawn <= lock.spec.amount).toBe(true);
          // What applied is a prefix of the judge's log, and each payee has exactly what that says.
          expect(applied).toEqual(ops.slice(0, applied.length));
          const due = people.map(({account}) =>
            applied.reduce((sum, {body: {payload}}) => {
              const payouts = payload.kind === "claim" ? (payload.payouts ?? []) : [];
              const own = payouts.filter(({to}) => to.kind === "cell" && to.cell === account);
              return own.reduce((all, {amount}) => all + amount, sum);
            }, 0n),
          );
          due[0] = due[0]! + (lock.isClosed ? lock.spec.amount - lock.drawn : 0n);
          expect(people.map((each, index) => held(state, each) - before[index]!)).toEqual(due);
        },
      ),
      {numRuns: 300},
    );
  });
});

describe("the form of a free lock", () => {
  it("knows terms that cannot work", () => {
    const bad: [string, Partial<LockSpec>][] = [
      ["amount", {amount: 0n}],
      ["split", {split: lockSpec.split}],
      ["payees", {authority: {...free, payees: [BURN, toCell(bob.account), BURN]}}],
      ["payees", {authority: {...free, payees: [toCell(bob.account), toCell(bob.account)]}}],
      ["controllerKey", {controllerKey: new Uint8Array(32)}],
      ["controllerKey", {authority: {...free, beside: [new Uint8Array(32)]}}],
      ["threshold", {authority: {...free, threshold: 0}}],
      ["threshold", {authority: {...free, threshold: 2}}],
      // Two that sign against each other must have a key in common.
      ["threshold", {authority: {...free, threshold: 1, beside: [carol.publicKey]}}],
      ["keyOrder", {authority: {...free, threshold: 2, beside: [bob.publicKey]}}],
    ];
    for (const [reason, change] of bad) expect(specProblem({...freeSpec, ...change})).toBe(reason);
    expect(specProblem(freeSpec)).toBeUndefined();
    expect(specProblem({...freeSpec, authority: {...free, payees: undefined}})).toBeUndefined();
    const two: FreeAuthority = {...free, threshold: 2, beside: [carol.publicKey, alice.publicKey]};
    expect(specProblem({...freeSpec, authority: two})).toBeUndefined();
    // A split table without a leg is for free locks alone.
    expect(specProblem({...lockSpec, split: []})).toBe("splitSum");
  });

  function signedBy(body: OpBody, ...signers: readonly Person[]): Op {
    const [first = bob, ...others] = signers;
    return others.reduce(
      (op, signer) => addSignature(op, signer, genesisHash),
      signOp(body, first, genesisHash),
    );
  }

  function check(op: Op, state: LedgerState) {
    return checkOpForm(op, {network: NETWORK, genesisHash, verifier, state, epoch: 3});
  }

  it("lets the judge sign, or as many of several judges as the lock says", () => {
    const one = opened();
    const claim = nextOp(one.state, one.lockId, award(0n, toCarol(500n))).body;
    expect(check(signedBy(claim, bob), one.state)).toMatchObject({ok: true});
    expect(check(signedBy(claim, carol), one.state)).toMatchObject({reason: "signerKey"});
    expect(check(signedBy(claim, bob, carol), one.state)).toMatchObject({reason: "signatureCount"});
    const three = opened({authority: {...free, threshold: 2, beside: [carol.publicKey, alice.publicKey]}});
    const judged = nextOp(three.state, three.lockId, award(0n, toCarol(500n))).body;
    expect(check(signedBy(judged, bob), three.state)).toMatchObject({reason: "signatureCount"});
    expect(check(signedBy(judged, bob, dora), three.state)).toMatchObject({reason: "signerKey"});
    for (const pair of [
      [bob, carol],
      [alice, bob],
      [carol, alice],
    ])
      expect(check(signedBy(judged, ...pair), three.state)).toMatchObject({ok: true});
    expect(check(signedBy(judged, alice, bob, carol), three.state)).toMatchObject({reason: "signatureCount"});
    const spoilt = signedBy(judged, bob, {...carol, sign: (message) => dora.sign(message)});
    expect(check(spoilt, three.state)).toMatchObject({reason: "signature"});
  });

  it("knows what belongs on which lock", () => {
    const judged = opened();
    const other = opened({...lockSpec});
    const voucher = signVoucher(
      {lockId: judged.lockId, cumulative: 600n, contextHash: CONTEXT_START},
      bob,
      genesisHash,
    );
    const verdict = {taskId: CONTEXT_START, amount: 5n, base: 0n, epoch: 3, signatures: []};
    const claim = (lockId: LockId, change: object) =>
      signedBy(bodyAt(lockId, {seq: 0n, head: NO_OP}, {...award(0n, toCarol(500n)), ...change} as Payload));
    expect(check(claim(judged.lockId, {}), judged.state)).toMatchObject({ok: true});
    expect(check(claim(judged.lockId, {voucher}), judged.state)).toMatchObject({reason: "voucher"});
    const nothing = {payouts: undefined};
    const shown = claim(judged.lockId, {...nothing, verdict});
    const until = {...shown.body, validFromEpoch: 3, validUntilEpoch: 9};
    expect(check(signedBy(until), judged.state)).toMatchObject({reason: "verdict"});
    expect(check(claim(other.lockId, {}), other.state)).toMatchObject({reason: "payouts"});
    const zero = [...toCarol(500n), {to: BURN, amount: 0n}];
    expect(check(claim(judged.lockId, {payouts: zero}), judged.state)).toMatchObject({reason: "amount"});
  });
});

/** Four witnesses, so that a vote is no certificate. */
const committee = new Committee([0, 1, 2, 3].map((seat) => ({seat, weight: 1, voteKey: new Uint8Array(32)})));
/** At which it expires; epochs end at 45 and 60. */
const AT = 51n;

describe("a free lock that expires", () => {
  /** One checkpoint, on a state read back from its cells, as after a restart. */
  function step(base: LedgerState, height: bigint, votes: readonly (readonly [Op, number])[]) {
    const tally = new Tally(committee);
    for (const [op, mask] of votes) tally.restore([{op, mask}]);
    const read = LedgerState.load({
      cells: [...base.accounts(), ...base.locks()],
      ...{totals: base.totals, withdrawals: [], register: base.register, governance: base.governance},
    });
    const parent = {...genesisCheckpoint(testGenesis, read), height: height - 1n};
    const result = checkpointStep({...cutWith([]), tally, base: read, parent});
    expect(checkInvariants(result.state)).toEqual([]);
    expect(result.fold.blocked).toEqual([]);
    return {...result, state: result.state.commit()};
  }

  const paid = (drawn: bigint, amount: bigint) => award(drawn, toCarol(amount));

  it("goes back when nothing is visible", () => {
    const {state, lockId} = opened();
    const before = held(state, alice);
    expect(step(state, AT - 1n, []).state.lock(lockId)).toMatchObject({isClosed: false});
    const after = step(state, AT, []);
    expect(after.closedLocks).toEqual([lockId]);
    expect(held(after.state, alice) - before).toBe(10_000n);
  });

  it("pays what one vote shows, as far as the judge's log is visible, and gives the rest back", () => {
    const {state, lockId} = opened();
    const ahead = state.fork();
    const first = nextOp(state, lockId, paid(0n, 500n));
    apply(ahead, first, {height: 2n});
    const second = nextOp(ahead, lockId, paid(600n, 300n));
    const before = {alice: held(state, alice), carol: held(state, carol)};
    const after = step(state, AT, [
      [second, 2],
      [first, 1],
    ]);
    expect(after.applied).toEqual([first, second]);
    expect(held(after.state, carol) - before.carol).toBe(800n);
    expect(held(after.state, alice) - before.alice).toBe(9_000n);
    expect(after.state.lock(lockId)).toMatchObject({isClosed: true, drawn: 1_000n, seq: 2n});
    // What stands above a hole never counts.
    const holed = step(state, AT, [[second, 1]]);
    expect(holed.applied).toEqual([]);
    expect(holed.state.lock(lockId)).toMatchObject({isClosed: true, drawn: 0n});
  });

  it("leaves out what the judge did not sign, or may not say", () => {
    const {state, lockId} = opened();
    const [rival, other] = [
      nextOp(state, lockId, paid(0n, 500n)),
      nextOp(state, lockId, award(0n, [{to: toCell(dora.account), amount: 9n}], {fee: 1n}), 1n),
    ];
    const after = step(state, AT, [
      [rival, 1],
      [other, 2],
    ]);
    expect(after.applied).toEqual([rival]);
  });

  it("is closed by a final claim that is visible", () => {
    const {state, lockId} = opened();
    const last = nextOp(state, lockId, award(0n, toCarol(500n), {isFinal: true}));
    const after = step(state, AT, [[last, 1]]);
    expect(after.applied).toEqual([last]);
    expect(after.state.lock(lockId)).toMatchObject({isClosed: true, drawn: 600n});
  });

  function contested() {
    const {state, lockId} = opened();
    const [one, other] = [
      nextOp(state, lockId, paid(0n, 500n)),
      nextOp(state, lockId, award(0n, [{to: TREASURY, amount: 700n}])),
    ];
    const votes = [
      [one, 1],
      [other, 2],
    ] as const;
    const waiting = step(state, AT, votes);
    expect(waiting.applied).toEqual([]);
    expect(waiting.state.lock(lockId)).toMatchObject({isClosed: false, frozen: undefined});
    return {state: waiting.state, lockId, one, other, votes, before: held(state, alice)};
  }

  it("waits when two claims are visible, freezes at the epoch's end, and then goes back", () => {
    const {state, lockId, votes, before} = contested();
    expect(step(state, 59n, votes).state.lock(lockId)).toMatchObject({isClosed: false, frozen: undefined});
    const closed = step(state, 60n, votes);
    expect(closed.state.lock(lockId)).toMatchObject({isClosed: false, frozen: {epoch: 4, untilH: 70n}});
    expect(step(closed.state, 69n, []).state.lock(lockId)).toMatchObject({isClosed: false});
    // Ten seconds later, whatever the judge signed above the void slot and one bad witness shows.
    const thawed = closed.state.fork();
    const {state: after, closedLocks} = step(closed.state, 70n, []);
    expect(closedLocks).toEqual([lockId]);
    expect(held(after, alice) - before).toBe(10_000n);
    const {seq, head} = after.lock(lockId)!;
    const late = unsigned(bodyAt(lockId, {seq, head}, paid(0n, 500n)));
    const again = step(thawed, 70n, [[late, 8]]);
    expect(again.applied).toEqual([]);
    expect(held(again.state, alice) - before).toBe(10_000n);
  });

  it("pays the one of two that turns out to be certified, and gives the rest back when the epoch ends", () => {
    const {state, lockId, one, votes, before} = contested();
    const certified = step(state, 55n, [...votes, [one, 7]]);
    expect(certified.applied).toEqual([one]);
    expect(certified.state.lock(lockId)).toMatchObject({isClosed: false, drawn: 600n});
    // No vote is left, and nothing is due but by what the cell says.
    const after = step(certified.state, 60n, []);
    expect(after.closedLocks).toEqual([lockId]);
    expect(held(after.state, alice) - before).toBe(9_400n);
    expect(held(after.state, carol)).toBe(1_000_500n);
  });

  it("takes a certificate that is shown while it is frozen", () => {
    const {state, lockId, one, votes, before} = contested();
    const closed = step(state, 60n, votes).state;
    const late = {kind: "certificate", op: one, epoch: 4} as const;
    expect(actOn(closed, late, {height: 65n, params: testGenesis.params, tell: () => {}})).toBe(one);
    const after = step(closed, 70n, []);
    expect(after.closedLocks).toEqual([lockId]);
    expect(held(after.state, alice) - before).toBe(9_400n);
  });

  it("stays the judge's after a freeze that ends before it expires", () => {
    const {state, lockId} = opened();
    const rivals = [nextOp(state, lockId, paid(0n, 500n)), nextOp(state, lockId, paid(0n, 600n))];
    const frozen = step(state, 30n, [
      [rivals[0]!, 1],
      [rivals[1]!, 2],
    ]).state;
    expect(frozen.lock(lockId)?.frozen).toMatchObject({untilH: 40n});
    // Its controller's account goes on meanwhile.
    expect(frozen.account(bob.account)?.frozen).toBeUndefined();
    const thawed = step(frozen, 40n, []).state;
    expect(thawed.lock(lockId)).toMatchObject({seq: 1n, frozen: undefined, isClosed: false});
    const next = nextOp(thawed, lockId, paid(0n, 400n));
    expect(step(thawed, 41n, [[next, 7]]).applied).toEqual([next]);
  });
});
