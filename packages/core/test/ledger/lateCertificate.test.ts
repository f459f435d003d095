/**
 * The case that closing is made for: a certificate that only one node has seen, since the witness that completed it
 * was left out of the closing cut, while the owner signed a rival.
 */

import {adoptionEffects} from "@catalyze/core/ledger/adoptionEffects";
import {computeCut} from "@catalyze/core/ledger/cut";
import type {Effect} from "@catalyze/core/ledger/effects";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import {encodeEvidence} from "@catalyze/core/ledger/evidenceCodec";
import {LateCertificates, nearest, storedLate} from "@catalyze/core/ledger/lateCertificates";
import type {Op} from "@catalyze/core/ledger/op";
import {KEY} from "@catalyze/core/ledger/storeKeys";
import {describe, expect, it} from "vitest";
import {MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {bookWorld} from "./bookWorld.ts";
import {alice, bob, carol, transfer} from "./kit.ts";
import {FIRST, genesisOf, NOW, ownOp, replicaOf, testify} from "./witnessKit.ts";

const plain = genesisOf(4);
/** Every checkpoint closes an epoch. */
const genesis = {...plain, params: {...plain.params, checkpointsPerEpoch: 1}};
const paid = ownOp(genesis, alice, FIRST, transfer(bob.account, 10n));
const next = ownOp(genesis, alice, {seq: 1n, head: paid.id}, transfer(bob.account, 11n));
const rival = ownOp(genesis, alice, FIRST, transfer(carol.account, 10n));

const world = () => bookWorld(genesis);

describe("a certificate that the closing cut leaves out", () => {
  it("freezes the cell, is shown, and its op applies after all; the rival never does", () => {
    const {book, write, close} = world();
    write(0, {carry: [paid]});
    write(1, {carry: [paid]});
    write(3, {carry: [rival]});
    expect(write(2, {carry: [paid]}).certified).toEqual([paid]);
    expect(book.isCertified(paid.id)).toBe(true);

    const {cut, adopted} = close([0, 1, 3]);
    expect(cut.applied).toEqual([]);
    expect(book.base.account(alice.account)?.frozen).toMatchObject({epoch: 1});
    // Not certified any more: what follows may not rest on it before everybody knows.
    expect(book.isCertified(paid.id)).toBe(false);
    expect(adopted.certificates).toHaveLength(1);
    const proof = encodeEvidence({kind: "certificate", certificate: adopted.certificates[0]!});
    expect(book.isOfUse(proof)).toBe(true);

    const shown: Op = ownOp(genesis, bob, FIRST, {kind: "evidence", proof});
    for (const witness of [0, 1, 3]) write(witness, {carry: [shown]});
    const after = close([0, 1, 3]);
    expect(after.cut.applied.map(({id}) => id)).toEqual([shown.id, paid.id]);
    expect(after.adopted.unseen).toEqual([paid.id]);
    expect(book.base.account(alice.account)).toMatchObject({seq: 1n, head: paid.id});
    expect(book.isOfUse(proof)).toBe(false);
  });

  it("lets an ordered op act when it is shown", () => {
    const {book, write, close} = world();
    const asked = ownOp(genesis, alice, FIRST, {kind: "unstake", stake: "executor", amount: 5n});
    for (const witness of [0, 1, 2]) write(witness, {carry: [asked]});
    write(3, {carry: [rival]});
    const [certificate] = close([0, 1, 3]).adopted.certificates;
    const proof = encodeEvidence({kind: "certificate", certificate: certificate!});
    const shown: Op = ownOp(genesis, bob, FIRST, {kind: "evidence", proof});
    for (const witness of [0, 1, 3]) write(witness, {carry: [shown]});
    expect(close([0, 1, 3]).cut.applied.map(({id}) => id)).toEqual([shown.id, asked.id]);
    // What it asked for has been dealt with: nothing of it is still to come.
    expect(book.base.account(alice.account)).toMatchObject({seq: 1n, leaving: 0n});
  });

  it("does nothing to an owner who signed once: one honest vote that is seen is enough", () => {
    const {book, write, close} = world();
    write(0, {carry: [paid]});
    write(1, {carry: [paid]});
    write(2, {carry: [paid]});
    const {cut, adopted} = close([0, 1, 3]);
    expect(cut.applied).toEqual([paid]);
    expect(adopted).toMatchObject({certificates: [], unresolved: [], unseen: []});
    expect(book.base.account(alice.account)).toMatchObject({head: paid.id, frozen: undefined});
  });

  it("leaves votes of other epochs without force", () => {
    const {book, write, close} = world();
    write(3, {});
    close([0, 1, 3]);
    // Witness 2 was away: its old entry counts for nothing, its new one does.
    write(0, {carry: [paid]});
    write(1, {carry: [paid]});
    expect(write(2, {carry: [paid], stampH: 0n}).certified).toEqual([]);
    expect(book.isCertified(paid.id)).toBe(false);
    // Said before this node has closed epoch 2: not yet.
    expect(write(3, {carry: [paid], stampH: 2n}).certified).toEqual([]);
    expect(write(2, {carry: [paid]}).certified).toEqual([paid]);
  });
});

describe("what a node keeps of such a certificate", () => {
  const shownBy = (effects: readonly Effect[]) =>
    effects.flatMap((effect) => (effect.kind === "evidence" ? [effect.proof] : []));

  const rescue = ({book, write, close}: ReturnType<typeof world>, proof: Uint8Array, slot = FIRST) => {
    const shown: Op = ownOp(genesis, bob, slot, {kind: "evidence", proof});
    for (const witness of [0, 1, 3]) write(witness, {carry: [shown]});
    const {adopted} = close([0, 1, 3]);
    return {shown, checkpoint: book.checkpoint, adopted};
  };
  /** Two of its owner's ops were certified where three of the four were seen. */
  const closed = () => {
    const all = world();
    for (const witness of [0, 1, 2]) all.write(witness, {carry: [paid, next]});
    all.write(3, {carry: [rival]});
    const {cut, adopted} = all.close([0, 1, 3]);
    expect(adopted.certificates).toHaveLength(2);
    const late = new LateCertificates([], all.book);
    return {...all, cut, adopted, late, kept: late.adopted(all.book.checkpoint, adopted.certificates)};
  };

  it("is shown again after a restart, until it is of no use, and then it goes", async () => {
    const {book, kept, late, ...rest} = closed();
    const store = new MemoryStore();
    await store.write(kept.writes, {sync: true});
    expect(await storedLate(store)).toHaveLength(2);

    const restarted = async () =>
      replicaOf(genesis, 0, {
        ...{base: book.base, checkpoint: book.final, late: await storedLate(store)},
        floor: book.dag.heads(),
      });
    expect(kept.proofs).toHaveLength(1);
    expect(shownBy((await restarted()).step({kind: "tick"}, NOW))).toEqual(kept.proofs);

    const first = rescue({book, ...rest}, kept.proofs[0]!);
    // What follows has its turn once that is done, and was kept until then.
    const second = late.adopted(first.checkpoint, []);
    expect(second.proofs).toHaveLength(1);
    expect(second.proofs).not.toEqual(kept.proofs);
    await store.write(second.writes, {sync: true});
    expect(await storedLate(store)).toHaveLength(1);
    expect(shownBy((await restarted()).step({kind: "tick"}, NOW))).toEqual(second.proofs);

    const done = rescue({book, ...rest}, second.proofs[0]!, {seq: 1n, head: first.shown.id});
    expect(book.base.account(alice.account)).toMatchObject({seq: 2n, head: next.id});
    expect(shownBy((await restarted()).step({kind: "tick"}, NOW))).toEqual([]);
    await store.write(late.adopted(done.checkpoint, []).writes, {sync: true});
    expect(await storedLate(store)).toEqual([]);
  });

  it("is shown again while it is of use: who was to report it may have had no money", () => {
    const {book, late, kept} = closed();
    const at = (height: bigint) =>
      late.adopted({...book.checkpoint, height, isLastOfEpoch: false}, []).proofs;
    const {height} = book.checkpoint;
    expect([1n, 11n, 12n, 13n].map((later) => at(height + later))).toEqual([[], [], kept.proofs, []]);
    // Nothing goes with the next epoch while the cell is frozen, what has to wait for its turn neither.
    expect(late.adopted({...book.checkpoint, height: height + 14n}, []).writes).toEqual([]);
  });

  it("is of the ops that stand nearest to their cells, where there are too many", () => {
    const {book} = world();
    const far = [...Array(5).keys()].map((at) =>
      ownOp(genesis, alice, {seq: BigInt(at), head: paid.id}, transfer(bob.account, 1n)),
    );
    const near = ownOp(genesis, bob, FIRST, transfer(carol.account, 1n));
    expect(nearest([...far, near], book.base, 3)).toEqual([far[0], near, far[1]]);
    expect(nearest([...far, near], book.base)).toEqual([...far, near]);
  });

  it("is written with the checkpoint that closes the epoch, before anything is said", () => {
    const {book, cut, adopted, kept: late} = closed();
    const [first, ...others] = adoptionEffects({adopted, cut, final: book.final, isOurs: false, late});
    const writes = first?.kind === "store" ? first.writes : [];
    expect(writes.map(({key}) => key)).toEqual(
      expect.arrayContaining([KEY.meta, `${KEY.late}000000000001/0`]),
    );
    expect(shownBy(others)).toEqual(late.proofs);
  });
});

describe("the seal of an epoch", () => {
  it("is what a closing cut rests on: other entries with the right stamp are not enough", () => {
    const {book, write} = world();
    const heads = [0, 1, 3].map((witness) => {
      write(witness, {});
      const {n, hash} = book.dag.head(witness)!;
      return {witness, n, hash};
    });
    expect(computeCut(book.cutContext(), heads).kind).toBe("wait");
    for (const witness of [0, 1, 3]) write(witness, {isSeal: true});
    const sealed = book.dag.heads();
    expect(computeCut(book.cutContext(), sealed).kind).toBe("cut");
  });

  it("is its author's last word in the epoch", () => {
    const replica = replicaOf(genesis, 0);
    const others = [1, 2, 3].map((index) => replicaOf(genesis, index));
    testify(replica, others, NOW);
    const entries = (effects: readonly Effect[]) =>
      effects.flatMap((effect) =>
        effect.kind === "broadcast" && effect.what === "entry" ? [decodeEntry(effect.bytes)] : [],
      );
    const [seal] = entries(replica.step({kind: "tick"}, NOW));
    expect(seal?.header.isSeal).toBe(true);
    const {bytes} = paid;
    expect(replica.step({kind: "op", bytes, from: undefined}, NOW + 1)).toEqual([]);
    expect(entries(replica.step({kind: "tick"}, NOW + 1_000))).toEqual([]);
  });
});
