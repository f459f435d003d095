import {enabled} from "@catalyze/core/ledger/apply";
import {decodeCell, encodeCell} from "@catalyze/core/ledger/cellCodec";
import type {Checkpoint} from "@catalyze/core/ledger/checkpoint";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {fold} from "@catalyze/core/ledger/fold";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {LockSpec, Op, Payload} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import {PARAMS_DEMO} from "@catalyze/core/ledger/params";
import {LedgerState} from "@catalyze/core/ledger/state";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {alice, bob, carol, cutWith, lockSpec, nextOp, type Person, testGenesis} from "./kit.ts";

const MARGIN = 6;
const params = {...PARAMS_DEMO, lockExpiryHeights: MARGIN};
const clock: LockSpec = {...lockSpec, authority: {kind: "clock", startH: 2n, perH: 200n}, expiryH: 40n};

type World = {base: LedgerState; parent: Checkpoint};

function opened(spec = clock) {
  const base = genesisState(testGenesis);
  const open = nextOp(base, alice.account, {kind: "open", locks: [spec]});
  fold(base, [open], {height: 1n});
  const world: World = {base, parent: {...genesisCheckpoint(testGenesis, base), height: 3n, epoch: 1}};
  return {world, lockId: lockIdOf(open.id, 0)};
}

/** The next checkpoint, with these ops in its cut. */
function step(world: World, ops: readonly Op[] = []): void {
  const {state, checkpoint, fold: folded} = checkpointStep({...cutWith(ops), ...world, params});
  expect(folded.blocked).toEqual([]);
  expect(checkInvariants(state)).toEqual([]);
  world.base = state.commit();
  world.parent = checkpoint;
}

const notice = ({base}: World, lockId: Op["body"]["cell"], endH: bigint, by: Person = alice): Op =>
  nextOp(base, by.account, {kind: "govern", wish: {kind: "notice", lockId, endH}});
const drawing = ({base}: World, lockId: Op["body"]["cell"], cumulative: bigint) =>
  nextOp(base, lockId, {kind: "claim", cumulative, voucher: undefined, isFinal: false} as Payload);

describe("notice of a clock lock", () => {
  it("stops the clock where the payer says, and lets the payee draw up to it for the usual margin", () => {
    const {world, lockId} = opened();
    step(world, [notice(world, lockId, 9n)]);
    const lock = world.base.lock(lockId)!;
    expect(lock).toMatchObject({endH: 9n, expiryH: 9n + BigInt(MARGIN)});
    expect(decodeCell(encodeCell(lock))).toEqual(lock);
    // 200 for each height from 2 to 9.
    const can = (cumulative: bigint, height: bigint) =>
      enabled(world.base, drawing(world, lockId, cumulative), {height});
    expect(can(1_400n, 8n)).toEqual({ok: false, reason: "clock"});
    expect(can(1_400n, 9n)).toEqual({ok: true});
    expect(can(1_401n, 30n)).toEqual({ok: false, reason: "clock"});
    while (world.parent.height < 15n) step(world);
    expect(world.base.lock(lockId)?.isClosed).toBe(false);
    step(world);
    expect(world.base.lock(lockId)).toMatchObject({isClosed: true, closedAt: 16n});
  });

  it("is never earlier than the next two checkpoints, and only ever closer", () => {
    const {world, lockId} = opened();
    step(world, [notice(world, lockId, 20n)]);
    expect(world.base.lock(lockId)?.endH).toBe(20n);
    step(world, [notice(world, lockId, 30n)]);
    expect(world.base.lock(lockId)?.endH).toBe(20n);
    // At height 6.
    step(world, [notice(world, lockId, 0n)]);
    expect(world.base.lock(lockId)?.endH).toBe(8n);
    step(world, [notice(world, lockId, 0n)]);
    expect(world.base.lock(lockId)?.endH).toBe(8n);
  });

  it("never lengthens a lock's life", () => {
    const {world, lockId} = opened({...clock, expiryH: 12n});
    step(world, [notice(world, lockId, 10n)]);
    expect(world.base.lock(lockId)).toMatchObject({endH: 10n, expiryH: 12n});
    step(world, [notice(world, lockId, 15n)]);
    expect(world.base.lock(lockId)).toMatchObject({endH: 10n, expiryH: 12n});
  });

  it("has no effect but its fee by anybody else, on another lock, or on none", () => {
    const {world, lockId} = opened();
    const payer = opened(lockSpec);
    step(payer.world, [notice(payer.world, payer.lockId, 9n)]);
    expect(payer.world.base.lock(payer.lockId)).toMatchObject({endH: 50n, expiryH: 50n});
    step(world, [notice(world, lockId, 9n, carol), notice(world, lockId, 9n, bob)]);
    step(world, [notice(world, alice.account, 9n)]);
    expect(world.base.lock(lockId)).toMatchObject({endH: 40n, expiryH: 40n});
    expect(world.base.account(carol.account)?.seq).toBe(1n);
  });

  it("expires at the same height after a restart", () => {
    const {world, lockId} = opened();
    step(world, [notice(world, lockId, 6n)]);
    const {base, parent} = world;
    const loaded: World = {
      base: LedgerState.load({
        cells: [...base.cells()],
        ...{totals: base.totals, withdrawals: base.withdrawals()},
        ...{register: base.register, governance: base.governance},
      }),
      parent,
    };
    while (loaded.parent.height < 13n) step(loaded);
    expect(loaded.base.lock(lockId)).toMatchObject({isClosed: true, closedAt: 13n});
  });

  /** Votes rest on a stamp; the op applies at any later height, whatever notices came between. */
  it("disables no claim that was enabled when it was voted for", () => {
    const worldArb = fc.record({
      votedAt: fc.integer({min: 3, max: 7}),
      // Before the earliest expiry: there what is visible counts.
      delay: fc.integer({min: 0, max: 3}),
      ends: fc.array(fc.bigInt({min: 0n, max: 14n}), {minLength: 12, maxLength: 12}),
    });
    fc.assert(
      fc.property(worldArb, ({votedAt, delay, ends}) => {
        const {world, lockId} = opened({...clock, expiryH: 90n});
        let claim: Op | undefined;
        for (const endH of ends) {
          const {height} = world.parent;
          if (height === BigInt(votedAt)) {
            const {endH: end} = world.base.lock(lockId)!;
            const until = height < end ? height : end;
            claim = drawing(world, lockId, 200n * (until - 2n));
            expect(enabled(world.base, claim, {height})).toEqual({ok: true});
          }
          const isNow = claim !== undefined && height === BigInt(votedAt + delay);
          step(world, [...(isNow ? [claim!] : []), notice(world, lockId, endH)]);
        }
        expect(world.base.lock(lockId)?.seq).toBe(1n);
      }),
      {numRuns: 200},
    );
  });
});
