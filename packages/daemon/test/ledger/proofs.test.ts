/** Certificates that travel: whoever has the genesis can tell that a payment counts. */
import {type CheckedOp, checkOpProof, decodeOpProof, encodeOpProof} from "@catalyze/core/ledger/opProof";
import type {OpId} from "@catalyze/core/primitives/id";
import {afterEach, expect, it} from "vitest";
import {CTZ, LedgerRig} from "./ledgerRig.ts";
import {testVerifier} from "./testSigner.ts";
import {transfer} from "./transfer.ts";

let rig: LedgerRig;
afterEach(async () => await rig.stop());

it("proves an op of now and of an epoch ago while its votes are in memory, and nothing else", async () => {
  rig = await LedgerRig.started({witnesses: 4, followers: 1, params: {checkpointsPerEpoch: 8}});
  const pay = () => rig.node(4).submit(rig.account(4), transfer(rig.account(0), CTZ));
  await rig.until(() => rig.node(4).head().height > 0n, 20_000);
  const {opId} = await rig.clock.complete(pay(), 20_000);
  const given = {genesis: rig.genesis, verifier: testVerifier};
  const proofAt = async (index: number) => encodeOpProof(await rig.node(index).opProofOf(opId));
  const expectProven = (bytes: Uint8Array, wanted: Partial<CheckedOp>) => {
    const checked = checkOpProof(decodeOpProof(bytes), given);
    expect(checked).toMatchObject({op: {id: opId}, committeeSize: 4, ...wanted});
    expect(checked.votes).toBeGreaterThanOrEqual(3);
  };
  const bytes = await proofAt(4);
  expectProven(bytes, {grade: "certified", epoch: 1});
  await rig.until(() => rig.node(0).epoch >= 3, 60_000);
  await rig.clock.complete(pay(), 20_000);
  for (const index of [0, 4]) expectProven(await proofAt(index), {grade: "checkpointed"});
  // Votes that a checkpoint covers are not read again: then another node has them.
  rig.crash(4);
  await rig.start(4);
  await expect(proofAt(4)).rejects.toMatchObject({code: "NOT_FOUND"});
  expectProven(await proofAt(1), {grade: "checkpointed"});

  const strange = {...rig.genesis, name: "another network"};
  expect(() => checkOpProof(decodeOpProof(bytes), {...given, genesis: strange})).toThrow(/does not hold/);
  for (let at = 0; at < bytes.length; at += 7) {
    const bent = bytes.slice();
    bent[at] = (bent[at] ?? 0) ^ 1;
    expect(() => checkOpProof(decodeOpProof(bent), given)).toThrow();
  }
  const proof = decodeOpProof(bytes);
  for (const [index, certificate] of proof.certificates.entries()) {
    const less = (votes: typeof certificate.votes) => ({
      ...proof,
      certificates: proof.certificates.with(index, {...certificate, votes}),
    });
    expect(() => checkOpProof(less(certificate.votes.slice(0, 2)), given)).toThrow(/does not hold/);
    const twice = Array.from({length: 4}, () => certificate.votes[0]!);
    expect(() => checkOpProof(less(twice), given)).toThrow(/does not hold/);
  }
  await expect(rig.node(0).opProofOf("f".repeat(64) as OpId)).rejects.toMatchObject({code: "NOT_FOUND"});
});
