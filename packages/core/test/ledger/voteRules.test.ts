/**
 * The rules that stand behind one another, each alone: with all in place the simulation cannot tell them
 * apart, since a second vote on a slot is refused by memory, by the parent rule and as a fork.
 */
import {tryApply} from "@catalyze/core/ledger/apply";
import {Tally} from "@catalyze/core/ledger/certificates";
import {genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import type {Op} from "@catalyze/core/ledger/op";
import {signOp} from "@catalyze/core/ledger/opCodec";
import {encodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import {readSigningTable} from "@catalyze/core/ledger/signingTable";
import {VOTE_RULES, type VoteRule} from "@catalyze/core/ledger/voteRules";
import {type VoteMoment, Voter} from "@catalyze/core/ledger/voter";
import type {SignatureVerifier} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {alice, bob, carol, transfer} from "./kit.ts";
import {committeeOf, FIRST, genesisOf, ownOp, verifier} from "./witnessKit.ts";

const genesis = genesisOf(4);
const committee = committeeOf(4);
const first = ownOp(genesis, alice, FIRST, transfer(bob.account, 5n));
const rival = ownOp(genesis, alice, FIRST, transfer(carol.account, 6n));
const second = ownOp(genesis, alice, {seq: 1n, head: first.id}, transfer(bob.account, 7n));

function voterWith(
  names: readonly VoteRule["name"][],
  votes: ConstructorParameters<typeof Voter>[1] = [],
  checks: SignatureVerifier = verifier,
): Voter {
  const hash = genesisHash(genesis);
  const rules = VOTE_RULES.filter(({name}) => names.includes(name));
  const network = {network: networkIdOf(hash), genesisHash: fromHex(hash)};
  return new Voter({...network, verifier: checks, rules, isProof: () => false, areLiars: () => false}, votes);
}

function momentOf(ops: readonly Op[]): VoteMoment {
  const tally = new Tally(committee);
  for (const op of ops) tally.add(op);
  return {view: genesisState(genesis), tally, stampH: 0n, epoch: 1};
}

describe("the slot rule alone", () => {
  it("refuses a second op at a slot once there is a vote, also after the view has changed", () => {
    const voter = voterWith(["slot"]);
    const moment = momentOf([]);
    expect(voter.refusal(first, moment)).toBeUndefined();
    voter.vote(first, moment);
    voter.viewChanged();
    expect(voter.refusal(rival, moment)).toMatchObject({reason: "slotTaken"});
    expect(voter.refusal(first, moment)).toBeUndefined();
  });

  it("knows the votes of an earlier run from the signing table", () => {
    const vote = {epoch: 1, cell: alice.account, seq: 1n, opId: first.id};
    const {votes} = readSigningTable([encodeSigningRecord({kind: "votes", votes: [vote]})]);
    expect(voterWith(["slot"], votes).refusal(rival, momentOf([]))).toMatchObject({reason: "slotTaken"});
    // What the epoch's votes had certified was settled when it closed.
    expect(voterWith(["slot"], votes).refusal(rival, {...momentOf([]), epoch: 2})).toBeUndefined();
  });
});

describe("the form rule alone", () => {
  it("checks an op again when its signers have changed since it came in", () => {
    const voter = voterWith(["form"]);
    const moment = momentOf([]);
    const exitAddress = new Uint8Array(20);
    const rotation = {kind: "account", keys: [bob.publicKey], threshold: 1, exitAddress} as const;
    const rotate = ownOp(genesis, alice, FIRST, rotation);
    const after = ownOp(genesis, alice, {seq: 1n, head: rotate.id}, transfer(bob.account, 7n));
    expect(voter.check(after, moment)).toMatchObject({ok: true});
    expect(voter.refusal(after, moment)).toBeUndefined();
    const view = moment.view.fork();
    expect(tryApply(view, rotate, {height: 0n}).ok).toBe(true);
    expect(voter.refusal(after, {...moment, view})).toMatchObject({reason: "signerKey"});
  });
});

describe("the fork rule alone", () => {
  it("refuses both ops at a forked slot, and what stands above it", () => {
    const voter = voterWith(["fork"]);
    const moment = momentOf([first, rival]);
    for (const op of [first, rival, second])
      expect(voter.refusal(op, moment)).toMatchObject({reason: "forked"});
    expect(voter.refusal(second, momentOf([first]))).toBeUndefined();
  });
});

describe("rivals without number", () => {
  /** How many signatures the fork rule asks for, and what it says. */
  const asked = (op: Op, others: readonly Op[]) => {
    let checks = 0;
    const counting: SignatureVerifier = {
      verify(...args) {
        checks += 1;
        return verifier.verify(...args);
      },
    };
    const refusal = voterWith(["fork"], [], counting).refusal(op, momentOf(others));
    return {checks, reason: refusal?.reason};
  };
  const many = Array.from({length: 30}, (_, at) =>
    ownOp(genesis, alice, FIRST, transfer(carol.account, BigInt(at + 1))),
  );

  it("cost the signature of one at a slot, and of two above it", () => {
    expect(asked(first, [first, ...many])).toEqual({checks: 1, reason: "forked"});
    expect(asked(second, many)).toEqual({checks: 2, reason: "forked"});
  });

  it("cost none where each follows on another op: what they follow on has rivals then", () => {
    const heads = many.map(({id}) => id);
    const above = heads.map((head) => ownOp(genesis, alice, {seq: 1n, head}, transfer(bob.account, 9n)));
    expect(asked(second, above)).toEqual({checks: 0, reason: undefined});
    const third = ownOp(genesis, alice, {seq: 2n, head: second.id}, transfer(bob.account, 9n));
    expect(asked(third, above)).toEqual({checks: 0, reason: undefined});
  });
});

describe("the evidence rule alone", () => {
  it("refuses what proves nothing", () => {
    const bogus = ownOp(genesis, alice, FIRST, {kind: "evidence", proof: Uint8Array.of(1, 0, 0, 0)});
    expect(voterWith(["evidence"]).refusal(bogus, momentOf([]))).toMatchObject({reason: "evidence"});
    expect(voterWith(["evidence"]).refusal(first, momentOf([]))).toBeUndefined();
  });
});

describe("a vote's way to ancestors", () => {
  it("ends at a `prev` that names an op of another cell", () => {
    const tally = new Tally(committee);
    const liar = ownOp(genesis, bob, {seq: 1n, head: first.id}, transfer(carol.account, 1n));
    tally.add(first);
    tally.add(liar);
    for (const witness of [0, 1, 2]) tally.vote(liar.id, witness);
    expect(tally.get(first.id)?.isCertified).toBe(false);
  });
});

describe("the fee", () => {
  const raised = () => {
    const view = genesisState(genesis);
    const {terms} = view.governance;
    const params = {...genesis.params, opFee: 300n};
    view.putGovernance({...view.governance, terms: [...terms, {sinceEpoch: 2, params}]});
    return view;
  };

  it("that a vote has raised is asked of ops whose form was checked before", () => {
    const voter = voterWith(["form"]);
    const moment = {...momentOf([first]), view: raised()};
    expect(voter.check(first, moment)).toMatchObject({ok: true});
    expect(voter.refusal(first, moment)).toBeUndefined();
    expect(voter.refusal(first, {...moment, epoch: 2})).toMatchObject({reason: "fee", isTemporary: false});
  });

  it("that was too low makes no fork of what its owner signs instead", () => {
    const voter = voterWith(["fork", "form"]);
    const dearer = signOp({...rival.body, fee: 300n}, alice, fromHex(genesisHash(genesis)));
    const moment = {...momentOf([first]), view: raised()};
    expect(voter.refusal(dearer, {...moment, epoch: 2})).toBeUndefined();
    expect(voter.refusal(dearer, moment)).toMatchObject({reason: "forked"});
  });
});
