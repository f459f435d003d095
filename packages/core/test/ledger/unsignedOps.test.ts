/** What a member can do by carrying ops that nobody signed. */
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Entry} from "@catalyze/core/ledger/entry";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import type {Op} from "@catalyze/core/ledger/op";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import {Replica} from "@catalyze/core/ledger/replica";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import type {SignatureVerifier} from "@catalyze/core/ports/signer";
import {describe, expect, it} from "vitest";
import {alice, bob, carol, transfer} from "./kit.ts";
import {entryOf, FIRST, genesisOf, NOW, ownOp, settle, testifyFor, witnesses} from "./witnessKit.ts";

const plain = genesisOf(4);
const genesis = {...plain, params: {...plain.params, checkpointsPerEpoch: 2}};
const BAD = 3;

/** The owner's op with another signature: the id is the same. */
function forged({bytes}: Op): Op {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1]! ^= 1;
  return decodeOp(copy);
}

function opsOf(count: number): Op[] {
  return Array.from({length: count}, (_, at) =>
    ownOp(genesis, alice, FIRST, transfer(bob.account, BigInt(at + 1))),
  );
}

/** Three honest witnesses, and how many of their checks took the slow path. */
function world() {
  const state = {slow: 0};
  const inner = createVerifier();
  const verifier: SignatureVerifier = {
    verify(...args) {
      const answer = inner.verify(...args);
      if (answer.slow) state.slow += 1;
      return answer;
    },
  };
  const replicas = [0, 1, 2].map(
    (index) => new Replica({genesis, verifier, voteSigner: witnesses[index]!}, freshReplica(genesis)),
  );
  const hear = (bytes: Uint8Array) => {
    for (const replica of replicas) replica.step({kind: "entry", bytes, from: undefined}, NOW);
  };
  const submit = (op: Op) => {
    for (const replica of replicas) replica.step({kind: "op", bytes: op.bytes, from: undefined}, NOW);
  };
  // It asked what they have of its log, as the others did.
  settle(replicas, NOW);
  testifyFor(BAD, replicas, NOW);
  return {replicas, hear, submit, state};
}

const certifiedIn = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.kind === "certified" ? effect.ops : []));

describe("a member that carries ops nobody signed", () => {
  it("stops no owner whose op it carries with a false signature before anybody else has it", () => {
    const {replicas, hear, submit} = world();
    const [op] = opsOf(1) as [Op];
    hear(entryOf(genesis, {witness: BAD, carry: [forged(op)]}).bytes);
    settle(replicas, NOW + 100);
    submit(op);
    expect(certifiedIn(settle(replicas, NOW + 200))).toContain(op.id);
  });

  it("hides no op from a follower with a false copy of it", () => {
    const {hear, submit, replicas} = world();
    const [op] = opsOf(1) as [Op];
    const follower = new Replica(
      {genesis, verifier: createVerifier(), voteSigner: undefined},
      freshReplica(genesis),
    );
    replicas.push(follower);
    hear(entryOf(genesis, {witness: BAD, carry: [forged(op)]}).bytes);
    submit(op);
    expect(follower.unlistedOps().map(({bytes}) => bytes)).toEqual([op.bytes]);
  });

  it("costs each voter one slow check an epoch, however many it carries", () => {
    const {replicas, hear, state} = world();
    const carry = opsOf(20).map(forged);
    const first = entryOf(genesis, {witness: BAD, carry});
    hear(first.bytes);
    settle(replicas, NOW + 100);
    expect(state.slow).toBe(3);
    const next = {witness: BAD, n: 2n, prev: first.hash, carry: opsOf(40).slice(20).map(forged)};
    hear(entryOf(genesis, next).bytes);
    settle(replicas, NOW + 200);
    expect(state.slow).toBe(3);
    let stamp = replicas[0]!.finalCheckpoint;
    for (let round = 1; stamp.checkpoint.height < 2n; round += 1) {
      settle(replicas, NOW + round * 500);
      stamp = replicas[0]!.finalCheckpoint;
    }
    const {hash, checkpoint} = stamp;
    const before = state.slow;
    const {hash: prev} = replicas[0]!.heads().find(({witness}) => witness === BAD)!;
    const later = {witness: BAD, prev, stampH: checkpoint.height};
    hear(entryOf(genesis, {...later, stampHash: hash, carry: carry.slice(0, 5)}).bytes);
    settle(replicas, NOW + 60_000);
    expect(state.slow - before).toBe(3);
  });

  it("costs each node one more at the end of the epoch, on whatever accounts", () => {
    const {replicas, hear, state} = world();
    const carry = [...opsOf(20), ownOp(genesis, bob, FIRST, transfer(carol.account, 1n))].map(forged);
    hear(entryOf(genesis, {witness: BAD, carry}).bytes);
    settle(replicas, NOW + 100);
    const before = state.slow;
    for (let round = 1; replicas[0]!.checkpoint.height < 3n; round += 1) settle(replicas, NOW + round * 500);
    expect(state.slow - before).toBe(3);
  });

  it("has no honest vote for false copies of an op, and each of them votes for the true one", () => {
    const {replicas, hear, submit, state} = world();
    const [op] = opsOf(1) as [Op];
    const said = (nowMs: number) =>
      settle(replicas, nowMs).flatMap((effect) =>
        effect.kind === "broadcast" && effect.what === "entry" ? [decodeEntry(effect.bytes)] : [],
      );
    // The next checkpoint comes in a second.
    settle(replicas, NOW + 50);
    submit(op);
    expect(certifiedIn(settle(replicas, NOW + 100))).toContain(op.id);
    const other = ownOp(genesis, carol, FIRST, transfer(bob.account, 1n));
    const {checkpoint, hash} = replicas[0]!.finalCheckpoint;
    const stamp = {witness: BAD, stampH: checkpoint.height, stampHash: hash};
    const same = entryOf(genesis, {...stamp, carry: [op, other]});
    const entries = [same, entryOf(genesis, {...stamp, n: 2n, prev: same.hash, carry: [forged(op)]})];
    for (const {bytes} of entries) hear(bytes);
    const acks = said(NOW + 200).flatMap((entry) => entry.acks);
    const votesFor = ({hash}: Entry) =>
      acks.filter((ack) => ack.hash === hash && ack.exceptions.length === 0).length;
    expect(entries.map(votesFor)).toEqual([3, 0]);
    expect(state.slow).toBe(3);
  });

  it("makes no owner's op dear with rivals that the owner did not sign", () => {
    const {replicas, hear, submit, state} = world();
    const [op, ...rivals] = opsOf(40) as [Op, ...Op[]];
    hear(entryOf(genesis, {witness: BAD, carry: rivals.map(forged)}).bytes);
    settle(replicas, NOW + 100);
    submit(op);
    expect(certifiedIn(settle(replicas, NOW + 200))).toContain(op.id);
    expect(state.slow).toBe(3);
  });

  it("stops no owner whose good op it carries after that: others take it from its owner", () => {
    const {replicas, hear, submit} = world();
    const [good] = opsOf(1) as [Op];
    const bad = forged(ownOp(genesis, carol, FIRST, transfer(bob.account, 1n)));
    hear(entryOf(genesis, {witness: BAD, carry: [bad, good]}).bytes);
    expect(certifiedIn(settle(replicas, NOW + 100))).not.toContain(good.id);
    submit(good);
    expect(certifiedIn(settle(replicas, NOW + 200))).toContain(good.id);
  });

  it("leaves nothing to look at in the next epoch", () => {
    const {replicas, hear, state} = world();
    // Its last words of the epoch, after the others' seals.
    for (let round = 1; replicas[0]!.checkpoint.height < 1n; round += 1) settle(replicas, NOW + round * 100);
    const seals = replicas.flatMap((replica) => replica.step({kind: "tick"}, NOW + 60_000));
    const {finalCheckpoint: final} = replicas[0]!;
    const stamp = {stampH: final.checkpoint.height, stampHash: final.hash};
    hear(
      entryOf(genesis, {witness: BAD, ...stamp, carry: opsOf(20).map(forged), timeMs: NOW + 60_000}).bytes,
    );
    for (const effect of seals)
      if (effect.kind === "broadcast")
        for (const replica of replicas)
          replica.step({kind: effect.what, bytes: effect.bytes, from: undefined}, NOW + 60_000);
    for (let round = 0; replicas[0]!.checkpoint.height < 3n; round += 1)
      settle(replicas, NOW + 60_100 + round * 500);
    expect(replicas.flatMap((replica) => replica.pendingOps())).toEqual([]);
    // The closing looks at the first that the cut has, once a node.
    expect(state.slow).toBeLessThanOrEqual(3);
  });
});
