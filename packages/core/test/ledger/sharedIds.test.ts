/** Anybody may credit an account under the id of a lock: that must not touch the lock. */
import {apply, enabled} from "@catalyze/core/ledger/apply";
import {type Candidate, Tally} from "@catalyze/core/ledger/certificates";
import {closeEpoch} from "@catalyze/core/ledger/closing";
import {setFrozen} from "@catalyze/core/ledger/evidence";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import {committeeNow, genesisRegister} from "@catalyze/core/ledger/register";
import {cellKey} from "@catalyze/core/ledger/storeKeys";
import {describe, expect, it} from "vitest";
import {alice, carol, claim, lockSpec, nextOp, testGenesis, transfer} from "./kit.ts";

function shared() {
  const state = genesisState(testGenesis);
  const open = nextOp(state, alice.account, {kind: "open", locks: [lockSpec]});
  const lockId = lockIdOf(open.id, 0);
  apply(state, open, {height: 1n});
  apply(state, nextOp(state, carol.account, transfer(lockId, 5n)), {height: 1n});
  apply(state, nextOp(state, lockId, claim(lockId, 1_000n)), {height: 1n});
  return {state, lockId};
}

describe("an account under the id of a lock", () => {
  it("is another cell, in the state and on disk", () => {
    const {state, lockId} = shared();
    expect(state.account(lockId)).toMatchObject({in: 5n, seq: 0n});
    expect(state.logCell(lockId)).toBe(state.lock(lockId));
    expect(state.lock(lockId)).toMatchObject({seq: 1n, drawn: 1_000n});
    expect(cellKey(state.account(lockId)!)).not.toBe(cellKey(state.lock(lockId)!));
  });

  it("is not frozen in the lock's place", () => {
    const {state, lockId} = shared();
    setFrozen(state, lockId, {epoch: 1, untilH: 9n});
    expect(state.account(lockId)!.frozen).toBeUndefined();
    expect(enabled(state, nextOp(state, lockId, claim(lockId, 2_000n)), {height: 2n})).toMatchObject({
      reason: "frozen",
    });
  });

  it("hides no vote for a claim when an epoch closes, nor that two were signed", () => {
    const {state, lockId} = shared();
    const [one, other] = [2_000n, 3_000n].map((cumulative) =>
      nextOp(state, lockId, claim(lockId, cumulative)),
    );
    const context = {height: 2n, epoch: 1, frozenUntilH: 9n, soundCopy: ({op}: Candidate) => op};
    const tallyOf = (ops: readonly (typeof one)[]) => {
      const tally = new Tally(committeeNow(genesisRegister(testGenesis)));
      for (const op of ops) tally.add(op!);
      for (const op of ops) tally.vote(op!.id, 0);
      return tally;
    };
    expect(closeEpoch(state.fork(), tallyOf([one]), context)).toEqual({applied: [one], frozen: []});
    const contested = state.fork();
    expect(closeEpoch(contested, tallyOf([one, other]), context)).toEqual({applied: [], frozen: [lockId]});
    expect(contested.dueAt(9n)).toEqual([{kind: "lock", id: lockId}]);
  });
});
