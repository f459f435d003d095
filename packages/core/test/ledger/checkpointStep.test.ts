import {apply} from "@catalyze/core/ledger/apply";
import {leafOf} from "@catalyze/core/ledger/cellCodec";
import {checkpointHash, epochOfHeight} from "@catalyze/core/ledger/checkpoint";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {Op} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {verifyProof} from "@catalyze/core/ledger/sumTree";
import {toHex} from "@catalyze/core/primitives/bytes";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {expectExplained} from "./explained.ts";
import {historyArb} from "./history.ts";
import {alice, bob, claim, cutWith, lockSpec, nextOp, testGenesis, transfer} from "./kit.ts";

function start() {
  const base = genesisState(testGenesis);
  return {base, parent: genesisCheckpoint(testGenesis, base)};
}

const none = cutWith([]);

/** A lock that expires at 50 or as said, in a state whose last checkpoint has height `at`. */
function opened(at: bigint, expiryH = 50n) {
  const {base, parent} = start();
  const open = nextOp(base, alice.account, {kind: "open", locks: [{...lockSpec, expiryH}]});
  apply(base, open, {height: 1n});
  return {base, parent: {...parent, height: at}, lockId: lockIdOf(open.id, 0)};
}

function spent(state: LedgerState, who: typeof alice) {
  const account = state.account(who.account);
  return (account?.in ?? 0n) - (account?.out ?? 0n);
}

describe("checkpointStep", () => {
  it("applies what is certified and leaves its base alone", () => {
    const {base, parent} = start();
    const op = nextOp(base, alice.account, transfer(bob.account, 10n));
    const {state, checkpoint, fold} = checkpointStep({...cutWith([op]), base, parent});
    expect(fold).toMatchObject({applied: [op], blocked: [], moot: []});
    expect(checkpoint).toMatchObject({
      height: 1n,
      epoch: 1,
      parent: checkpointHash(parent),
      isLastOfEpoch: false,
    });
    expect(checkpoint.stateRoot).not.toBe(parent.stateRoot);
    expect(toHex(base.tree().root())).toBe(parent.stateRoot);
    expect(toHex(state.commit().tree().root())).toBe(checkpoint.stateRoot);
    expect(spent(base, bob)).toBe(1_000_010n);
  });

  it("is the same function of the cut whatever the order, and conserves money", () => {
    const anyOrder = historyArb.chain((ops) =>
      fc.tuple(fc.constant(ops), fc.shuffledSubarray(ops, {minLength: ops.length})),
    );
    fc.assert(
      fc.property(anyOrder, fc.boolean(), ([ops, shuffled], isExpiring) => {
        const step = (certifiedOps: readonly Op[]) => {
          const {base, parent} = start();
          const height = isExpiring ? 100n : 0n;
          return checkpointStep({...cutWith(certifiedOps), base, parent: {...parent, height}});
        };
        const one = step(ops);
        expect(checkpointHash(step(shuffled).checkpoint)).toBe(checkpointHash(one.checkpoint));
        expect(checkInvariants(one.state)).toEqual([]);
        if (isExpiring) expect(one.checkpoint.totals.locks).toBe(0n);
      }),
    );
  });

  it("marks the last checkpoint of an epoch", () => {
    const {base, parent} = start();
    expect(parent).toMatchObject({epoch: 0, height: 0n, isLastOfEpoch: true});
    const at = (height: bigint) =>
      checkpointStep({...none, base, parent: {...parent, height: height - 1n}}).checkpoint;
    expect(at(15n)).toMatchObject({epoch: 1, isLastOfEpoch: true});
    expect(at(16n)).toMatchObject({epoch: 2, isLastOfEpoch: false});
    expect([0n, 1n, 15n, 16n, 30n].map((height) => epochOfHeight(height, 15))).toEqual([0, 1, 1, 2, 2]);
  });

  it("keeps a lock until the height after its expiry, then refunds the rest", () => {
    const early = opened(49n);
    expect(checkpointStep({...none, ...early}).closedLocks).toEqual([]);
    const {base, parent, lockId} = opened(50n);
    const before = spent(base, alice);
    const {state, closedLocks} = checkpointStep({...none, base, parent});
    expect(closedLocks).toEqual([lockId]);
    expect(spent(state, alice) - before).toBe(10_000n);
    expect(state.lock(lockId)).toMatchObject({isClosed: true, closedAt: 51n, drawn: 0n});
    expect(checkInvariants(state)).toEqual([]);
  });

  it("settles an expired lock at the visible claim, as if that claim had been final", () => {
    const {base, parent, lockId} = opened(50n);
    const visible = nextOp(base, lockId, claim(lockId, 1_019n));
    const {state} = checkpointStep({...none, base, parent, expiringClaims: () => [visible]});
    const asFinal = base.fork();
    apply(asFinal, nextOp(base, lockId, claim(lockId, 1_019n, true)), {height: 51n});
    for (const who of [alice, bob]) expect(spent(state, who)).toBe(spent(asFinal, who));
    expect(state.totals).toEqual(asFinal.totals);
    expect(checkInvariants(state)).toEqual([]);
  });

  it("never lets a visible claim pay more than its authority, its amount or its lock", () => {
    const settled = (
      claimOf: (lockId: ReturnType<typeof lockIdOf>) => Parameters<typeof nextOp>[2],
      fee = 100n,
    ) => {
      const {base, parent, lockId} = opened(50n);
      const op = nextOp(base, lockId, claimOf(lockId), fee);
      const step = checkpointStep({...none, base, parent, expiringClaims: () => [op]});
      expectExplained(base, step);
      const {state} = step;
      expect(checkInvariants(state)).toEqual([]);
      return state.lock(lockId)?.drawn;
    };
    expect(settled((id) => claim(id, 99_999n))).toBe(10_000n);
    expect(settled((id) => ({...claim(id, 500n), cumulative: 700n}) as ReturnType<typeof claim>)).toBe(500n);
    expect(settled(() => ({kind: "claim", cumulative: 700n, voucher: undefined, isFinal: false}))).toBe(0n);
    // A fee above what the claim pays its controller takes that, not more.
    expect(settled((id) => claim(id, 20n))).toBe(20n);
  });

  it("prefers a certified claim in the same cut, and takes the visible one only to raise it", () => {
    const {base, parent, lockId} = opened(50n);
    const certified = nextOp(base, lockId, claim(lockId, 2_000n));
    const lower = nextOp(base, lockId, claim(lockId, 1_000n));
    const {state, fold} = checkpointStep({
      ...cutWith([certified]),
      base,
      parent,
      expiringClaims: () => [lower],
    });
    expect(fold.applied).toEqual([certified]);
    expect(state.lock(lockId)).toMatchObject({drawn: 2_000n, isClosed: true});
    expect(checkInvariants(state)).toEqual([]);
  });

  it("drops a lock one epoch after it closed", () => {
    const {base, parent, lockId} = opened(50n);
    const closed = checkpointStep({...none, base, parent}).state.commit();
    const at = (height: bigint) =>
      checkpointStep({...none, base: closed, parent: {...parent, height: height - 1n}}).state;
    expect(at(60n).lock(lockId)).toBeDefined();
    expect(at(74n).lock(lockId)).toBeDefined();
    expect(at(75n).lock(lockId)).toBeUndefined();
    expect(checkInvariants(at(75n))).toEqual([]);
    // Closed at 60, the last height of an epoch: gone with the last height of the next.
    const late = opened(59n, 59n);
    const closedAt60 = checkpointStep({...none, ...late}).state.commit();
    const next = checkpointStep({...none, base: closedAt60, parent: {...late.parent, height: 74n}}).state;
    expect(closedAt60.lock(late.lockId)).toMatchObject({closedAt: 60n});
    expect(next.lock(late.lockId)).toBeUndefined();
  });

  it("leaves everybody a proof of what they hold", () => {
    const {base} = opened(0n);
    const tree = base.tree();
    const liabilities = base.totals.accounts + base.totals.locks + base.totals.stake + base.totals.treasury;
    expect(tree.sum()).toBe(liabilities);
    for (const cell of [...base.cells()]) {
      const proof = tree.prove(leafOf(cell).id)!;
      expect(proof.leaf).toEqual(leafOf(cell));
      expect(verifyProof(tree.root(), liabilities, proof)).toBe(true);
    }
  });
});
