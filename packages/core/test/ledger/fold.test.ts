import {apply, enabled, votable} from "@catalyze/core/ledger/apply";
import {type BlockedOp, fold} from "@catalyze/core/ledger/fold";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {Op} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import {type Posting, post} from "@catalyze/core/ledger/postings";
import {LedgerState} from "@catalyze/core/ledger/state";
import {toHex} from "@catalyze/core/primitives/bytes";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {historyArb} from "./history.ts";
import {
  alice,
  bob,
  bodyAt,
  carol,
  claim,
  dora,
  lockSpec,
  nextOp,
  testGenesis,
  transfer,
  unsigned,
} from "./kit.ts";

const context = {height: 3n};

function pictureOf(state: LedgerState) {
  return {root: toHex(state.tree().root()), totals: state.totals, withdrawals: state.withdrawals()};
}

function folded(ops: readonly Op[]) {
  const state = genesisState(testGenesis).fork();
  const result = fold(state, ops, context);
  const ids = (all: readonly Op[]) => all.map(({id}) => id).sort();
  return {
    state,
    applied: ids(result.applied),
    left: ids([...result.blocked, ...result.moot].map(({op}) => op)),
    result,
  };
}

const shuffledArb = historyArb.chain((ops) =>
  fc.tuple(fc.constant(ops), fc.shuffledSubarray([...ops, ...ops], {minLength: ops.length * 2})),
);

describe("fold", () => {
  it("does not depend on order or duplicates", () => {
    fc.assert(
      fc.property(shuffledArb, ([ops, shuffled]) => {
        const one = folded(ops);
        const other = folded(shuffled);
        expect(other.applied).toEqual(one.applied);
        expect(pictureOf(other.state)).toEqual(pictureOf(one.state));
      }),
      {numRuns: 400},
    );
  });

  it("applies a superset when it knows more, and gets to the same state in any portions", () => {
    const portionsArb = historyArb.chain((ops) => fc.tuple(fc.constant(ops), fc.subarray(ops)));
    fc.assert(
      fc.property(portionsArb, ([ops, some]) => {
        const whole = folded(ops);
        const part = folded(some);
        for (const id of part.applied) expect(whole.applied).toContain(id);
        fold(part.state, ops, context);
        expect(pictureOf(part.state)).toEqual(pictureOf(whole.state));
      }),
      {numRuns: 400},
    );
  });

  it("leaves out exactly what cannot apply", () => {
    fc.assert(
      fc.property(historyArb, (ops) => {
        const {state, applied, left} = folded(ops);
        expect([...applied, ...left].sort()).toEqual([...new Set(ops.map(({id}) => id))].sort());
        for (const op of ops) expect(enabled(state, op, context).ok).toBe(false);
      }),
    );
  });

  it("conserves money and keeps every invariant", () => {
    let appliedInAll = 0;
    let blockedInAll = 0;
    fc.assert(
      fc.property(historyArb, (ops) => {
        const {state, applied, left} = folded(ops);
        expect(checkInvariants(state)).toEqual([]);
        appliedInAll += applied.length;
        blockedInAll += left.length;
      }),
      {numRuns: 400},
    );
    // The histories are worth something only when both happen a lot.
    expect(appliedInAll).toBeGreaterThan(1_000);
    expect(blockedInAll).toBeGreaterThan(500);
  });

  it("tells a late claim on a closed lock from a real block", () => {
    const state = genesisState(testGenesis);
    const open = nextOp(state, alice.account, {kind: "open", locks: [lockSpec]});
    const lockId = lockIdOf(open.id, 0);
    const close = unsigned(
      bodyAt(lockId, {seq: 0n, head: unsigned(open.body).body.prev}, claim(lockId, 5_000n, true)),
    );
    const late = unsigned(bodyAt(lockId, {seq: 1n, head: close.id}, claim(lockId, 6_000n)));
    const over = nextOp(state, bob.account, transfer(alice.account, 9_000_000n));
    const result = fold(state.fork(), [late, over, close, open], context);
    expect(result.applied.map(({id}) => id)).toEqual([open.id, close.id]);
    expect(result.moot).toEqual<BlockedOp[]>([{op: late, reason: "closed"}]);
    expect(result.blocked).toEqual<BlockedOp[]>([{op: over, reason: "funds"}]);
  });
});

describe("state forks", () => {
  it("commit to what a load of their changes gives", () => {
    fc.assert(
      fc.property(historyArb, (first) => {
        const base = genesisState(testGenesis);
        const before = pictureOf(base);
        const half = Math.floor(first.length / 2);
        const lower = base.fork();
        fold(lower, first.slice(0, half), context);
        const upper = lower.fork();
        fold(upper, first.slice(half), context);
        expect(pictureOf(base)).toEqual(before);
        const expected = pictureOf(upper);
        const loaded = LedgerState.load({
          cells: [...upper.cells()],
          totals: upper.totals,
          withdrawals: upper.withdrawals(),
          register: upper.register,
          governance: upper.governance,
        });
        expect(pictureOf(loaded)).toEqual(expected);
        expect(upper.commit()).toBe(lower);
        expect(lower.commit()).toBe(base);
        expect(pictureOf(base)).toEqual(expected);
      }),
    );
  });
});

describe("claims", () => {
  function opened(amount = 10_000n) {
    const state = genesisState(testGenesis);
    const open = nextOp(state, alice.account, {kind: "open", locks: [{...lockSpec, amount}]});
    apply(state, open, context);
    return {state, lockId: lockIdOf(open.id, 0)};
  }
  const balance = (state: LedgerState, who: {account: typeof alice.account}) => {
    const account = state.account(who.account);
    return account === undefined ? 0n : account.in - account.out;
  };

  it("split 85/5/5/5, take their fee from the controller and burn the remainder at the close", () => {
    const {state, lockId} = opened();
    const start = {alice: balance(state, alice), bob: balance(state, bob), burned: state.totals.burned};
    apply(state, nextOp(state, lockId, claim(lockId, 1_019n)), context);
    // 85 % of 1,019 is 866.15, 5 % is 50.95.
    expect(balance(state, bob) - start.bob).toBe(866n - 100n);
    expect(balance(state, dora)).toBe(50n);
    expect(balance(state, carol)).toBe(1_000_000n + 50n);
    expect(state.totals.burned - start.burned).toBe(50n + 100n);
    apply(
      state,
      nextOp(state, lockId, {kind: "claim", cumulative: 0n, voucher: undefined, isFinal: true}, 0n),
      context,
    );
    expect(balance(state, alice) - start.alice).toBe(10_000n - 1_019n);
    expect(state.totals.burned - start.burned).toBe(50n + 100n + 3n);
    expect(state.lock(lockId)).toMatchObject({isClosed: true, closedAt: 3n, drawn: 1_019n});
    expect(checkInvariants(state)).toEqual([]);
  });

  it("are refused with a reason", () => {
    const {state, lockId} = opened();
    const reasonOf = (payload: Parameters<typeof nextOp>[2], fee = 100n) => {
      const answer = enabled(state, nextOp(state, lockId, payload, fee), context);
      return answer.ok ? "ok" : answer.reason;
    };
    expect(reasonOf(claim(lockId, 10_001n))).toBe("aboveAmount");
    expect(reasonOf(claim(lockId, 0n))).toBe("nothingToClaim");
    expect(reasonOf(claim(lockId, 0n, true), 100n)).toBe("nothingToClaim");
    expect(reasonOf(claim(lockId, 0n, true), 0n)).toBe("ok");
    expect(reasonOf(claim(lockId, 500n), 0n)).toBe("claimFee");
    expect(reasonOf(claim(lockId, 500n), 426n)).toBe("claimFee");
    expect(reasonOf(claim(lockId, 500n), 425n)).toBe("ok");
    expect(reasonOf({kind: "claim", cumulative: 500n, voucher: undefined, isFinal: false})).toBe("voucher");
    apply(state, nextOp(state, lockId, claim(lockId, 10_000n, true)), context);
    expect(reasonOf(claim(lockId, 10_000n, true), 0n)).toBe("closed");
  });

  it("follow the clock", () => {
    const state = genesisState(testGenesis);
    const spec = {...lockSpec, authority: {kind: "clock" as const, startH: 10n, perH: 200n}};
    const open = nextOp(state, alice.account, {kind: "open", locks: [spec]});
    apply(state, open, context);
    const lockId = lockIdOf(open.id, 0);
    const draw = (cumulative: bigint) =>
      nextOp(state, lockId, {kind: "claim", cumulative, voucher: undefined, isFinal: false});
    expect(enabled(state, draw(200n), {height: 10n})).toEqual({ok: false, reason: "clock"});
    expect(enabled(state, draw(200n), {height: 11n}).ok).toBe(true);
    expect(enabled(state, draw(201n), {height: 11n})).toEqual({ok: false, reason: "clock"});
    // Past its expiry the allowance stands still.
    expect(enabled(state, draw(8_000n), {height: 900n}).ok).toBe(true);
    expect(enabled(state, draw(8_001n), {height: 900n})).toEqual({ok: false, reason: "clock"});
  });

  it("get no vote from the expiry height on, though the fold still takes certified ones", () => {
    const {state, lockId} = opened();
    const op = nextOp(state, lockId, claim(lockId, 500n));
    expect(votable(state, op, {height: 49n}).ok).toBe(true);
    expect(votable(state, op, {height: 50n})).toEqual({ok: false, reason: "expired"});
    expect(enabled(state, op, {height: 50n}).ok).toBe(true);
  });
});

describe("account ops", () => {
  it("need their slot and their funds", () => {
    const state = genesisState(testGenesis);
    const first = nextOp(state, alice.account, transfer(bob.account, 10n));
    const second = unsigned(bodyAt(alice.account, {seq: 1n, head: first.id}, transfer(bob.account, 10n)));
    const rival = unsigned(bodyAt(alice.account, {seq: 1n, head: second.id}, transfer(bob.account, 11n)));
    expect(enabled(state, second, context)).toEqual({ok: false, reason: "seqGap"});
    apply(state, first, context);
    expect(enabled(state, first, context)).toEqual({ok: false, reason: "seqUsed"});
    expect(enabled(state, rival, context)).toEqual({ok: false, reason: "prev"});
    expect(enabled(state, second, context).ok).toBe(true);
    expect(() => apply(state, rival, context)).toThrow(/not enabled/);
    const all = nextOp(state, alice.account, transfer(bob.account, 1_000_000n - 110n - 100n));
    expect(enabled(state, all, context).ok).toBe(true);
    const more = nextOp(state, alice.account, transfer(bob.account, 1_000_000n - 110n - 99n));
    expect(enabled(state, more, context)).toEqual({ok: false, reason: "funds"});
    expect(enabled(state, nextOp(state, dora.account, transfer(bob.account, 1n)), context)).toEqual({
      ok: false,
      reason: "unknownCell",
    });
  });

  it("stake, withdraw and set keys", () => {
    const state = genesisState(testGenesis);
    const address = new Uint8Array(20).fill(5);
    apply(state, nextOp(state, alice.account, {kind: "stake", stake: "executor", amount: 500n}), context);
    apply(state, nextOp(state, alice.account, {kind: "withdraw", amount: 300n, address}), context);
    apply(state, nextOp(state, bob.account, {kind: "withdraw", amount: 30n, address}), context);
    const keys = [bob.publicKey, carol.publicKey].sort(Buffer.compare);
    apply(
      state,
      nextOp(state, alice.account, {kind: "account", threshold: 2, keys, exitAddress: address}),
      context,
    );
    expect(state.account(alice.account)).toMatchObject({
      seq: 3n,
      in: 1_000_000n,
      out: 1_100n,
      withdrawn: 300n,
      staked: {witness: 0n, executor: 500n, curate: 0n},
      threshold: 2,
      keys,
      exitAddress: address,
    });
    expect(state.withdrawnTo(address)).toBe(330n);
    expect(state.totals).toMatchObject({stake: 500n, withdrawn: 330n, burned: 400n});
    expect(checkInvariants(state)).toEqual([]);
  });
});

describe("post", () => {
  it("refuses a list that does not balance, before anything moves", () => {
    const state = genesisState(testGenesis);
    const before = pictureOf(state);
    const half: Posting[] = [{bucket: "account", id: alice.account, amount: -5n}];
    expect(() => post(state, half)).toThrow(/sum to zero/);
    expect(() => post(state, [...half, {bucket: "burned", amount: 4n}])).toThrow(/sum to zero/);
    expect(() =>
      post(state, [
        {bucket: "burned", amount: -1n},
        {bucket: "treasury", amount: 1n},
      ]),
    ).toThrow(/negative total/);
    expect(pictureOf(state)).toEqual(before);
    post(state, [
      {bucket: "minted", amount: 5n},
      {bucket: "treasury", amount: 5n},
    ]);
    expect(state.totals).toMatchObject({minted: 5n, treasury: 5n});
    expect(checkInvariants(state)).toEqual([]);
  });
});

describe("checkInvariants", () => {
  it("finds money that was made, a lock that overpaid and a forgotten withdrawal", () => {
    const state = genesisState(testGenesis);
    const open = nextOp(state, alice.account, {kind: "open", locks: [lockSpec]});
    apply(state, open, context);
    const account = state.account(alice.account)!;
    const lock = state.lock(lockIdOf(open.id, 0))!;
    const made = state.fork();
    made.put({...account, in: account.in + 1n});
    expect(checkInvariants(made).map(({invariant}) => invariant)).toContain("I1");
    const overpaid = state.fork();
    overpaid.put({...lock, drawn: lock.spec.amount + 1n});
    expect(checkInvariants(overpaid).map(({invariant}) => invariant)).toContain("I4");
    const totals = state.fork();
    totals.putTotals({...state.totals, burned: state.totals.burned + 1n});
    expect(checkInvariants(totals).map(({invariant}) => invariant)).toContain("I1");
    const withdrawn = state.fork();
    withdrawn.addWithdrawal(new Uint8Array(20).fill(1), 1n);
    expect(checkInvariants(withdrawn).map(({invariant}) => invariant)).toContain("I1");
  });
});
