import type {Effect} from "@catalyze/core/ledger/effects";
import type {Op} from "@catalyze/core/ledger/op";
import type {Replica} from "@catalyze/core/ledger/replica";
import type {OpId, PeerId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {alice, bob, carol, person, transfer} from "./kit.ts";
import {FIRST, genesisOf, NOW, ownOp, replicaOf, settle} from "./witnessKit.ts";

const genesis = genesisOf(1);
const peer = "12D3KooWPeer" as PeerId;
const pay = (amount: bigint) => transfer(carol.account, amount);

function take(replica: Replica, op: Op, who: "peer" | "wallet" = "peer"): string | undefined {
  const from = who === "peer" ? peer : undefined;
  const effects: Effect[] = replica.step({kind: "op", bytes: op.bytes, from}, NOW);
  const rejected = effects.find((effect) => effect.kind === "rejected");
  return rejected && `${rejected.code} ${rejected.reason}`;
}

function follower(): Replica {
  return replicaOf(genesis, 9);
}

/** A pipeline of one account. */
function line(count: number): Op[] {
  const ops: Op[] = [];
  let slot: {seq: bigint; head: OpId} = FIRST;
  for (let at = 0; at < count; at += 1) {
    const op = ownOp(genesis, alice, slot, pay(1n));
    ops.push(op);
    slot = {seq: op.body.seq, head: op.id};
  }
  return ops;
}

describe("ops that a follower keeps for others", () => {
  it("are compared until an entry carries them", () => {
    const [witness, other] = [replicaOf(genesis, 0), follower()];
    const op = ownOp(genesis, alice, FIRST, pay(5n));
    expect(take(other, op)).toBeUndefined();
    expect(other.unlistedOps().map(({id}) => id)).toEqual([op.id]);
    take(witness, op);
    const said = witness.step({kind: "tick"}, NOW);
    const entries = said.flatMap((each) =>
      each.kind === "broadcast" && each.what === "entry" ? each.bytes : [],
    );
    for (const bytes of entries) other.step({kind: "entry", bytes, from: peer}, NOW);
    expect(other.checkpoint.height).toBe(0n);
    expect(other.unlistedOps()).toEqual([]);
    expect(other.view.account(carol.account)?.in).toBe(1_000_005n);
  });

  it("are few of a cell; a pipeline waits for its head", () => {
    const ops = line(66);
    const replica = follower();
    expect(ops.map((op) => take(replica, op)).filter((code) => code !== undefined)).toEqual([
      "QUEUE_FULL cell",
      "QUEUE_FULL cell",
    ]);
    expect(take(follower(), ops[65]!, "wallet")).toBeUndefined();
    expect(take(replicaOf(genesis, 0), ops[65]!)).toBeUndefined();
  });

  it("are one of a slot, of an account that is there and has the money", () => {
    const replica = follower();
    expect(take(replica, ownOp(genesis, bob, FIRST, pay(1n)))).toBeUndefined();
    expect(take(replica, ownOp(genesis, bob, FIRST, pay(2n)))).toBe("QUEUE_FULL cell");
    const nobody = ownOp(genesis, person("nobody"), {seq: 1n, head: "ab".repeat(32) as OpId}, pay(1n));
    expect(take(replica, nobody)).toBe("OP_REJECTED unknownCell");
    expect(take(replica, ownOp(genesis, alice, FIRST, pay(9_000_000n)))).toBe("FUNDS_INSUFFICIENT funds");
    // A witness may hear of the money later.
    expect(take(replicaOf(genesis, 0), ownOp(genesis, alice, FIRST, pay(9_000_000n)))).toBeUndefined();
  });

  it("stay while nothing can be agreed, and a minute once checkpoints come again", () => {
    const [witness, other] = [replicaOf(genesis, 0), follower()];
    const {checkpointIntervalMs} = genesis.params;
    let nowMs = NOW;
    const go = (steps: number) => {
      for (let at = 0; at < steps; at += 1) {
        nowMs += checkpointIntervalMs;
        settle([witness, other], nowMs);
      }
    };
    go(3);
    const height = other.checkpoint.height;
    expect(height).toBeGreaterThan(0n);
    other.step({kind: "op", bytes: ownOp(genesis, alice, FIRST, pay(5n)).bytes, from: peer}, nowMs);
    nowMs += 3_600_000;
    go(2);
    expect(other.checkpoint.height).toBeGreaterThan(height);
    expect(other.unlistedOps()).toHaveLength(1);
    go(50);
    expect(other.unlistedOps()).toHaveLength(1);
    go(15);
    expect(other.unlistedOps()).toHaveLength(0);
  });

  it("go when their last epoch is over", () => {
    const [witness, other] = [replicaOf(genesis, 0), follower()];
    const {checkpointIntervalMs, checkpointsPerEpoch} = genesis.params;
    const op = ownOp(genesis, alice, FIRST, pay(5n), 1);
    expect(take(other, op)).toBeUndefined();
    for (let at = 1; at <= checkpointsPerEpoch + 1; at += 1) {
      if (at < checkpointsPerEpoch) expect(other.unlistedOps()).toHaveLength(1);
      settle([witness, other], NOW + at * checkpointIntervalMs);
    }
    expect(other.checkpoint.epoch).toBeGreaterThan(1);
    expect(other.unlistedOps()).toHaveLength(0);
  });
});
