import {acceptedOf} from "@catalyze/core/ledger/accept";
import {apply, enabled} from "@catalyze/core/ledger/apply";
import {ACCEPTS_MAX} from "@catalyze/core/ledger/cell";
import {decodeCell, encodeCell} from "@catalyze/core/ledger/cellCodec";
import type {Checkpoint} from "@catalyze/core/ledger/checkpoint";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {Op, Payload} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import {LedgerState} from "@catalyze/core/ledger/state";
import type {LockId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {alice, bob, cutWith, lockSpec, nextOp, testGenesis} from "./kit.ts";

const FAR = 1_000n;
const at = {height: 5n};
const lockAt = (index: number) => index.toString(16).padStart(64, "0") as LockId;
const accept = (index: number, value: bigint, untilH = FAR): Payload => ({
  ...{kind: "accept", lockId: lockAt(index)},
  ...{value, untilH},
});
const stake = (amount: bigint): Payload => ({kind: "stake", stake: "executor", amount});
const unstake = (amount: bigint): Payload => ({kind: "unstake", stake: "executor", amount});

function staked(amount: bigint): LedgerState {
  const state = genesisState(testGenesis);
  apply(state, nextOp(state, bob.account, stake(amount)), at);
  return state;
}

const does = (state: LedgerState, payload: Payload) => {
  const op = nextOp(state, bob.account, payload);
  apply(state, op, at);
  return op;
};
const answer = (state: LedgerState, payload: Payload, height = at.height) =>
  enabled(state, nextOp(state, bob.account, payload), {height});
const REFUSED = {ok: false, reason: "exposure"};
const bobOf = (state: LedgerState) => state.account(bob.account)!;

type Standing = {readonly base: LedgerState; readonly parent: Checkpoint};

/** One checkpoint with these ops on top. */
function step({base, parent}: Standing, ops: readonly Op[]): Standing {
  const {state, checkpoint, fold} = checkpointStep({...cutWith(ops), base, parent});
  expect(fold.blocked).toEqual([]);
  expect(checkInvariants(state)).toEqual([]);
  return {base: state.commit(), parent: checkpoint};
}

const started = (base: LedgerState, height = 5n): Standing => ({
  base,
  parent: {...genesisCheckpoint(testGenesis, base), height: height - 1n, epoch: 1},
});

describe("accept", () => {
  it("goes as far as the executor stake, over all open ones", () => {
    const state = staked(1_000n);
    expect(answer(state, accept(1, 1_001n))).toEqual(REFUSED);
    does(state, accept(1, 600n));
    expect(answer(state, accept(2, 401n))).toEqual(REFUSED);
    expect(answer(state, accept(2, 400n))).toEqual({ok: true});
    // Of one lock the higher counts.
    expect(answer(state, accept(1, 1_000n))).toEqual({ok: true});
    does(state, accept(1, 500n, FAR + 7n));
    expect(bobOf(state).accepts).toEqual([{lockId: lockAt(1), value: 600n, untilH: FAR + 7n}]);
    does(state, stake(1n));
    expect(answer(state, accept(2, 401n))).toEqual({ok: true});
    const cell = bobOf(state);
    expect(decodeCell(encodeCell(cell))).toEqual(cell);
    expect(checkInvariants(state)).toEqual([]);
  });

  it("counts neither witness stake nor stake that has been asked back", () => {
    const state = staked(1_000n);
    does(state, {kind: "stake", stake: "witness", amount: 5_000n});
    does(state, unstake(300n));
    expect(answer(state, accept(1, 701n))).toEqual(REFUSED);
    expect(answer(state, accept(1, 700n))).toEqual({ok: true});
  });

  it("takes its slot and does nothing once its time is over: no account is stuck behind it", () => {
    const state = staked(10n);
    expect(answer(state, accept(1, 999n, 6n))).toEqual(REFUSED);
    expect(answer(state, accept(1, 999n, 6n), 6n)).toEqual({ok: true});
    does(state, accept(1, 999n, 5n));
    expect(bobOf(state).accepts).toEqual([]);
  });

  it("is kept for so many locks at once", () => {
    const state = staked(1_000n);
    for (let index = 0; index < ACCEPTS_MAX; index += 1) does(state, accept(index, 1n));
    expect(answer(state, accept(ACCEPTS_MAX, 1n))).toEqual(REFUSED);
    expect(answer(state, accept(0, 2n))).toEqual({ok: true});
    expect(checkInvariants(state)).toEqual([]);
  });

  it("ends at its height, also after a restart", () => {
    const state = staked(1_000n);
    let now = started(state);
    now = step(now, [nextOp(state, bob.account, accept(1, 600n, 7n))]);
    now = step(now, []);
    expect(acceptedOf(bobOf(now.base))).toBe(600n);
    const {base, parent} = now;
    const loaded = LedgerState.load({
      cells: [...base.cells()],
      ...{totals: base.totals, withdrawals: base.withdrawals()},
      ...{register: base.register, governance: base.governance},
    });
    for (const standing of [{base: loaded, parent}, now]) {
      expect(acceptedOf(bobOf(step(standing, []).base))).toBe(0n);
    }
  });

  it("ends when its lock closes, or at once where it had closed before", () => {
    const state = staked(1_000n);
    const open = nextOp(state, alice.account, {kind: "open", locks: [lockSpec]});
    apply(state, open, at);
    const lockId = lockIdOf(open.id, 0);
    const accepting = nextOp(state, bob.account, {kind: "accept", lockId, value: 600n, untilH: FAR});
    const closing = nextOp(
      state,
      lockId,
      {kind: "claim", cumulative: 0n, voucher: undefined, isFinal: true},
      0n,
    );
    let now = step(started(state.fork()), [accepting]);
    expect(acceptedOf(bobOf(now.base))).toBe(600n);
    now = step(now, [closing]);
    expect(acceptedOf(bobOf(now.base))).toBe(0n);
    // In one cut and in either order.
    expect(acceptedOf(bobOf(step(started(state.fork()), [closing, accepting]).base))).toBe(0n);
    let late = step(started(state.fork()), [closing]);
    late = step(late, [accepting]);
    expect(acceptedOf(bobOf(late.base))).toBe(0n);
  });

  it("binds stake: an unstake takes only what is free, and what it asked for lowers the limit no longer", () => {
    const state = staked(1_000n);
    does(state, accept(1, 600n));
    const now = step(started(state), [nextOp(state, bob.account, unstake(900n))]);
    expect(bobOf(now.base)).toMatchObject({staked: {executor: 600n}, leaving: 0n});
    expect(bobOf(now.base).cooling.map(({amount}) => amount)).toEqual([400n]);
  });

  /** A vote is given on the owner's own log; whatever checkpoints do before the op applies, it stays enabled. */
  it("stays enabled whatever checkpoints come between its vote and its place in a cut", () => {
    const moveArb = fc.record({
      kind: fc.constantFrom("stake" as const, "unstake", "accept", "accept"),
      amount: fc.bigInt({min: 1n, max: 12n}),
      untilH: fc.bigInt({min: 4n, max: 14n}),
      lock: fc.nat(3),
    });
    const worldArb = fc.record({
      moves: fc.array(moveArb, {minLength: 4, maxLength: 14}),
      cuts: fc.array(fc.nat(4), {minLength: 6, maxLength: 6}),
    });
    let accepts = 0;
    fc.assert(
      fc.property(worldArb, ({moves, cuts}) => {
        const ahead = staked(20n);
        let now = started(staked(20n));
        // The owner's log as witnesses vote for it: each op above the one before, at the first stamp.
        const log: Op[] = [];
        for (const {kind, amount, untilH, lock} of moves) {
          const payload =
            kind === "accept" ? accept(lock, amount, untilH) : {kind, stake: "executor" as const, amount};
          const op = nextOp(ahead, bob.account, payload);
          if (!enabled(ahead, op, {height: 4n}).ok) continue;
          apply(ahead, op, {height: 4n});
          log.push(op);
          if (kind === "accept") accepts += 1;
        }
        for (const [index, count] of cuts.entries()) {
          const isLast = index === cuts.length - 1;
          now = step(now, log.splice(0, isLast ? log.length : count));
        }
        expect(bobOf(now.base).leaving).toBe(0n);
      }),
      {numRuns: 400},
    );
    expect(accepts).toBeGreaterThan(300);
  });
});
