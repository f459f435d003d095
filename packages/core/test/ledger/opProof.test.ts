import {proveCell} from "@catalyze/core/ledger/balanceProof";
import {makeCertificates} from "@catalyze/core/ledger/certificateMaking";
import type {Op} from "@catalyze/core/ledger/op";
import {
  type CheckedOp,
  cellOf,
  checkOpProof,
  decodeOpProof,
  encodeOpProof,
  type OpLine,
  type OpProof,
} from "@catalyze/core/ledger/opProof";
import {committeeNow} from "@catalyze/core/ledger/register";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {bookWorld} from "./bookWorld.ts";
import {alice, bob, carol, transfer} from "./kit.ts";
import {FIRST, genesisOf, ownOp, verifier} from "./witnessKit.ts";

const plain = genesisOf(4);
const genesis = {...plain, params: {...plain.params, checkpointsPerEpoch: 3}};
const given = {genesis, verifier};
const first = ownOp(genesis, alice, FIRST, transfer(bob.account, 10n));
const second = ownOp(genesis, alice, {seq: 1n, head: first.id}, transfer(bob.account, 11n));
const third = ownOp(genesis, alice, {seq: 2n, head: second.id}, transfer(bob.account, 12n));
const rival = ownOp(genesis, alice, FIRST, transfer(carol.account, 10n));
const strange = ownOp(genesis, bob, FIRST, transfer(carol.account, 1n));

type World = ReturnType<typeof bookWorld>;

/** An account without ops, so that there is a checkpoint. */
function begun(): World {
  const world = bookWorld(genesis);
  world.close([0, 1, 2]);
  return world;
}

function proofOf({book}: World, op: Op, line: OpLine): OpProof {
  const cell = proveCell(cellOf(op), book.base, {final: book.final, handovers: []});
  return {cell, register: undefined, ...line};
}

function proven(world: World, op: Op): CheckedOp | undefined {
  const line = world.book.lineTo(op.id);
  return line && checkOpProof(decodeOpProof(encodeOpProof(proofOf(world, op, line))), given);
}

describe("the proof of an op", () => {
  it("holds above a checkpoint with the certificates of all that it follows, and at one", () => {
    const world = begun();
    for (const witness of [0, 1, 2]) world.write(witness, {carry: [first, second]});
    expect(world.book.lineTo(second.id)).toMatchObject({following: [], certificates: {length: 2}});
    expect(proven(world, second)).toMatchObject({op: second, grade: "certified", epoch: 1, votes: 3});
    expect(proven(world, first)).toMatchObject({op: first, grade: "certified", epoch: 1, votes: 3});
    world.close([0, 1, 2]);
    for (const op of [first, second])
      expect(proven(world, op)).toMatchObject({op, grade: "checkpointed", epoch: 1, votes: 3});
    // Votes of an epoch that is over prove nothing any more; where they led does.
    world.close([0, 1, 2]);
    world.close([0, 1, 2]);
    expect(world.book.lineTo(first.id)).toMatchObject({following: [first, second], certificates: []});
    expect(proven(world, first)).toMatchObject({op: first, grade: "checkpointed", epoch: 2, votes: 3});
    expect(proven(world, third)).toBeUndefined();
  });

  // One bad member of four: the rival may win its slot, and then nothing that follows ever counts.
  it("is not made of a quorum's votes for the op alone", () => {
    const world = begun();
    for (const witness of [0, 1]) world.write(witness, {carry: [first, second]});
    world.write(3, {carry: [second]});
    expect(world.book.isCertified(second.id)).toBe(false);
    expect(world.book.lineTo(second.id)).toBeUndefined();
    const committee = committeeNow(world.book.base.register);
    const {dag} = world.book;
    const [certificate] = makeCertificates([second], {dag, epoch: 1, committee, params: genesis.params});
    const forged = proofOf(world, second, {following: [], certificates: [certificate!]});
    expect(() => checkOpProof(forged, given)).toThrow(/do not lead/);
    world.write(2, {carry: [rival]});
    world.close([0, 1, 2]);
    world.close([0, 1, 2]);
    expect(world.book.base.account(alice.account)).toMatchObject({seq: 0n, frozen: {epoch: 1}});
    const later = proofOf(world, second, {following: [], certificates: [certificate!]});
    expect(() => checkOpProof(later, given)).toThrow(/does not hold/);
  });

  it("is refused where a part is missing, of another log, or of another cell", () => {
    const world = begun();
    for (const witness of [0, 1, 2]) world.write(witness, {carry: [first, second, strange]});
    const {certificates} = world.book.lineTo(second.id)!;
    const other = world.book.lineTo(strange.id)!.certificates;
    const refused = (op: Op, line: Partial<OpLine>) =>
      expect(() =>
        checkOpProof(proofOf(world, op, {following: [], certificates: [], ...line}), given),
      ).toThrow(/does not hold/);
    refused(second, {});
    refused(second, {certificates: certificates.slice(1)});
    refused(second, {certificates: certificates.toReversed()});
    refused(second, {certificates: [...other, ...certificates.slice(1)]});
    refused(second, {certificates, following: [first]});
    refused(second, {certificates: other});
    world.close([0, 1, 2]);
    refused(first, {following: [first]});
    refused(first, {following: [first, third]});
    refused(rival, {following: [rival, second]});
    refused(second, {certificates});
  });

  it("does not hold with any byte changed", () => {
    const world = begun();
    for (const witness of [0, 1, 2]) world.write(witness, {carry: [first, second]});
    const bytes = encodeOpProof(proofOf(world, second, world.book.lineTo(second.id)!));
    expect(encodeOpProof(decodeOpProof(bytes))).toEqual(bytes);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({min: 1, max: 255}), (at, flip) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ flip;
        try {
          // The signatures inside the ops are not the votes' to cover: the op keeps its id.
          expect(checkOpProof(decodeOpProof(changed), given).op.id).toBe(second.id);
        } catch (error) {
          expect(error).toMatchObject({code: expect.stringMatching(/^(PROOF|DECODE)_INVALID$/)});
        }
      }),
      {numRuns: 300},
    );
  });
});
