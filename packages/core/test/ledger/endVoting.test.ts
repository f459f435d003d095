import {balanceOf, stakeOf} from "@catalyze/core/ledger/cell";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import type {Motion} from "@catalyze/core/ledger/governance";
import {paramsAt} from "@catalyze/core/ledger/governance";
import {governanceHash} from "@catalyze/core/ledger/governanceCodec";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {Op, Payload} from "@catalyze/core/ledger/op";
import {post} from "@catalyze/core/ledger/postings";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {votingTotal, votingWeight} from "@catalyze/core/ledger/votingWeight";
import type {LockId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {expectExplained} from "./explained.ts";
import {alice, bob, carol, cutWith, nextOp, type Person, testGenesis} from "./kit.ts";

const STAKE = 1_000n;
const DEPOSIT = 300n;
const params = {
  ...testGenesis.params,
  ...{checkpointsPerEpoch: 4, votingS: 4, proposalDeposit: DEPOSIT, witnessStakeMin: 100n},
};
const genesis = {...testGenesis, params};

function start(treasury = 0n) {
  const base = genesisState(genesis);
  post(base, [
    {bucket: "treasury", amount: treasury},
    {bucket: "deposited", amount: treasury},
  ]);
  return {base, parent: genesisCheckpoint(genesis, base)};
}

type Chain = ReturnType<typeof start>;

function next({base, parent}: Chain, ops: readonly Op[] = []): Chain {
  const epoch = Number((parent.height + 4n) / 4n);
  const step = checkpointStep({
    ...{...cutWith(ops), base, parent},
    params: paramsAt(base.governance, epoch),
  });
  expect(checkInvariants(step.state)).toEqual([]);
  expectExplained(base, step);
  expect(step.checkpoint.paramsHash).toBe(governanceHash(step.state.governance));
  return {base: step.state.commit(), parent: step.checkpoint};
}

function until(chain: Chain, height: bigint): Chain {
  let at = chain;
  while (at.parent.height < height) at = next(at);
  return at;
}

const stake = (amount: bigint): Payload => ({kind: "stake", stake: "executor", amount});
const ask = (motion: Partial<Motion>): Payload => ({
  kind: "govern",
  wish: {kind: "propose", motion: {changes: [], payment: undefined, ...motion}},
});
const DEARER = {changes: [{name: "opFee", value: 250n}]} as const;

/** Everybody named has staked; the proposal stands since height 2. */
function proposed(motion: Partial<Motion>, treasury = 0n) {
  const chain = start(treasury);
  const staked = next(
    chain,
    [alice, bob, carol].map(({account}) => nextOp(chain.base, account, stake(STAKE))),
  );
  const op = nextOp(staked.base, bob.account, ask(motion));
  return {chain: next(staked, [op]), proposal: op.id};
}

function vote(state: LedgerState, {account}: Person, proposal: Op["id"], isYes: boolean): Op {
  return nextOp(state, account, {kind: "govern", wish: {kind: "vote", proposal, isYes}});
}

describe("a vote at the checkpoints", () => {
  it("weighs all kinds of stake, and what the genesis granted to who serves", () => {
    const {base} = proposed({}).chain;
    // The witness of the test genesis is alice's, with a weight of one.
    expect(votingWeight(base, alice.account, params)).toBe(STAKE + 100n);
    expect(votingWeight(base, bob.account, params)).toBe(STAKE);
    expect(votingTotal(base, params)).toBe(3n * STAKE + 100n);
    const seats = base.register.seats.map((seat) => ({...seat, standing: "idle" as const}));
    base.putRegister({...base.register, seats});
    expect(votingWeight(base, alice.account, params)).toBe(STAKE);
    expect(votingTotal(base, params)).toBe(3n * STAKE);
  });

  it("changes what is in force two epochs after it ended, and what each checkpoint names", () => {
    const {chain, proposal} = proposed(DEARER);
    expect(chain.base.governance.proposals).toMatchObject([{id: proposal, untilEpoch: 2}]);
    const voted = next(chain, [vote(chain.base, alice, proposal, true)]);
    expect(voted.parent.paramsHash).not.toBe(chain.parent.paramsHash);
    const decided = until(voted, 8n);
    expect(decided.base.governance.proposals).toEqual([]);
    expect([2, 3, 4].map((epoch) => paramsAt(decided.base.governance, epoch).opFee)).toEqual([
      ...[100n, 100n, 250n],
    ]);
    expect(stakeOf(decided.base.account(bob.account)!)).toBe(STAKE);
  });

  it("counts the stakes of its end: who has gone has no weight, who came has", () => {
    const feeAfter = (change: Payload) => {
      const {chain, proposal} = proposed(DEARER);
      const both = next(chain, [
        vote(chain.base, bob, proposal, true),
        vote(chain.base, carol, proposal, false),
      ]);
      const moved = next(both, [nextOp(both.base, bob.account, change)]);
      return paramsAt(until(moved, 8n).base.governance, 4).opFee;
    };
    expect(feeAfter({kind: "unstake", stake: "executor", amount: STAKE})).toBe(100n);
    expect(feeAfter(stake(1n))).toBe(250n);
  });

  it("ends the accepts that a burned deposit leaves without cover, and what is left may still be taken back", () => {
    let {chain} = proposed(DEARER);
    const locks = ["1", "2", "3"].map((digit) => digit.repeat(64) as LockId);
    for (const [index, value] of [200n, 500n, 300n].entries()) {
      const accept: Payload = {kind: "accept", lockId: locks[index]!, value, untilH: 90n};
      chain = next(chain, [nextOp(chain.base, bob.account, accept)]);
    }
    const ended = until(chain, 8n);
    const {staked, accepts} = ended.base.account(bob.account)!;
    expect(staked.executor).toBe(STAKE - DEPOSIT);
    expect(accepts.map(({value}) => value)).toEqual([200n, 300n]);
    const back = nextOp(ended.base, bob.account, {kind: "unstake", stake: "executor", amount: STAKE});
    expect(next(ended, [back]).base.account(bob.account)?.staked.executor).toBe(500n);
  });

  it("burns the deposit of what next to nobody wants, out of any stake, what cools too", () => {
    const {chain} = proposed(DEARER);
    const unstake: Payload = {kind: "unstake", stake: "executor", amount: 900n};
    const cooling = next(chain, [nextOp(chain.base, bob.account, unstake)]);
    const burned = cooling.base.totals.burned;
    const ended = until(cooling, 8n);
    expect(ended.base.account(bob.account)).toMatchObject({staked: {executor: 0n}});
    expect(stakeOf(ended.base.account(bob.account)!)).toBe(STAKE - DEPOSIT);
    expect(ended.base.totals.burned).toBe(burned + DEPOSIT);
  });

  it("pays out of the treasury an epoch later, and never more than there is", () => {
    for (const [treasury, paid] of [
      [5_000n, 700n],
      [500n, 500n],
      [0n, 0n],
    ] as const) {
      const payment = {to: carol.account, amount: 700n};
      const {chain, proposal} = proposed({payment}, treasury);
      const voted = next(chain, [
        vote(chain.base, alice, proposal, true),
        vote(chain.base, bob, proposal, true),
      ]);
      const before = balanceOf(voted.base.account(carol.account)!);
      const decided = until(voted, 8n);
      expect(balanceOf(decided.base.account(carol.account)!)).toBe(before);
      const after = until(decided, 12n);
      expect(balanceOf(after.base.account(carol.account)!)).toBe(before + paid);
      expect(after.base.totals.treasury).toBe(treasury - paid);
      expect(until(after, 16n).base.totals.treasury).toBe(treasury - paid);
    }
  });

  it("takes the slot and the fee of who has no stake, and does nothing", () => {
    const chain = start();
    const asked = next(chain, [nextOp(chain.base, bob.account, ask(DEARER))]);
    expect(asked.base.governance).toBe(chain.base.governance);
    expect(asked.base.account(bob.account)).toMatchObject({seq: 1n, out: 100n});
    const open = proposed(DEARER);
    const unstake: Payload = {kind: "unstake", stake: "executor", amount: STAKE};
    const gone = next(open.chain, [nextOp(open.chain.base, carol.account, unstake)]);
    const voted = next(gone, [vote(gone.base, carol, open.proposal, true)]);
    expect(voted.base.governance).toBe(gone.base.governance);
    expect(voted.base.account(carol.account)?.seq).toBe(3n);
  });
});
