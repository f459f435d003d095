import {
  type BalanceProof,
  checkCell,
  decodeBalanceProof,
  encodeBalanceProof,
  proveCell,
} from "@catalyze/core/ledger/balanceProof";
import {balanceOf} from "@catalyze/core/ledger/cell";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import type {Replica} from "@catalyze/core/ledger/replica";
import {signVoucher} from "@catalyze/core/ledger/voucher";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, AssetId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {beforeAll, describe, expect, it} from "vitest";
import {alice, bob, carol, person, potLock, transfer, ZERO_MEMO} from "./kit.ts";
import {FIRST, genesisOf, NOW, ownOp, replicaOf, settle, verifier} from "./witnessKit.ts";

const SEED = "7".repeat(64) as AssetId;
const genesis = genesisOf(4);
const strangers = Array.from({length: 40}, (_, index) => person(`stranger ${index}`));
let replica: Replica;

beforeAll(() => {
  const replicas = [0, 1, 2, 3].map((index) => replicaOf(genesis, index));
  const outputs = strangers
    .slice(0, 30)
    .map(({account}, index) => ({to: account, amount: BigInt(index + 1)}));
  const memo = transfer(bob.account, 1n);
  const op = ownOp(genesis, alice, FIRST, {...memo, outputs} as typeof memo);
  replicas[0]!.step({kind: "op", bytes: op.bytes, from: undefined}, NOW);
  for (let at = 0; at < 40 && !replicas[0]!.isCheckpointed(op.id); at += 1) settle(replicas, NOW + at * 300);
  replica = replicas[0]!;
  expect(replica.isCheckpointed(op.id)).toBe(true);
  const open = ownOp(genesis, alice, {seq: 1n, head: op.id}, {kind: "open", locks: [potLock(SEED)]});
  const lockId = lockIdOf(open.id, 0);
  const voucher = signVoucher(
    {lockId, cumulative: 8_000n, contextHash: ZERO_MEMO},
    alice,
    fromHex(genesisHash(genesis)),
  );
  const claim = {kind: "claim", cumulative: 8_000n, voucher, isFinal: false} as const;
  const claimed = ownOp(genesis, {...bob, account: lockId}, FIRST, claim);
  for (const [step, {bytes, id}] of [open, claimed].entries()) {
    replica.step({kind: "op", bytes, from: undefined}, NOW + 20_000 * (step + 1));
    for (let at = 0; at < 40 && !replica.isCheckpointed(id); at += 1)
      settle(replicas, NOW + 20_000 * (step + 1) + at * 300);
    expect(replica.isCheckpointed(id)).toBe(true);
  }
});

const nameOf = (id: AccountId) => ({kind: "account", id}) as const;
const proofOf = (id: AccountId): BalanceProof =>
  proveCell(nameOf(id), replica.base, {final: replica.finalCheckpoint, handovers: []});
const check = (id: AccountId, proof: BalanceProof, of = genesis) =>
  checkCell(nameOf(id), proof, {genesis: of, verifier});
const problem = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return (error as {evidence?: {step?: string}}).evidence?.step ?? error;
  }
  return undefined;
};

describe("a balance proof", () => {
  it("shows each account as it stood at a checkpoint of a quorum, from its bytes alone", () => {
    for (const {account} of [alice, bob, carol, ...strangers.slice(0, 30)]) {
      const bytes = encodeBalanceProof(proofOf(account));
      expect(bytes.length).toBeLessThan(2_500);
      const {cell, checkpoint, witnesses} = check(account, decodeBalanceProof(bytes));
      expect(cell).toEqual(replica.base.account(account));
      expect(checkpoint).toEqual(replica.checkpoint);
      expect(witnesses.length).toBeGreaterThanOrEqual(3);
    }
    expect(balanceOf(check(strangers[4]!.account, proofOf(strangers[4]!.account)).cell!)).toBe(5n);
  });

  it("shows what is in a pot, and that there is none", () => {
    const potOf = (id: AssetId) => {
      const name = {kind: "pot", id} as const;
      const proof = proveCell(name, replica.base, {final: replica.finalCheckpoint, handovers: []});
      return checkCell(name, decodeBalanceProof(encodeBalanceProof(proof)), {genesis, verifier}).cell;
    };
    expect(potOf(SEED)).toMatchObject({kind: "pot", in: 400n, out: 0n});
    expect(potOf("8".repeat(64) as AssetId)).toBeUndefined();
  });

  it("shows that an account has never been credited, and no account can be hidden that way", () => {
    for (const {account} of strangers.slice(30))
      expect(check(account, decodeBalanceProof(encodeBalanceProof(proofOf(account)))).cell).toBeUndefined();
    const others = [alice, bob, carol, ...strangers].map(({account}) => account);
    for (const hidden of others.slice(0, 10)) {
      for (const other of others) {
        if (other === hidden) continue;
        // A lookup of somebody absent may end at this very leaf: then it shows what is there.
        let shown: unknown;
        const step = problem(() => {
          shown = check(hidden, proofOf(other)).cell;
        });
        if (step === undefined) expect(shown).toEqual(replica.base.account(hidden));
        else expect(step).toBe("place");
      }
    }
  });

  it("of another network, with fewer signatures, another amount or another path does not hold", () => {
    const proof = proofOf(bob.account);
    const {final, found, path} = proof;
    if (found?.kind !== "account") throw new Error("a proof of an account shows one");
    const {checkpoint, signatures} = final;
    const wrongs: [string, BalanceProof][] = [
      ["signatures", {...proof, final: {...final, signatures: signatures.slice(0, 2)}}],
      ["signatures", {...proof, final: {...final, iteration: final.iteration + 1}}],
      ["path", {...proof, found: {...found, in: found.in + 1n}}],
      ["path", {...proof, path: path.slice(1)}],
      ["path", {...proof, path: path.map((step, at) => (at === 0 ? {...step, sum: step.sum + 1n} : step))}],
      ["network", {...proof, final: {...final, checkpoint: {...checkpoint, network: 7}}}],
    ];
    for (const [step, wrong] of wrongs) expect(problem(() => check(bob.account, wrong))).toBe(step);
    expect(problem(() => check(bob.account, proof, genesisOf(3)))).toBe("network");
    const forged = {...checkpoint, totals: {...checkpoint.totals, treasury: 5n}};
    const bytes = encodeBalanceProof({...proof, final: {...final, checkpoint: forged}});
    expect(problem(() => check(bob.account, decodeBalanceProof(bytes)))).toBe("signatures");
  });

  it("with any byte changed is refused", () => {
    const bytes = encodeBalanceProof(proofOf(bob.account));
    const property = fc.property(fc.nat(bytes.length - 1), fc.integer({min: 1, max: 255}), (at, flip) => {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ flip;
      expect(() => check(bob.account, decodeBalanceProof(changed))).toThrow(/.+/);
    });
    fc.assert(property, {numRuns: 150});
    expect(() => decodeBalanceProof(bytes.slice(0, -1))).toThrow();
    expect(() => decodeBalanceProof(new Uint8Array(70_000))).toThrow();
  });
});
