import type {Effect} from "@catalyze/core/ledger/effects";
import {entryNumber} from "@catalyze/core/ledger/entryNumber";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import type {Op} from "@catalyze/core/ledger/op";
import type {Replica} from "@catalyze/core/ledger/replica";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {describe, expect, it} from "vitest";
import {alice, bob, carol, person, transfer} from "./kit.ts";
import {entryOf, FIRST, genesisOf, NOW, ownOp, ROOM, replicaOf, settle, testify} from "./witnessKit.ts";

function submit(replica: Replica, bytes: Uint8Array, nowMs = NOW): Effect[] {
  return replica.step({kind: "op", bytes, from: undefined}, nowMs);
}

function certifiedIn(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) => (effect.kind === "certified" ? effect.ops : []));
}

/** Ops of one account, one after the other. */
function pipeline(genesis: Genesis, count: number): Op[] {
  const ops: Op[] = [];
  for (let slot = FIRST; ops.length < count; slot = {seq: slot.seq + 1n, head: ops.at(-1)!.id})
    ops.push(ownOp(genesis, alice, slot, transfer(bob.account, 1n)));
  return ops;
}

it("waits twice as long after an entry that answered others with many votes, and only then", () => {
  const waitAfter = (members: number, ops: number) => {
    const genesis = genesisOf(members);
    const replica = replicaOf(genesis, 0);
    if (members > 1)
      testify(
        replica,
        [1, 2, 3].map((index) => replicaOf(genesis, index)),
        NOW,
      );
    const carry = pipeline(genesis, ops);
    if (members === 1) for (const {bytes} of carry) submit(replica, bytes);
    else {
      const {bytes} = entryOf(genesis, {witness: 1, carry});
      replica.step({kind: "entry", bytes, from: undefined}, NOW);
    }
    const isEntry = (effect: Effect) => effect.kind === "broadcast" && effect.what === "entry";
    expect(replica.step({kind: "tick"}, NOW).some(isEntry)).toBe(true);
    submit(replica, ownOp(genesis, carol, FIRST, transfer(bob.account, 1n)).bytes);
    return (replica.wantsTick(NOW as UnixMs)! - NOW) / genesis.params.entryIntervalMs;
  };
  expect(waitAfter(4, 15)).toBe(1);
  expect(waitAfter(4, 16)).toBe(2);
  expect(waitAfter(1, 100)).toBe(1);
});

describe("a committee of one", () => {
  const genesis = genesisOf(1);
  const first = ownOp(genesis, alice, FIRST, transfer(bob.account, 1_000n));

  it("certifies with its own entry and makes a checkpoint, in one tick", () => {
    const replica = replicaOf(genesis, 0);
    expect(submit(replica, first.bytes)).toEqual([]);
    const effects = replica.step({kind: "tick"}, NOW);
    expect(certifiedIn(effects)).toEqual([first.id]);
    expect(replica.checkpoint.height).toBe(1n);
    expect(replica.isCheckpointed(first.id)).toBe(true);
    expect(replica.base.account(bob.account)?.in).toBe(1_001_000n);
  });

  it("records what it signs before it says it", () => {
    const replica = replicaOf(genesis, 0);
    submit(replica, first.bytes);
    const kinds = replica.step({kind: "tick"}, NOW).map(({kind}) => kind);
    expect(kinds.indexOf("sign")).toBeLessThan(kinds.indexOf("broadcast"));
    expect(kinds.indexOf("store")).toBeLessThan(kinds.indexOf("broadcast"));
  });

  it("makes no checkpoint before its time, and wants to be woken for the next one", () => {
    const replica = replicaOf(genesis, 0);
    replica.step({kind: "tick"}, NOW);
    const wanted = replica.wantsTick(NOW as never);
    expect(wanted).toBe(NOW + genesis.params.checkpointIntervalMs);
    replica.step({kind: "tick"}, NOW + genesis.params.checkpointIntervalMs - 1);
    expect(replica.checkpoint.height).toBe(1n);
    replica.step({kind: "tick"}, NOW + genesis.params.checkpointIntervalMs);
    expect(replica.checkpoint.height).toBe(2n);
  });

  it("pipelines a cell's ops and takes them out of order", () => {
    const replica = replicaOf(genesis, 0);
    const second = ownOp(genesis, alice, {seq: 1n, head: first.id}, transfer(bob.account, 1n));
    expect(submit(replica, second.bytes)).toEqual([]);
    submit(replica, first.bytes);
    expect(certifiedIn(replica.step({kind: "tick"}, NOW))).toEqual([first.id, second.id]);
  });

  it("refuses overdrafts of its own wallet, forged ops, spent slots and noise, each with a code", () => {
    const replica = replicaOf(genesis, 0);
    const codeOf = (bytes: Uint8Array) => {
      const [effect] = submit(replica, bytes);
      return effect?.kind === "rejected" ? effect.code : effect?.kind;
    };
    expect(codeOf(ownOp(genesis, alice, FIRST, transfer(bob.account, 10_000_000n)).bytes)).toBe(
      "FUNDS_INSUFFICIENT",
    );
    const forged = ownOp(
      genesis,
      {...person("mallory"), account: alice.account},
      FIRST,
      transfer(bob.account, 1n),
    );
    expect(codeOf(forged.bytes)).toBe("SIGNATURE_INVALID");
    expect(codeOf(new Uint8Array(40))).toBe("DECODE_INVALID");
    submit(replica, first.bytes);
    replica.step({kind: "tick"}, NOW);
    expect(codeOf(first.bytes)).toBeUndefined();
    expect(codeOf(ownOp(genesis, alice, FIRST, transfer(bob.account, 2n)).bytes)).toBe("OP_REJECTED");
  });

  it("says no second vote for a slot after a restart that knows only the signing table", () => {
    const before = replicaOf(genesis, 0);
    submit(before, first.bytes);
    const signed = before
      .step({kind: "tick"}, NOW)
      .flatMap((effect) => (effect.kind === "sign" ? [effect.record] : []));
    const after = replicaOf(genesis, 0, {signed});
    const rival = ownOp(genesis, alice, FIRST, transfer(carol.account, 9n));
    const [refusal] = submit(after, rival.bytes, NOW + 1).filter(({kind}) => kind === "rejected");
    expect(refusal).toMatchObject({code: "OP_REJECTED"});
    after.step({kind: "tick"}, NOW + 50);
    expect(after.finalCheckpoint.hash).toBe(before.finalCheckpoint.hash);
    expect(after.stopped).toBeUndefined();
  });

  it("starts from compacted records as from all of them", () => {
    const before = replicaOf(genesis, 0);
    submit(before, first.bytes);
    const effects = before.step({kind: "tick"}, NOW);
    const entry = effects.find((effect) => effect.kind === "broadcast" && effect.what === "entry");
    const {base, finalCheckpoint} = before;
    const after = replicaOf(genesis, 0, {signed: before.signingRecords(), base, checkpoint: finalCheckpoint});
    expect(entry).toBeDefined();
    after.step({kind: "tick"}, NOW + genesis.params.checkpointIntervalMs);
    expect(after.checkpoint.height).toBe(2n);
    expect(after.heads()[0]?.n).toBe(entryNumber(1, 2n));
  });
});

describe("a committee of four", () => {
  const genesis = genesisOf(4);
  const replicas = () => [0, 1, 2, 3].map((index) => replicaOf(genesis, index));

  it("certifies in one exchange and agrees on checkpoints", () => {
    const all = replicas();
    const op = ownOp(genesis, alice, FIRST, transfer(bob.account, 1_000n));
    submit(all[2]!, op.bytes);
    settle(all, NOW);
    settle(all, NOW + 20);
    for (const replica of all) expect(replica.isCertified(op.id)).toBe(true);
    for (let at = 40; at < 4_000; at += 20) settle(all, NOW + at);
    const heights = all.map(({checkpoint}) => checkpoint.height);
    expect(heights[0]).toBeGreaterThan(2n);
    expect(new Set(all.map(({finalCheckpoint}) => finalCheckpoint.hash)).size).toBe(1);
  });

  it("freezes only the cell of an owner who signed two ops for one slot", () => {
    const all = replicas();
    const left = ownOp(genesis, alice, FIRST, transfer(bob.account, 1n));
    const right = ownOp(genesis, alice, FIRST, transfer(carol.account, 2n));
    const honest = ownOp(genesis, bob, FIRST, transfer(carol.account, 3n));
    submit(all[0]!, left.bytes);
    submit(all[1]!, left.bytes);
    submit(all[2]!, right.bytes);
    submit(all[3]!, right.bytes);
    submit(all[1]!, honest.bytes);
    for (let at = 0; at < 3_000; at += 20) settle(all, NOW + at);
    for (const replica of all) {
      expect(replica.isCertified(honest.id)).toBe(true);
      expect(replica.isCertified(left.id) || replica.isCertified(right.id)).toBe(false);
      expect(replica.view.account(alice.account)?.seq).toBe(0n);
    }
  });

  it("does not let a bad witness freeze a cell with an op that its owner never signed", () => {
    const all = replicas().slice(0, 3);
    const forged = ownOp(
      genesis,
      {...person("mallory"), account: alice.account},
      FIRST,
      transfer(bob.account, 1n),
    );
    const bad = entryOf(genesis, {witness: 3, carry: [forged]});
    const op = ownOp(genesis, alice, FIRST, transfer(carol.account, 2n));
    for (const replica of all) replica.step({kind: "entry", bytes: bad.bytes, from: undefined}, NOW);
    submit(all[0]!, op.bytes);
    // Witness 3 never tells what it has of their logs: they wait a while for it.
    for (let at = 0; at < 2_200; at += 20) settle(all, NOW + at);
    for (const replica of all) expect(replica.isCertified(op.id)).toBe(true);
  });

  it("follows from checkpoints and entries alone", () => {
    const all = replicas();
    const op = ownOp(genesis, alice, FIRST, transfer(bob.account, 1_000n));
    submit(all[0]!, op.bytes);
    for (let at = 0; at < 4_000; at += 20) settle(all, NOW + at);
    const follower = replicaOf(genesis, 9);
    for (const bytes of all[0]!.checkpointsAfter(0n, 100)) {
      follower.step({kind: "checkpoint", bytes, from: undefined}, NOW);
    }
    expect(follower.checkpoint.height).toBe(0n);
    for (const {bytes} of all[0]!.entriesAfter([], ROOM).entries)
      follower.step({kind: "entry", bytes, from: undefined}, NOW);
    expect(follower.finalCheckpoint.hash).toBe(all[0]!.finalCheckpoint.hash);
    expect(follower.isCertified(op.id)).toBe(true);
  });

  it("takes no checkpoint that fewer than a quorum finalized", () => {
    const all = replicas();
    for (let at = 0; at < 2_000; at += 20) settle(all, NOW + at);
    const [bytes] = all[0]!.checkpointsAfter(0n, 1);
    const cut = bytes!.slice(0, bytes!.length - 66);
    cut[cut.length - 66 * 2 - 1] = 2;
    const [effect] = replicaOf(genesis, 9).step({kind: "checkpoint", bytes: cut, from: undefined}, NOW);
    expect(effect).toMatchObject({kind: "rejected", code: "SIGNATURE_INVALID"});
  });
});
