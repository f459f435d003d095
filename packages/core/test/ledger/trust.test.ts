/** What nobody takes on trust: entries, votes and proposals count only with their author's signature. */
import type {Checkpoint} from "@catalyze/core/ledger/checkpoint";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {signProposal, signVote} from "@catalyze/core/ledger/consensusCodec";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint} from "@catalyze/core/ledger/genesisState";
import {Simplex} from "@catalyze/core/ledger/simplex";
import {leaderOf} from "@catalyze/core/ledger/simplexTypes";
import {SimplexVotes} from "@catalyze/core/ledger/simplexVotes";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {alice, bob, transfer} from "./kit.ts";
import {
  committeeOf,
  entryOf,
  FIRST,
  genesisOf,
  NOW,
  ownOp,
  replicaOf,
  testify,
  verifier,
  witnesses,
} from "./witnessKit.ts";

const genesis = genesisOf(4);
const hash = fromHex(genesisHash(genesis));
const from = "somebody" as PeerId;

describe("an entry", () => {
  it("is taken with its author's signature only, and whoever sent it else is named", () => {
    const replica = replicaOf(genesis, 0);
    const {bytes, signature, header} = entryOf(genesis, {witness: 1});
    const at = bytes.findIndex((_, index) =>
      signature.every((byte, offset) => bytes[index + offset] === byte),
    );
    const forged = bytes.with(at, bytes[at]! ^ 1);
    expect(replica.step({kind: "entry", bytes: forged, from}, NOW)).toContainEqual(
      expect.objectContaining({kind: "rejected", code: "SIGNATURE_INVALID", from}),
    );
    expect(replica.heads().some(({witness}) => witness === header.witness)).toBe(false);
    replica.step({kind: "entry", bytes, from}, NOW);
    expect(replica.heads().some(({witness}) => witness === header.witness)).toBe(true);
  });

  it("links to every log that its author holds", () => {
    const replica = replicaOf(genesis, 0);
    const others = [1, 2, 3].map((index) => replicaOf(genesis, index));
    testify(replica, others, NOW);
    const heard = [1, 2].map((witness) => entryOf(genesis, {witness}));
    for (const {bytes} of heard) replica.step({kind: "entry", bytes, from}, NOW);
    const op = ownOp(genesis, alice, FIRST, transfer(bob.account, 1_000n));
    replica.step({kind: "op", bytes: op.bytes, from}, NOW);
    const written = replica
      .step({kind: "tick"}, NOW)
      .flatMap((effect) => (effect.kind === "broadcast" && effect.what === "entry" ? [effect.bytes] : []));
    const refs = written.flatMap((bytes) => decodeEntry(bytes).header.refs);
    expect(refs.map(({witness, hash: named}) => [witness, named])).toEqual(
      heard.map(({header, hash: named}) => [header.witness, named]),
    );
  });
});

describe("agreement's words", () => {
  const committee = committeeOf(4);
  const checkpoint: Checkpoint = {...genesisCheckpoint(genesis), height: 1n, epoch: 1};
  const leader = leaderOf(committee, 1n, 1);
  const other = (leader + 1) % 4;
  const idle = {propose: () => undefined, judge: () => "valid" as const};
  const simplex = () =>
    new Simplex(
      {committee, verifier, genesisHash: hash, witness: undefined, host: idle},
      {height: 1n, dueMs: 0, delayMs: 100, recorded: []},
    );
  const proposalBy = (witness: number, signer: number) =>
    signProposal({iteration: 1, parent: 0, checkpoint, witness}, witnesses[signer]!, hash);
  const voteBy = (witness: number, signer: number) =>
    signVote(
      {kind: "finalize", height: 1n, iteration: 1, hash: checkpointHash(checkpoint), witness},
      witnesses[signer]!,
      hash,
    );

  it("are votes that their witness signed", () => {
    const node = simplex();
    node.receive({proposals: [proposalBy(leader, leader)], votes: []});
    for (const witness of [1, 2, 3])
      expect(node.receive({proposals: [], votes: [voteBy(witness, 0)]})).toBe(false);
    expect(node.advance(0).decided).toBeUndefined();
    for (const witness of [1, 2, 3])
      expect(node.receive({proposals: [], votes: [voteBy(witness, witness)]})).toBe(true);
    expect(node.advance(0).decided?.signatures).toHaveLength(3);
  });

  it("are proposals of the leader, signed by it", () => {
    expect(simplex().receive({proposals: [proposalBy(leader, other)], votes: []})).toBe(false);
    expect(simplex().receive({proposals: [proposalBy(other, other)], votes: []})).toBe(false);
    expect(simplex().receive({proposals: [proposalBy(leader, leader)], votes: []})).toBe(true);
  });

  it("bind the next leader to what was notarized last", () => {
    const votes = new SimplexVotes(committee);
    const named = checkpointHash(checkpoint);
    for (const witness of [0, 1]) votes.add({...voteBy(witness, witness), kind: "notarize"});
    expect(votes.parentOf(2)).toBeUndefined();
    votes.add({...voteBy(2, 2), kind: "notarize"});
    expect(votes.parentOf(2)).toEqual({iteration: 1, hash: named});
  });
});
