import {type ConsensusVote, decodeConsensus, encodeConsensus} from "@catalyze/core/ledger/consensusCodec";
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Entry} from "@catalyze/core/ledger/entry";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import {entryNumber} from "@catalyze/core/ledger/entryNumber";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {Replica} from "@catalyze/core/ledger/replica";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import {decodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import {describe, expect, it} from "vitest";
import {alice, bob, carol, transfer} from "./kit.ts";
import {
  entryOf,
  FIRST,
  genesisOf,
  NOW,
  ownOp,
  ROOM,
  replicaOf,
  settle,
  testify,
  verifier,
  witnesses,
} from "./witnessKit.ts";

const INTERVAL = 1_000;

/** Epochs of two checkpoints. */
function shortEpochs(count: number): Genesis {
  const genesis = genesisOf(count);
  return {...genesis, params: {...genesis.params, checkpointsPerEpoch: 2, checkpointIntervalMs: INTERVAL}};
}

function entriesIn(effects: readonly Effect[], witness: number): Entry[] {
  const entries = effects.flatMap((effect) =>
    effect.kind === "broadcast" && effect.what === "entry" ? [decodeEntry(effect.bytes)] : [],
  );
  return entries.filter(({header}) => header.witness === witness);
}

/** Brings a witness what another has, as a sync does; it was asked while it did not sign. */
function sync(to: Replica, from: Replica, nowMs: number): Effect[] {
  const {entries} = from.entriesAfter(to.wantedHeads(), ROOM);
  const checkpoints = from.checkpointsAfter(to.checkpoint.height, 1_000);
  return [
    ...entries.flatMap(({bytes}) => to.step({kind: "entry", bytes, from: undefined}, nowMs)),
    ...checkpoints.flatMap((bytes) => to.step({kind: "checkpoint", bytes, from: undefined}, nowMs)),
    ...testify(to, [from], nowMs),
  ];
}

describe("a witness whose home is restored from a backup", () => {
  const genesis = shortEpochs(4);
  const op = ownOp(genesis, alice, FIRST, transfer(bob.account, 1n));
  const later = ownOp(genesis, carol, FIRST, transfer(bob.account, 1n));

  /** Three went on; the fourth has nothing of what it signed. */
  function world() {
    const all = [0, 1, 2, 3].map((index) => replicaOf(genesis, index));
    all[3]!.step({kind: "op", bytes: op.bytes, from: undefined}, NOW);
    for (let at = 0; at < INTERVAL; at += 20) settle(all, NOW + at);
    const others = all.slice(0, 3);
    const written = others[0]!.heads().find(({witness}) => witness === 3)!;
    return {others, written, lost: replicaOf(genesis, 3)};
  }

  it("says nothing until an epoch has closed without it, and then goes on with its log", () => {
    const {others, written, lost} = world();
    lost.step({kind: "op", bytes: later.bytes, from: undefined}, NOW + INTERVAL);
    const said: {entry: Entry; epoch: number}[] = [];
    for (let at = INTERVAL; at < 12 * INTERVAL; at += 100) {
      const effects = [
        ...others.flatMap((other) => sync(lost, other, NOW + at)),
        ...settle([lost], NOW + at),
      ];
      for (const entry of entriesIn(effects, 3)) {
        said.push({entry, epoch: others[0]!.checkpoint.epoch});
        for (const other of others)
          other.step({kind: "entry", bytes: entry.bytes, from: undefined}, NOW + at);
      }
      settle(others, NOW + at);
    }
    expect(said[0]?.entry.header.n).toBe(entryNumber(3, 1n));
    expect(said[0]?.entry.header.prev).toBe(written.hash);
    // What it had written was of epoch 1; epoch 2 closed without it.
    expect(said[0]?.epoch).toBeGreaterThanOrEqual(2);
    expect(said[0]?.entry.header.stampH).toBeGreaterThanOrEqual(4n);
    expect(lost.stopped).toBeUndefined();
    expect(lost.isSilent).toBe(false);
    for (const other of others) expect(other.isCertified(later.id)).toBe(true);
  });

  it("asks a quorum before it trusts its table, and believes nobody who names what it cannot show", () => {
    const {others, lost} = world();
    const liar = {witness: 3, n: entryNumber(1, 1_000n), hash: "ab".repeat(32) as never};
    const {words, epoch} = others[0]!.testimonyFor(3);
    lost.step({kind: "tick"}, NOW + INTERVAL);
    expect(lost.isSilent).toBe(true);
    for (const seats of [[1], [2]]) {
      lost.step({kind: "heard", seats, epoch, head: liar, words, from: undefined}, NOW + INTERVAL);
      // Long after: nothing that it named has come.
      lost.step({kind: "tick"}, NOW + 60 * INTERVAL);
    }
    expect([lost.isSilent, lost.isRecovering]).toEqual([true, false]);
    for (const other of others) sync(lost, other, NOW + 60 * INTERVAL);
    expect([lost.isSilent, lost.isRecovering]).toEqual([true, true]);
  });

  it("does not take for remembered what others had, however often it restarts until it knows again", () => {
    const {others, lost} = world();
    for (const other of others) sync(lost, other, NOW + INTERVAL);
    expect(lost.isRecovering).toBe(true);
    const again = replicaOf(genesis, 3, {signed: lost.signingRecords()});
    for (const other of others) sync(again, other, NOW + 2 * INTERVAL);
    expect([again.isSilent, again.isRecovering]).toEqual([true, true]);
  });

  it("counts no answer of another epoch: of what it signed in its own, such a peer has nothing in its graph", () => {
    const lost = replicaOf(genesis, 3);
    const others = [0, 1, 2].map((index) => replicaOf(genesis, index));
    for (let at = 0; others[0]!.epoch === 1; at += 100) settle(others, NOW + at);
    for (let at = 0; at < 60; at += 1) testify(lost, others, NOW + (10 + at) * INTERVAL);
    expect([lost.epoch, lost.isSilent]).toEqual([1, true]);
    for (const other of others) sync(lost, other, NOW + 80 * INTERVAL);
    expect([lost.epoch, lost.isSilent]).toEqual([2, false]);
  });

  it("knows again what its table had not lost, at once", () => {
    const {others} = world();
    const fresh = replicaOf(genesis, 3);
    // Nobody has anything of its log: the first start of all.
    const blank = [0, 1, 2].map((index) => replicaOf(genesis, index));
    testify(fresh, blank, NOW);
    expect(fresh.isSilent).toBe(false);
    expect(others).toHaveLength(3);
  });

  it("waits a while for who has not answered: perhaps it alone has what was signed last", () => {
    const {others, lost} = world();
    for (const other of others.slice(0, 2)) {
      const head = undefined;
      const {words, epoch} = other.testimonyFor(3);
      lost.step({kind: "heard", seats: [other.seat!], epoch, head, words, from: undefined}, NOW + INTERVAL);
    }
    expect(lost.isSilent).toBe(true);
    sync(lost, others[2]!, NOW + INTERVAL + 100);
    expect(lost.isRecovering).toBe(true);
  });
});

describe("a network that stands still for want of a witness that has forgotten", () => {
  const genesis = shortEpochs(2);
  const left = ownOp(genesis, alice, FIRST, transfer(bob.account, 1n));
  const right = ownOp(genesis, alice, FIRST, transfer(carol.account, 2n));

  it("gets it back once all others have said what they have, bound by every vote in there", () => {
    const [other, before] = [replicaOf(genesis, 0), replicaOf(genesis, 1)];
    testify(before, [other], NOW);
    testify(other, [before], NOW);
    before.step({kind: "op", bytes: left.bytes, from: undefined}, NOW);
    const said = before.step({kind: "tick"}, NOW);
    for (const effect of said) {
      if (effect.kind !== "broadcast" || effect.what === "checkpoint") continue;
      other.step({kind: effect.what, bytes: effect.bytes, from: undefined}, NOW);
    }
    const lost = replicaOf(genesis, 1);
    sync(lost, other, NOW + 100);
    expect(lost.isRecovering).toBe(true);
    lost.step({kind: "op", bytes: right.bytes, from: undefined}, NOW + 100);
    lost.step({kind: "tick"}, NOW + 12 * INTERVAL);
    // What it heard before it knew what it had lost may be out of date.
    expect(lost.isSilent).toBe(true);
    testify(lost, [other], NOW + 9 * INTERVAL);
    expect(lost.isSilent).toBe(true);
    const effects = lost.step({kind: "tick"}, NOW + 11 * INTERVAL);
    expect(lost.isSilent).toBe(false);
    const records = effects.flatMap((effect) => (effect.kind === "sign" ? [effect.record] : []));
    const votes = records.map(decodeSigningRecord).flatMap((each) => ("votes" in each ? each.votes : []));
    expect(votes).toContainEqual(expect.objectContaining({opId: left.id}));
    const entries = entriesIn(
      [
        ...effects,
        ...settle([other, lost], NOW + 12 * INTERVAL),
        ...settle([other, lost], NOW + 13 * INTERVAL),
      ],
      1,
    );
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.flatMap(({carry}) => carry.map(({id}) => id))).not.toContain(right.id);
    expect(other.isCertified(left.id)).toBe(true);
  });

  it("contradicts nothing that it said on the checkpoint, and believes no false word of its own", () => {
    const [other, before] = [replicaOf(genesis, 0), replicaOf(genesis, 1)];
    testify(before, [other], NOW);
    testify(other, [before], NOW);
    const votes: ConsensusVote[] = [];
    const hear = (from: Replica, to: Replica, nowMs: number, what: readonly string[]) => {
      for (const effect of from.step({kind: "tick"}, nowMs)) {
        if (effect.kind !== "broadcast" || effect.what === "checkpoint") continue;
        if (effect.what === "consensus") votes.push(...decodeConsensus(effect.bytes).votes);
        if (what.includes(effect.what))
          to.step({kind: effect.what, bytes: effect.bytes, from: undefined}, nowMs);
      }
    };
    // The other one leads: its proposal does not come through, so this one skips.
    hear(before, other, NOW, ["entry"]);
    hear(other, before, NOW + 1, ["entry"]);
    hear(before, other, NOW + 5_000, ["entry", "consensus"]);
    expect(votes.some(({witness, kind}) => witness === 1 && kind === "skip")).toBe(true);
    const lost = replicaOf(genesis, 1);
    sync(lost, other, NOW + 6_000);
    const skip = votes.find(({witness}) => witness === 1)!;
    const forged = {...skip, iteration: 9, signature: new Uint8Array(64).fill(7)};
    const words = encodeConsensus({proposals: [], votes: [forged]});
    const lie = {kind: "heard", seats: [5], epoch: 1, head: undefined, words, from: undefined} as const;
    expect(lost.step(lie, NOW + 6_000)).toContainEqual(
      expect.objectContaining({kind: "rejected", code: "SIGNATURE_INVALID"}),
    );
    testify(lost, [other], NOW + 6_000);
    const effects = lost.step({kind: "tick"}, NOW + 17_000);
    expect(lost.isSilent).toBe(false);
    const kept = effects.flatMap((effect) =>
      effect.kind === "sign" ? [decodeSigningRecord(effect.record)] : [],
    );
    const known = kept.flatMap((each) => (each.kind === "consensus" ? each.message.votes : []));
    expect(known).toContainEqual(skip);
    const binding = lost.signingRecords().map(decodeSigningRecord);
    expect(binding.flatMap((each) => (each.kind === "consensus" ? each.message.votes : []))).toContainEqual(
      skip,
    );
    expect(known.map(({iteration}) => iteration)).not.toContain(9);
    for (let at = 17_000; at < 30_000; at += 100) {
      for (const effect of settle([other, lost], NOW + at)) {
        if (effect.kind === "broadcast" && effect.what === "consensus")
          votes.push(...decodeConsensus(effect.bytes).votes);
      }
    }
    expect(other.checkpoint.height).toBeGreaterThan(1n);
    const first = votes.filter(
      ({witness, height, iteration}) => witness === 1 && height === 1n && iteration === 1,
    );
    expect(first.map(({kind}) => kind)).not.toContain("finalize");
  });
});

describe("a committee of one that was restored", () => {
  const genesis = shortEpochs(1);

  it("signs nothing before somebody has told it where its log ends", () => {
    const before = replicaOf(genesis, 0);
    settle([before], NOW);
    settle([before], NOW + INTERVAL);
    const follower = replicaOf(genesis, 9);
    sync(follower, before, NOW + INTERVAL);
    const restored = new Replica(
      {genesis, verifier, voteSigner: witnesses[0], hasForgotten: true},
      freshReplica(genesis),
    );
    settle([restored], NOW + 60 * INTERVAL);
    expect(restored.isSilent).toBe(true);
    expect(restored.heads()).toEqual([]);
    sync(restored, follower, NOW + 60 * INTERVAL);
    settle([restored], NOW + 71 * INTERVAL);
    settle([restored], NOW + 72 * INTERVAL);
    expect(restored.isSilent).toBe(false);
    expect(restored.heads()[0]?.n).toBeGreaterThan(before.heads()[0]!.n);
    expect(restored.checkpoint.height).toBeGreaterThan(before.checkpoint.height);
    expect(sync(follower, restored, NOW + 72 * INTERVAL).some(({kind}) => kind === "violation")).toBe(false);
    expect(follower.finalCheckpoint.hash).toBe(restored.finalCheckpoint.hash);
  });

  it("goes on by itself where only its signing table is lost: its store has the log", () => {
    const first = entryOf(genesis, {witness: 0, stampHash: freshReplica(genesis).checkpoint.hash});
    const after = replicaOf(genesis, 0, {entries: [first]});
    after.step({kind: "tick"}, NOW);
    expect(after.isRecovering).toBe(true);
    after.step({kind: "tick"}, NOW + 11 * INTERVAL);
    expect(after.isSilent).toBe(false);
    const [next] = entriesIn(settle([after], NOW + 13 * INTERVAL), 0);
    expect(next?.header.prev).toBe(first.hash);
  });
});
