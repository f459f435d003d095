/** Which heads make a checkpoint, and which agreements nobody is talked into. */
import {ZERO_HASH} from "@catalyze/core/ledger/cell";
import {Tally} from "@catalyze/core/ledger/certificates";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {signVote} from "@catalyze/core/ledger/consensusCodec";
import {type CutContext, computeCut} from "@catalyze/core/ledger/cut";
import {Dag} from "@catalyze/core/ledger/dag";
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Entry} from "@catalyze/core/ledger/entry";
import {decodeFinalCheckpoint, encodeFinalCheckpoint} from "@catalyze/core/ledger/finality";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {committeeNow} from "@catalyze/core/ledger/register";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {Hash} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {alice, bob, transfer} from "./kit.ts";
import {entryOf, FIRST, genesisOf, NOW, ownOp, replicaOf, settle, witnesses} from "./witnessKit.ts";

const genesis = genesisOf(4);
const parent = genesisCheckpoint(genesis);
const parentHash = checkpointHash(parent);
const headOf = ({header: {witness, n}, hash}: Entry) => ({witness, n, hash});

function contextOf(entries: readonly Entry[]): CutContext {
  const base = genesisState(genesis);
  const dag = new Dag(
    () => true,
    () => 1,
    () => 1_000n,
  );
  for (const entry of entries) expect(dag.offer(entry).kind).toBe("ingested");
  return {
    ...{dag, base, parent, parentHash, carried: new Tally(committeeNow(base.register))},
    params: genesis.params,
    soundnessOf: () => "sound",
    prove: () => undefined,
  };
}

/** Everything that a network of four says while it makes checkpoints up to this height. */
function said(height: bigint): Effect[] {
  const replicas = [0, 1, 2, 3].map((index) => replicaOf(genesis, index));
  const effects: Effect[] = [];
  replicas[0]!.step(
    {kind: "op", bytes: ownOp(genesis, alice, FIRST, transfer(bob.account, 1_000n)).bytes, from: undefined},
    NOW,
  );
  for (let at = NOW; replicas[0]!.checkpoint.height < height; at += 20) effects.push(...settle(replicas, at));
  return effects;
}

const bytesOf = (effects: readonly Effect[], what: string) =>
  effects.flatMap((effect) => (effect.kind === "broadcast" && effect.what === what ? [effect.bytes] : []));

describe("a cut", () => {
  const stamped = [0, 1, 2, 3].map((witness) => entryOf(genesis, {witness, stampHash: parentHash}));
  const unstamped = [0, 1, 2, 3].map((witness) =>
    entryOf(genesis, {witness, stampHash: "ab".repeat(32) as Hash}),
  );

  it("waits for heads of a quorum whose authors had adopted exactly its parent", () => {
    const enough = [...stamped.slice(0, 3), unstamped[3]!];
    expect(computeCut(contextOf(enough), enough.map(headOf)).kind).toBe("cut");
    const few = [...stamped.slice(0, 2), ...unstamped.slice(2)];
    expect(computeCut(contextOf(few), few.map(headOf)).kind).toBe("wait");
    expect(computeCut(contextOf(stamped), stamped.slice(0, 2).map(headOf)).kind).toBe("wait");
  });
});

describe("a checkpoint that a quorum signed and that is not what this node computes", () => {
  it("stops it, and is not adopted", () => {
    const effects = said(1n);
    const follower = replicaOf(genesis, 9);
    for (const bytes of bytesOf(effects, "entry"))
      follower.step({kind: "entry", bytes, from: undefined}, NOW);
    const {checkpoint, iteration} = decodeFinalCheckpoint(bytesOf(effects, "checkpoint")[0]!);
    const wrong = {...checkpoint, stateRoot: ZERO_HASH};
    const hash = checkpointHash(wrong);
    const signatures = [0, 1, 2].map((witness) =>
      signVote(
        {kind: "finalize", height: 1n, iteration, hash, witness},
        witnesses[witness]!,
        fromHex(genesisHash(genesis)),
      ),
    );
    const bytes = encodeFinalCheckpoint({checkpoint: wrong, hash, iteration, signatures});
    const answer = follower.step({kind: "checkpoint", bytes, from: undefined}, NOW);
    expect(answer.find(({kind}) => kind === "violation")).toMatchObject({
      reason: expect.stringMatching(/^I6:/),
    });
    expect(follower.checkpoint.height).toBe(0n);
  });
});

describe("agreement", () => {
  it("keeps what is said about the next height until this one is decided", () => {
    const effects = said(2n);
    const follower = replicaOf(genesis, 9);
    for (const bytes of bytesOf(effects, "entry"))
      follower.step({kind: "entry", bytes, from: undefined}, NOW);
    const words = bytesOf(effects, "consensus");
    for (const bytes of words.toReversed()) follower.step({kind: "consensus", bytes, from: undefined}, NOW);
    expect(follower.checkpoint.height).toBe(2n);
  });
});
