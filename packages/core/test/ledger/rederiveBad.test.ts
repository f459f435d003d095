/** What a committee that breaks the rules itself, all of it signed and proven, cannot make the verification agree to. */

import {ZERO_ADDRESS} from "@catalyze/core/ledger/cell";
import type {Checkpoint} from "@catalyze/core/ledger/checkpoint";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {signVote} from "@catalyze/core/ledger/consensusCodec";
import {computeCut, headsNow} from "@catalyze/core/ledger/cut";
import {itemText} from "@catalyze/core/ledger/divergence";
import {signEntry} from "@catalyze/core/ledger/entryCodec";
import {entryNumber} from "@catalyze/core/ledger/entryNumber";
import {encodeFinalCheckpoint} from "@catalyze/core/ledger/finality";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import type {LedgerRecord} from "@catalyze/core/ledger/ledgerRecord";
import type {Op} from "@catalyze/core/ledger/op";
import {decodeOp, encodeOp, lockIdOf} from "@catalyze/core/ledger/opCodec";
import {Rederiver} from "@catalyze/core/ledger/rederive";
import {replicaParts} from "@catalyze/core/ledger/replicaParts";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import {signVoucher} from "@catalyze/core/ledger/voucher";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {alice, bob, lockSpec, person, transfer} from "./kit.ts";
import {FIRST, genesisOf, NO_HASH, NOW, ownOp, verifier, witnesses} from "./witnessKit.ts";

const genesis = genesisOf(1);
const hash = fromHex(genesisHash(genesis));
const sound = ownOp(genesis, alice, FIRST, transfer(bob.account, 1_000n));
const forged = ownOp(
  genesis,
  {...person("mallory"), account: alice.account},
  FIRST,
  transfer(bob.account, 9n),
);

/** The records of one height: the only witness carries these ops, entry by entry, and signs what it likes. */
function records(
  carries: readonly (readonly Op[])[],
  change: (checkpoint: Checkpoint) => Checkpoint = (same) => same,
): LedgerRecord[] {
  const parts = replicaParts({genesis, verifier, voteSigner: undefined}, freshReplica(genesis));
  const context = parts.book.cutContext();
  const written: LedgerRecord[] = [];
  let prev = NO_HASH;
  for (const [index, carry] of carries.entries()) {
    const n = entryNumber(1, BigInt(index + 1));
    const header = {
      ...{network: parts.network, epoch: 0, witness: 0, n, prev, timeMs: NOW, refs: [], isSeal: false},
      ...{stampH: 0n, stampHash: context.parentHash},
    };
    const entry = signEntry({header, carry, acks: []}, witnesses[0]!, hash);
    parts.book.take(entry);
    written.push({kind: "entry", witness: 0, n, bytes: entry.bytes});
    prev = entry.hash;
  }
  const result = computeCut(context, headsNow(context));
  if (result.kind !== "cut") throw new Error(result.kind);
  const checkpoint = change(result.cut.checkpoint);
  const vote = {
    kind: "finalize",
    height: 1n,
    iteration: 1,
    hash: checkpointHash(checkpoint),
    witness: 0,
  } as const;
  const {signature} = signVote(vote, witnesses[0]!, hash);
  const final = {checkpoint, hash: vote.hash, iteration: 1, signatures: [{witness: 0, signature}]};
  return [...written, {kind: "checkpoint", height: 1n, bytes: encodeFinalCheckpoint(final)}];
}

function divergenceOf(given: readonly LedgerRecord[]) {
  const rederiver = new Rederiver({genesis, verifier});
  for (const record of given) rederiver.take(record);
  return rederiver.result.divergence;
}

describe("verification from the logs of a bad committee", () => {
  it("agrees while nothing is wrong", () => {
    expect(divergenceOf(records([[sound]]))).toBeUndefined();
  });

  it("names an op that its owner never signed", () => {
    const found = divergenceOf(records([[forged]]));
    expect(found && itemText(found.item)).toBe(`op ${forged.id}`);
    expect(found?.field).toBe("signerKey");
  });

  it("takes the owner's own copy of an op that somebody spoilt", () => {
    const [signature] = sound.signatures;
    const parts = {body: sound.body, signatures: [{...signature!, signature: new Uint8Array(64)}]};
    const spoilt = decodeOp(encodeOp(parts));
    expect(spoilt.id).toBe(sound.id);
    expect(divergenceOf(records([[sound], [spoilt]]))).toBeUndefined();
    expect(divergenceOf(records([[spoilt], [sound]]))).toBeUndefined();
    expect(divergenceOf(records([[spoilt]]))).toMatchObject({item: {kind: "op"}, field: "signature"});
  });

  it("looks at each op with the keys and locks that the ops before it left", () => {
    const newKey = person("alice's new key");
    const rotation = {
      kind: "account",
      threshold: 1,
      keys: [newKey.publicKey],
      exitAddress: ZERO_ADDRESS,
    } as const;
    const open = ownOp(genesis, bob, FIRST, {kind: "open", locks: [{...lockSpec, controller: bob.account}]});
    const lock = lockIdOf(open.id, 0);
    const voucher = signVoucher({lockId: lock, cumulative: 500n, contextHash: NO_HASH}, alice, hash);
    const claim = {kind: "claim", cumulative: 500n, voucher, isFinal: false} as const;
    const rotate = ownOp(genesis, alice, FIRST, rotation);
    const slot = {seq: 1n, head: rotate.id};
    const ops = [rotate, open, ownOp(genesis, {...bob, account: lock as never}, FIRST, claim)];
    const newOp = ownOp(genesis, {...newKey, account: alice.account}, slot, transfer(bob.account, 3n));
    const oldOp = ownOp(genesis, alice, slot, transfer(bob.account, 3n));
    expect(divergenceOf(records([[...ops, newOp]]))).toBeUndefined();
    expect(divergenceOf(records([[...ops, oldOp]]))).toMatchObject({
      item: {kind: "op", id: oldOp.id},
      field: "signerKey",
    });
  });

  it.each([
    ["totals.burned", (each: Checkpoint) => ({...each, totals: {...each.totals, burned: 7n}})],
    ["stateRoot", (each: Checkpoint) => ({...each, stateRoot: NO_HASH})],
    ["withdrawalRoot", (each: Checkpoint) => ({...each, withdrawalRoot: "1".repeat(64) as never})],
    ["nextCommitteeHash", (each: Checkpoint) => ({...each, nextCommitteeHash: "2".repeat(64) as never})],
    ["timeMs", (each: Checkpoint) => ({...each, timeMs: each.timeMs + 1})],
    ["epoch", (each: Checkpoint) => ({...each, epoch: 2})],
  ])("names the field of a proven checkpoint that does not follow: %s", (field, change) => {
    expect(divergenceOf(records([[sound]], change))).toMatchObject({height: 1n, field});
  });

  it("takes no checkpoint without a quorum, whatever it says", () => {
    const [entry, checkpoint] = records([[sound]]);
    const bytes = checkpoint!.bytes.slice();
    bytes[bytes.length - 1]! ^= 1;
    expect(divergenceOf([entry!, {...checkpoint!, bytes} as LedgerRecord])).toMatchObject({
      field: "signatures",
    });
  });
});
