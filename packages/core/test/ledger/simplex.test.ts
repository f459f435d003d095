/** Agreement alone: every leader proposes something else, messages are lost, doubled, reordered, nodes restart. */

import {sha256} from "@catalyze/core/crypto/sha256";
import type {Checkpoint} from "@catalyze/core/ledger/checkpoint";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {
  type ConsensusMessage,
  decodeConsensus,
  encodeConsensus,
  type Proposal,
  signProposal,
  signVote,
} from "@catalyze/core/ledger/consensusCodec";
import {isProven} from "@catalyze/core/ledger/finality";
import {genesisCheckpoint} from "@catalyze/core/ledger/genesisState";
import {Simplex} from "@catalyze/core/ledger/simplex";
import {leaderOf} from "@catalyze/core/ledger/simplexTypes";
import type {SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import {concat, equalBytes} from "@catalyze/core/primitives/bytes";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {committeeOf, genesisOf, witnesses} from "./witnessKit.ts";

const genesis = genesisOf(4);
const committee = committeeOf(4);
const genesisHash = new Uint8Array(32);
const parent = genesisCheckpoint(genesis);
const DELAY_MS = 100;

/** A keyed hash: thousands of runs, and no test here is about signatures. */
const mac = (key: Uint8Array, message: Uint8Array) => concat(sha256(key, message), sha256(message, key));
const verifier: SignatureVerifier = {
  verify: (signature, message, key) => ({valid: equalBytes(signature, mac(key, message)), slow: false}),
};
const signers: readonly Signer[] = witnesses.map(({publicKey}) => ({
  publicKey,
  sign: (message) => mac(publicKey, message),
}));

function proposalOf(index: number, salt: number): Checkpoint {
  return {...parent, height: 1n, epoch: 1, timeMs: 1_000 * salt + index};
}

type Node = {
  simplex: Simplex;
  readonly signed: ConsensusMessage[];
  readonly recorded: ConsensusMessage[];
  decided: string | undefined;
};

function startOf(index: number, recorded: readonly ConsensusMessage[], salt: number): Simplex {
  return new Simplex(
    {
      committee,
      verifier,
      genesisHash,
      witness: {index, signer: signers[index]!},
      host: {propose: () => proposalOf(index, salt), judge: () => "valid"},
    },
    {height: 1n, dueMs: 0, delayMs: DELAY_MS, recorded},
  );
}

/** Plays a script of chance: which message goes where, what is lost, who restarts. Then calm until all decide. */
function play(script: readonly number[], silent: number | undefined): Node[] {
  const nodes = [0, 1, 2, 3].map(
    (index): Node => ({simplex: startOf(index, [], 0), signed: [], recorded: [], decided: undefined}),
  );
  let wire: {to: number; bytes: Uint8Array}[] = [];
  let nowMs = 0;
  const speak = (index: number) => {
    const node = nodes[index]!;
    if (node.decided !== undefined || index === silent) return;
    const {signed, recorded, repeated, decided} = node.simplex.advance(nowMs);
    node.signed.push(...signed);
    node.recorded.push(...recorded);
    for (const message of [...signed, ...repeated]) {
      for (let to = 0; to < 4; to++) if (to !== index) wire.push({to, bytes: encodeConsensus(message)});
    }
    if (decided === undefined) return;
    expect(isProven(decided, {committee, verifier, genesisHash})).toBe(true);
    node.decided = decided.hash;
  };
  const deliver = ({to, bytes}: {to: number; bytes: Uint8Array}) => {
    expect(nodes[to]!.simplex.receive(decodeConsensus(bytes))).toBe(true);
    speak(to);
  };
  for (const [step, draw] of script.entries()) {
    for (let index = 0; index < 4; index++) speak(index);
    const at = wire.length === 0 ? undefined : wire[draw % wire.length];
    if (at !== undefined) {
      if (draw % 3 !== 0) deliver(at);
      if (draw % 5 !== 0) wire = wire.filter((each) => each !== at);
    }
    if (draw % 7 === 0) nowMs += draw % 400;
    if (draw % 23 === 0) {
      const node = nodes[draw % 4]!;
      node.simplex = startOf(draw % 4, node.recorded, step);
    }
  }
  for (let round = 0; round < 4_000 && nodes.every(({decided}) => decided === undefined); round++) {
    nowMs += 25;
    for (let index = 0; index < 4; index++) speak(index);
    for (let next = wire.shift(); next !== undefined; next = wire.shift()) deliver(next);
  }
  return nodes;
}

const scriptArb = fc.array(fc.nat(1_000_000), {minLength: 20, maxLength: 300, size: "max"});

describe("simplex", () => {
  it("decides one proposal, with a proof, whatever the network does", () => {
    fc.assert(
      fc.property(scriptArb, fc.option(fc.nat(3), {nil: undefined}), (script, silent) => {
        const nodes = play(script, silent);
        const decided = new Set(nodes.flatMap(({decided: hash}) => hash ?? []));
        // Who decides goes silent here; in the replica, sync hands the proof to those that missed the votes.
        expect(decided.size).toBe(1);
      }),
      {numRuns: 300},
    );
  });

  it("never signs skip and finalize, or two checkpoints, in one iteration, across restarts", () => {
    fc.assert(
      fc.property(scriptArb, (script) => {
        for (const {signed} of play(script, undefined)) {
          const said = new Map<string, string>();
          for (const {kind, iteration, hash} of signed.flatMap(({votes}) => votes)) {
            const key = `${kind === "notarize" ? kind : "end"}/${iteration}`;
            const value = kind === "skip" ? kind : hash;
            expect(said.get(key) ?? value).toBe(value);
            said.set(key, value);
          }
        }
      }),
      {numRuns: 200},
    );
  });

  it("goes on after all honest ones crashed and a bad one keeps the vote on which a finalize rests", () => {
    const bad = {index: 2, signer: signers[2]!};
    const draft = {iteration: 1, parent: 0, witness: bad.index};
    const [shown, hidden] = [1, 2].map((salt) =>
      signProposal({...draft, checkpoint: proposalOf(bad.index, salt)}, bad.signer, genesisHash),
    ) as [Proposal, Proposal];
    const recorded: ConsensusMessage[][] = [[], [], [], []];
    const nodes = [0, 1, 2, 3].map((index) => startOf(index, [], 0));
    const said = (index: number, nowMs: number) => {
      const output = nodes[index]!.advance(nowMs);
      recorded[index]!.push(...output.recorded);
      return output.signed;
    };
    // It leads, shows one checkpoint to two and another to the third, and its vote to one alone.
    for (const index of [0, 1, 3]) said(index, 0);
    for (const index of [0, 1]) nodes[index]!.receive({proposals: [shown], votes: []});
    nodes[3]!.receive({proposals: [hidden], votes: []});
    const vote = {kind: "notarize", height: 1n, iteration: 1, hash: shown.hash, witness: bad.index} as const;
    nodes[1]!.receive({proposals: [], votes: [signVote(vote, bad.signer, genesisHash)]});
    for (const message of said(0, 1)) nodes[1]!.receive(message);
    const kinds = [1, 3, 0].map((index) =>
      said(index, index === 1 ? 1 : 3 * DELAY_MS).flatMap(({votes}) => votes.map(({kind}) => kind)),
    );
    expect(kinds).toEqual([["notarize", "finalize"], ["notarize", "skip"], ["skip"]]);

    for (const index of [0, 1, 3]) nodes[index] = startOf(index, recorded[index]!, 1);
    const decided = new Set<string>();
    for (let nowMs = 0; nowMs < 100 * DELAY_MS && decided.size === 0; nowMs += DELAY_MS / 4) {
      for (const from of [0, 1, 3]) {
        const output = nodes[from]!.advance(nowMs);
        if (output.decided !== undefined) decided.add(output.decided.hash);
        for (const message of [...output.signed, ...output.repeated])
          for (const to of [0, 1, 3]) if (to !== from) nodes[to]!.receive(message);
      }
    }
    expect([...decided]).toEqual([shown.hash]);
  });

  it("believes nothing that its records say of others without their signatures", () => {
    const checkpoint = proposalOf(2, 1);
    const draft = {height: 1n, iteration: 1, hash: checkpointHash(checkpoint)} as const;
    const proposal = signProposal(
      {iteration: 1, parent: 0, witness: 2, checkpoint},
      signers[2]!,
      genesisHash,
    );
    const restored = (signerOf: (witness: number) => Signer) => {
      const votes = [1, 2, 3].map((witness) =>
        signVote({...draft, kind: "finalize", witness}, signerOf(witness), genesisHash),
      );
      return startOf(0, [{proposals: [proposal], votes}], 0).advance(0).decided?.hash;
    };
    expect(restored((witness) => signers[witness]!)).toBe(draft.hash);
    expect(restored(() => signers[0]!)).toBeUndefined();
  });

  it("has proposals whose hash tells them apart", () => {
    expect(checkpointHash(proposalOf(0, 0))).not.toBe(checkpointHash(proposalOf(1, 0)));
  });
});

it("skips no iteration that it finalized, though it remembers nothing else of it", () => {
  const place = {height: 1n, iteration: 1, witness: 0};
  const hash = checkpointHash(proposalOf(2, 0));
  const finalize = signVote({kind: "finalize", hash, ...place}, signers[0]!, genesisHash);
  const skipped = (recorded: readonly ConsensusMessage[]) => {
    const simplex = startOf(0, recorded, 0);
    simplex.advance(0);
    return simplex.advance(100 * DELAY_MS).signed.flatMap(({votes}) => votes.map(({kind}) => kind));
  };
  expect(skipped([])).toContain("skip");
  expect(skipped([{proposals: [], votes: [finalize]}])).not.toContain("skip");
});

it("notarizes one proposal of an iteration, though after a restart another one comes first", () => {
  const place = {height: 1n, iteration: 1};
  const leader = leaderOf(committee, place.height, place.iteration);
  const witness = (leader + 1) % 4;
  const voteFor = (salt: number) => {
    const hash = checkpointHash(proposalOf(leader, salt));
    const vote = signVote({kind: "notarize", hash, witness, ...place}, signers[witness]!, genesisHash);
    return {proposals: [], votes: [vote]};
  };
  const notarized = (recorded: readonly ConsensusMessage[]) => {
    const simplex = startOf(witness, recorded, 0);
    const draft = {iteration: 1, parent: 0, checkpoint: proposalOf(leader, 7), witness: leader};
    simplex.receive({proposals: [signProposal(draft, signers[leader]!, genesisHash)], votes: []});
    return simplex.advance(0).signed.flatMap(({votes}) => votes.map(({kind}) => kind));
  };
  expect(notarized([])).toContain("notarize");
  expect(notarized([voteFor(8)])).not.toContain("notarize");
});
