import {votable} from "@catalyze/core/ledger/apply";
import {balanceOf, COOLING_MAX} from "@catalyze/core/ledger/cell";
import {type CheckpointStep, checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {setFrozen} from "@catalyze/core/ledger/evidence";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import {lockIdOf, signOp} from "@catalyze/core/ledger/opCodec";
import {committeeNow} from "@catalyze/core/ledger/register";
import {registerHash} from "@catalyze/core/ledger/registerCodec";
import {applyForSeat} from "@catalyze/core/ledger/seatRequest";
import {LedgerState} from "@catalyze/core/ledger/state";
import type {PeerId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {expectExplained} from "./explained.ts";
import {alice, bob, carol, claim, cutWith, lockSpec, nextOp, testGenesis, transfer} from "./kit.ts";

const {opFee, unbondingS} = testGenesis.params;
/** In heights: the demo makes one checkpoint a second. */
const COOLING_H = BigInt(unbondingS);
const PEER = "12D3KooWTestTestTestTestTest1" as PeerId;
const STAKE = 1_000n;
const params = {...testGenesis.params, witnessStakeMin: STAKE};

function start() {
  const base = genesisState(testGenesis);
  return {base, parent: genesisCheckpoint(testGenesis, base)};
}

type Chain = ReturnType<typeof start>;

/** One checkpoint after the other, each with the ops of one account certified in it. */
function next(
  {base, parent}: Chain,
  ops: Parameters<typeof cutWith>[0] = [],
): Chain & {step: CheckpointStep} {
  const step = checkpointStep({...cutWith(ops), base, parent, params});
  expect(checkInvariants(step.state)).toEqual([]);
  expectExplained(base, step);
  return {base: step.state.commit(), parent: step.checkpoint, step};
}

function until(chain: Chain, height: bigint): Chain {
  let at = chain;
  while (at.parent.height < height) at = next(at);
  return at;
}

function unstake(state: LedgerState, amount: bigint) {
  return nextOp(state, alice.account, {kind: "unstake", stake: "executor", amount});
}

function withStake(amount: bigint): Chain {
  const chain = start();
  return next(chain, [nextOp(chain.base, alice.account, {kind: "stake", stake: "executor", amount})]);
}

describe("govern", () => {
  const wish = () => {
    const about = {account: alice.account, evmAddress: "ab".repeat(20), peerId: PEER};
    return applyForSeat(about, carol, new Uint8Array(32));
  };
  const endOfEpoch = (chain: Chain) => until(chain, BigInt(params.checkpointsPerEpoch));

  it("joins with enough stake, from the next epoch on, and leaves again", () => {
    // The witness of the test genesis belongs to alice too; a seat of her own would be another account's.
    const {seats} = start().base.register;
    const chain = start();
    chain.base.putRegister({
      ...chain.base.register,
      seats: seats.map((seat) => ({...seat, account: bob.account})),
    });
    const staking = nextOp(chain.base, alice.account, {kind: "stake", stake: "witness", amount: STAKE});
    const staked = next(chain, [staking]);
    const asked = next(staked, [nextOp(staked.base, alice.account, {kind: "govern", wish: wish()})]);
    expect(asked.base.register.candidates.map(({account}) => account)).toEqual([alice.account]);
    expect(asked.parent.nextCommitteeHash).toBe(registerHash(asked.base.register));
    const seated = endOfEpoch(asked);
    expect(committeeNow(seated.base.register).size).toBe(2);
    expect(seated.parent.nextCommitteeHash).toBe(registerHash(seated.base.register));
    const left = next(seated, [nextOp(seated.base, alice.account, {kind: "govern", wish: {kind: "leave"}})]);
    expect(committeeNow(left.base.register).size).toBe(2);
    expect(left.base.register.seats[1]?.standing).toBe("left");
  });

  it("of two wishes in one checkpoint does the last, whatever their ids", () => {
    for (let salt = 0; salt < 12; salt += 1) {
      const chain = start();
      chain.base.putRegister({...chain.base.register, seats: []});
      const staking = nextOp(chain.base, alice.account, {kind: "stake", stake: "witness", amount: STAKE});
      const staked = next(chain, [staking]);
      const evmAddress = (salt + 1).toString(16).padStart(40, "0");
      const about = {account: alice.account, evmAddress, peerId: PEER};
      const joining = nextOp(staked.base, alice.account, {
        kind: "govern",
        wish: applyForSeat(about, carol, new Uint8Array(32)),
      });
      const {seq, prev} = {seq: joining.body.seq + 1n, prev: joining.id};
      const leaving = signOp(
        {...joining.body, seq, prev, payload: {kind: "govern", wish: {kind: "leave"}}},
        alice,
        new Uint8Array(32),
      );
      expect(next(staked, [joining, leaving]).base.register.candidates).toEqual([]);
    }
  });

  it("has no effect without the stake, but takes its slot and its fee", () => {
    const chain = start();
    const asked = next(chain, [nextOp(chain.base, alice.account, {kind: "govern", wish: wish()})]);
    expect(asked.base.register).toBe(chain.base.register);
    expect(asked.base.account(alice.account)).toMatchObject({seq: 1n, out: opFee});
  });
});

describe("unstake", () => {
  it("cools, stays at risk, and comes back at its height to the last µCTZ", () => {
    const chain = withStake(1_000n);
    const before = balanceOf(chain.base.account(alice.account)!);
    const asked = next(chain, [unstake(chain.base, 300n)]);
    const matureH = asked.parent.height + COOLING_H;
    expect(asked.base.account(alice.account)).toMatchObject({
      staked: {executor: 700n},
      cooling: [{stake: "executor", amount: 300n, matureH}],
    });
    expect(asked.base.totals.stake).toBe(1_000n);
    const early = until(asked, matureH - 1n);
    expect(balanceOf(early.base.account(alice.account)!)).toBe(before - opFee);
    const due = next(early);
    expect(balanceOf(due.base.account(alice.account)!)).toBe(before - opFee + 300n);
    expect(due.base.account(alice.account)?.cooling).toEqual([]);
    expect(due.base.totals.stake).toBe(700n);
  });

  it("takes what there is, and never keeps an account from its next op", () => {
    const chain = withStake(1_000n);
    const tooMuch = unstake(chain.base, 5_000n);
    expect(votable(chain.base, tooMuch, {height: 1n})).toEqual({ok: true});
    const asked = next(chain, [tooMuch]);
    expect(asked.base.account(alice.account)?.cooling).toMatchObject([{amount: 1_000n}]);
    const again = next(asked, [unstake(asked.base, 1n)]);
    expect(again.base.account(alice.account)).toMatchObject({seq: 3n, cooling: [{amount: 1_000n}]});
  });

  it("of several in one checkpoint is one cooling amount; there is room for so many", () => {
    let chain: Chain = withStake(100_000n);
    for (let index = 0; index < COOLING_MAX; index += 1) chain = next(chain, [unstake(chain.base, 10n)]);
    expect(chain.base.account(alice.account)?.cooling).toHaveLength(COOLING_MAX);
    const full = next(chain, [unstake(chain.base, 10n)]);
    expect(full.base.account(alice.account)?.staked.executor).toBe(100_000n - 10n * BigInt(COOLING_MAX));
    expect(until(full, full.parent.height + COOLING_H).base.totals.stake).toBe(100_000n - 160n);
  });

  it("comes back amount by amount, each at its own height", () => {
    const chain = withStake(1_000n);
    const first = next(chain, [unstake(chain.base, 300n)]);
    const second = next(until(first, first.parent.height + 3n), [unstake(first.base, 200n)]);
    const one = until(second, first.parent.height + COOLING_H);
    expect(one.base.account(alice.account)?.cooling).toMatchObject([{amount: 200n}]);
    const both = until(one, second.parent.height + COOLING_H);
    expect(both.base.totals.stake).toBe(500n);
  });

  it("survives a restart: what is due follows from the cells", () => {
    const chain = withStake(1_000n);
    const {base, parent} = next(chain, [unstake(chain.base, 300n)]);
    const cells = [...base.cells()];
    const {totals, register, governance} = base;
    const restored = LedgerState.load({cells, totals, register, governance, withdrawals: base.withdrawals()});
    const matured = until({base: restored, parent}, parent.height + COOLING_H);
    expect(matured.base.account(alice.account)?.cooling).toEqual([]);
    expect(matured.base.totals.stake).toBe(700n);
  });
});

describe("a frozen cell", () => {
  it("takes no op, still receives, and goes on above the void slot, ten fees poorer", () => {
    const {base, parent} = start();
    const op = nextOp(base, alice.account, transfer(bob.account, 5n));
    setFrozen(base, alice.account, {epoch: 1, untilH: 2n});
    base.addDue(2n, {kind: "account", id: alice.account});
    const one = next({base, parent}, [op, nextOp(base, bob.account, transfer(alice.account, 7n))]);
    expect(one.step.fold.blocked).toMatchObject([{reason: "frozen"}]);
    const two = next(one);
    const account = two.base.account(alice.account)!;
    expect(account).toMatchObject({seq: 1n, frozen: undefined});
    expect(balanceOf(account)).toBe(1_000_000n + 7n - 10n * opFee);
    const after = next(two, [op, nextOp(two.base, alice.account, transfer(bob.account, 9n))]);
    expect(after.step.applied.map(({body}) => body.seq)).toEqual([2n]);
  });

  it("that is a lock is settled when its freeze ends, not at its expiry", () => {
    const {base, parent} = start();
    const open = nextOp(base, alice.account, {kind: "open", locks: [{...lockSpec, expiryH: 2n}]});
    const lockId = lockIdOf(open.id, 0);
    const opened = next({base, parent}, [open]);
    setFrozen(opened.base, lockId, {epoch: 1, untilH: 6n});
    opened.base.addDue(6n, {kind: "lock", id: lockId});
    const late = until(opened, 5n);
    expect(late.base.lock(lockId)).toMatchObject({isClosed: false});
    const settled = next(late);
    expect(settled.base.lock(lockId)).toMatchObject({isClosed: true, closedAt: 6n});
    expect(settled.step.closedLocks).toEqual([lockId]);
  });
});

describe("a lock", () => {
  it("that has expired before its open is certified opens and is refunded at once", () => {
    const chain = until(start(), 9n);
    const open = nextOp(chain.base, alice.account, {kind: "open", locks: [{...lockSpec, expiryH: 3n}]});
    expect(votable(chain.base, open, {height: 9n})).toEqual({ok: true});
    const {base, step} = next(chain, [open]);
    expect(step.closedLocks).toEqual([lockIdOf(open.id, 0)]);
    expect(balanceOf(base.account(alice.account)!)).toBe(1_000_000n - opFee);
  });

  it("is still claimed at the closing of an epoch, and expires after it", () => {
    const {base, parent} = start();
    const open = nextOp(base, alice.account, {kind: "open", locks: [lockSpec]});
    const lockId = lockIdOf(open.id, 0);
    const opened = until(next({base, parent}, [open]), 14n);
    const claimed = next(opened, [nextOp(opened.base, lockId, claim(lockId, 2_000n))]);
    expect(claimed.parent.isLastOfEpoch).toBe(true);
    expect(claimed.base.lock(lockId)).toMatchObject({drawn: 2_000n, isClosed: false});
    expect(until(claimed, 51n).base.lock(lockId)).toMatchObject({isClosed: true, drawn: 2_000n});
  });
});
