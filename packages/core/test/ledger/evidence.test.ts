import {makeCertificates} from "@catalyze/core/ledger/certificateMaking";
import {checkCertificate} from "@catalyze/core/ledger/certificateProof";
import {signVote} from "@catalyze/core/ledger/consensusCodec";
import {Dag} from "@catalyze/core/ledger/dag";
import type {Entry} from "@catalyze/core/ledger/entry";
import {TAG_CARRY} from "@catalyze/core/ledger/entryCodec";
import {actOn, checkEvidence, isOfUse, mayBeOfUse, setFrozen} from "@catalyze/core/ledger/evidence";
import {decodeEvidence, type Evidence, encodeEvidence} from "@catalyze/core/ledger/evidenceCodec";
import {genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import {MerkleTree} from "@catalyze/core/ledger/merkle";
import type {Op} from "@catalyze/core/ledger/op";
import {checkOpForm, feeOf} from "@catalyze/core/ledger/opChecks";
import {decodeOp, signOp} from "@catalyze/core/ledger/opCodec";
import {committeeNow, genesisRegister} from "@catalyze/core/ledger/register";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {SystemMove} from "@catalyze/core/ledger/systemMoves";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {Hash} from "@catalyze/core/primitives/id";
import {LIMITS} from "@catalyze/proto/limits";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {alice, bob, carol, transfer} from "./kit.ts";
import {committeeOf, entryOf, FIRST, genesisOf, NOW, ownOp, verifier, witnesses} from "./witnessKit.ts";

const genesis = genesisOf(4);
const hash = genesisHash(genesis);
const committee = committeeOf(4);
const check = {
  ...{committee, register: genesisRegister(genesis), verifier, params: genesis.params},
  genesisHash: fromHex(hash),
  network: networkIdOf(hash),
};
const context = {height: 20n, params: genesis.params};

const op = ownOp(genesis, alice, FIRST, transfer(bob.account, 10n));
const child = ownOp(genesis, alice, {seq: 1n, head: op.id}, transfer(bob.account, 11n));
const other = ownOp(genesis, carol, FIRST, transfer(bob.account, 12n));
const carrier = entryOf(genesis, {witness: 0, carry: [other, op]});
const ack = entryOf(genesis, {witness: 1, refs: [carrier], acks: [{hash: carrier.hash, exceptions: [0]}]});
const own = entryOf(genesis, {witness: 2, carry: [op]});
/** A vote for the child is none for its parent. */
const childVote = entryOf(genesis, {witness: 2, refs: [carrier], carry: [child]});
const except = entryOf(genesis, {witness: 3, refs: [carrier], acks: [{hash: carrier.hash, exceptions: [1]}]});

function known(entries: readonly Entry[]) {
  const dag = new Dag(
    () => true,
    () => 1,
    () => 1_000n,
  );
  for (const entry of entries) expect(dag.offer(entry).kind).toBe("ingested");
  return {dag, epoch: 1};
}

const made = (each: Op, entries: readonly Entry[], epoch = 1) =>
  makeCertificates([each], {...check, ...known(entries), epoch})[0];
const certificate = made(op, [carrier, ack, own, except]);

function fork(): Evidence {
  const entries = [1, 2].map((later) => entryOf(genesis, {witness: 2, timeMs: NOW + later})) as [
    Entry,
    Entry,
  ];
  return {kind: "entryFork", entries};
}

function staked(state: LedgerState): LedgerState {
  const account = state.account(alice.account)!;
  const cooling = [{stake: "witness" as const, amount: 40n, matureH: 99n}];
  state.put({...account, out: 140n, staked: {...account.staked, witness: 100n}, cooling});
  state.putTotals({...state.totals, accounts: state.totals.accounts - 140n, stake: 140n});
  expect(checkInvariants(state)).toEqual([]);
  return state;
}

function unheard(move: SystemMove): void {
  expect(move).toBe("told by nobody");
}

describe("certificates that travel alone", () => {
  it("hold with votes by carrying and by acknowledging", () => {
    expect(certificate).toBeDefined();
    expect(certificate?.votes.map(({ack: each}) => each === undefined)).toEqual([true, true, false]);
    expect(checkCertificate(certificate!, check)).toMatchObject({op: {id: op.id}, epoch: 1});
  });

  it("of 21 witnesses whose entries link to all others fit an op, at a fee for each 16 KiB", () => {
    const many = genesisOf(21);
    const register = genesisRegister(many);
    const manyHash = genesisHash(many);
    const first = ownOp(many, alice, FIRST, transfer(bob.account, 10n));
    const openers = Array.from({length: 21}, (_, witness) => entryOf(many, {witness}));
    const carried = entryOf(many, {witness: 0, n: 2n, prev: openers[0]!.hash, carry: [first]});
    const acks = openers.slice(1).map(({hash: prev}, at) =>
      entryOf(many, {
        ...{witness: at + 1, n: 2n, prev},
        refs: [
          ...openers.filter(({header}) => header.witness !== at + 1 && header.witness !== 0),
          carried,
        ].sort((left, right) => left.header.witness - right.header.witness),
        acks: [{hash: carried.hash, exceptions: []}],
      }),
    );
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    const base = genesisState(many);
    for (const entry of [...openers, carried, ...acks]) expect(dag.offer(entry).kind).toBe("ingested");
    const votes = {dag, epoch: 1, committee: committeeNow(register), params: many.params};
    const [whole] = makeCertificates([first], votes);
    const proof = encodeEvidence({kind: "certificate", certificate: whole!});
    expect(proof.length).toBeGreaterThan(LIMITS.opBytesMax);
    const given = {...check, register, genesisHash: fromHex(manyHash), network: networkIdOf(manyHash)};
    expect(checkEvidence(proof, given)).toMatchObject({kind: "certificate", epoch: 1});
    const shown = ownOp(many, alice, FIRST, {kind: "evidence", proof});
    expect(decodeOp(shown.bytes)).toEqual(shown);
    const form = {...given, state: base, epoch: 1};
    expect(checkOpForm(shown, form)).toMatchObject({ok: true});
    const parts = 1 + Math.floor(proof.length / LIMITS.opBytesMax);
    expect(feeOf(shown.body.payload, 100n)).toBe(BigInt(parts) * 100n);
    const short = signOp(
      {...shown.body, fee: BigInt(parts) * many.params.opFee - 1n},
      alice,
      fromHex(manyHash),
    );
    expect(checkOpForm(short, form)).toMatchObject({ok: false, reason: "fee"});
  });

  it("are not made of fewer votes than a quorum, or of votes that except the op", () => {
    expect(made(op, [carrier, ack, except])).toBeUndefined();
    expect(made(other, [carrier, ack, except])).toBeUndefined();
    expect(made(op, [carrier, ack, childVote])).toBeUndefined();
    expect(made(op, [carrier, ack, own], 2)).toBeUndefined();
  });

  it("do not count a witness twice, nor for another op, nor for another network", () => {
    const {ops, carriers, votes} = certificate!;
    expect(
      checkCertificate({ops, carriers, votes: [votes[0]!, votes[0]!, votes[1]!]}, check),
    ).toBeUndefined();
    expect(checkCertificate({ops: [other, ...ops], carriers, votes}, check)).toBeUndefined();
    const carried = carriers.findIndex(({headerBytes}) => headerBytes === own.headerBytes);
    const path = new MerkleTree(TAG_CARRY, [child.bytes]).path(0);
    const below = carriers.with(carried, {headerBytes: childVote.headerBytes, op: ops.length, path});
    const signed = votes.map((vote) =>
      vote.carrier === carried ? {...vote, signature: childVote.signature} : vote,
    );
    const mixed = {ops: [...ops, child], carriers: below, votes: signed};
    expect(checkCertificate(mixed, check)).toBeUndefined();
    expect(checkCertificate(certificate!, {...check, network: check.network + 1})).toBeUndefined();
    const elsewhere = {...check, genesisHash: new Uint8Array(32)};
    expect(checkCertificate(certificate!, elsewhere)).toBeUndefined();
  });

  it("do not hold with any byte changed, and read back as written", () => {
    const bytes = encodeEvidence({kind: "certificate", certificate: certificate!});
    expect(encodeEvidence(decodeEvidence(bytes))).toEqual(bytes);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({min: 1, max: 255}), (at, flip) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ flip;
        const proven = checkEvidence(changed, check);
        // The signatures inside the ops are not the votes' to cover: the op keeps its id.
        if (proven?.kind === "certificate") expect(proven.op.id).toBe(op.id);
        else expect(proven).toBeUndefined();
      }),
      {numRuns: 400},
    );
  });

  it("rescue the op of a frozen cell, which stays frozen for what follows", () => {
    const state = genesisState(genesis);
    const proven = checkEvidence(encodeEvidence({kind: "certificate", certificate: certificate!}), check)!;
    expect(isOfUse(state, proven, context)).toBe(false);
    setFrozen(state, alice.account, {epoch: 2, untilH: 30n});
    expect(isOfUse(state, proven, context)).toBe(false);
    const bytes = encodeEvidence({kind: "certificate", certificate: certificate!});
    setFrozen(state, alice.account, undefined);
    expect(mayBeOfUse(state, bytes, context)).toBe(false);
    setFrozen(state, alice.account, {epoch: 1, untilH: 30n});
    expect(mayBeOfUse(state, bytes, context)).toBe(true);
    expect(actOn(state, proven, {...context, tell: unheard})?.id).toBe(op.id);
    expect(state.account(alice.account)).toMatchObject({head: op.id, frozen: {epoch: 1, untilH: 30n}});
    expect(isOfUse(state, proven, context)).toBe(false);
    expect(checkInvariants(state)).toEqual([]);
  });
});

describe("a witness's fault", () => {
  it("burns all its stake, cooling stake too, once", () => {
    const state = staked(genesisState(genesis));
    const proven = checkEvidence(encodeEvidence(fork()), check)!;
    expect(proven).toEqual({kind: "fault", witness: 2, sinceH: 0n});
    const burned = state.totals.burned;
    expect(mayBeOfUse(state, encodeEvidence(fork()), context)).toBe(true);
    const moves: SystemMove[] = [];
    actOn(state, proven, {...context, tell: (move) => moves.push(move)});
    expect(moves).toEqual([{kind: "slash", account: alice.account, amount: 140n}]);
    expect(mayBeOfUse(state, encodeEvidence(fork()), context)).toBe(false);
    expect(state.account(alice.account)).toMatchObject({staked: {witness: 0n}, cooling: [], convictedH: 20n});
    expect(state.totals.burned - burned).toBe(140n);
    expect(checkInvariants(state)).toEqual([]);
    expect(isOfUse(state, proven, context)).toBe(false);
  });

  it("is forgotten after the evidence window", () => {
    const proven = checkEvidence(encodeEvidence(fork()), check)!;
    const window = BigInt(genesis.params.evidenceWindowS);
    expect(isOfUse(genesisState(genesis), proven, {...context, height: window})).toBe(true);
    expect(isOfUse(genesisState(genesis), proven, {...context, height: window + 1n})).toBe(false);
  });

  it("is two entries with one number, of one witness, both signed", () => {
    const {entries} = fork() as Extract<Evidence, {kind: "entryFork"}>;
    const [first, second] = entries;
    const isProven = (pair: typeof entries) =>
      checkEvidence(encodeEvidence({kind: "entryFork", entries: pair}), check) !== undefined;
    expect(isProven([first, second])).toBe(true);
    expect(isProven([first, first])).toBe(false);
    expect(isProven([first, {...second, signature: first.signature}])).toBe(false);
    expect(isProven([first, entryOf(genesis, {witness: 1})])).toBe(false);
    const next = entryOf(genesis, {witness: 2, n: 2n, prev: (first as Entry).hash});
    expect(isProven([first, next])).toBe(false);
  });

  it("is two votes that exclude each other in one iteration", () => {
    const vote = (kind: "notarize" | "finalize" | "skip", name: string, iteration = 1) => {
      const body = {kind, height: 7n, iteration, hash: name.repeat(64) as Hash, witness: 3};
      return signVote(body, witnesses[3]!, check.genesisHash);
    };
    const proven = (...votes: readonly [ReturnType<typeof vote>, ReturnType<typeof vote>]) =>
      checkEvidence(encodeEvidence({kind: "agreementFork", votes}), check);
    expect(proven(vote("finalize", "a"), vote("finalize", "b"))).toMatchObject({witness: 3, sinceH: 6n});
    expect(proven(vote("notarize", "a"), vote("notarize", "b"))).toBeDefined();
    expect(proven(vote("skip", "0"), vote("finalize", "b"))).toBeDefined();
    // What honest witnesses do.
    expect(proven(vote("notarize", "a"), vote("finalize", "a"))).toBeUndefined();
    expect(proven(vote("notarize", "a"), vote("skip", "0"))).toBeUndefined();
    expect(proven(vote("finalize", "a"), vote("finalize", "b", 2))).toBeUndefined();
    expect(proven(vote("finalize", "a"), vote("finalize", "a"))).toBeUndefined();
  });
});
