/** Anchors and a committee for the tests of this folder. */
import type {Member} from "@catalyze/contracts/committeeHash";
import type {Anchor} from "@catalyze/core/ledger/anchorRules";
import type {Hash} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {privateKeyToAccount} from "viem/accounts";
import {type AnchorSignature, signAnchor} from "../../src/chain/anchorSignature.ts";

export const target = {chainId: 31_337, contract: `0x${"ab".repeat(20)}`} as const;
export const accounts = ["11", "22", "33", "44"].map((digits) =>
  privateKeyToAccount(`0x${digits.repeat(32)}`),
);
export const members: readonly Member[] = accounts.map(({address}) => ({signer: address, weight: 1n}));

const hash = fc
  .uint8Array({minLength: 32, maxLength: 32})
  .map((bytes) => Buffer.from(bytes).toString("hex") as Hash);
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const u128 = fc.bigInt(0n, 2n ** 128n - 1n);

export const anchors: fc.Arbitrary<Anchor> = fc.record({
  epoch: fc.integer({min: 1, max: 2 ** 32 - 1}),
  height: u64,
  depositCursor: u64,
  previousHash: hash,
  checkpointHash: hash,
  stateRoot: hash,
  withdrawalRoot: hash,
  liabilities: u128,
  minted: u128,
  burned: u128,
  withdrawn: u128,
  nextCommitteeHash: hash,
});

export const someAnchor = (epoch: number, digit = "5"): Anchor => ({
  epoch,
  height: BigInt(epoch * 15),
  depositCursor: 1n,
  previousHash: "1".repeat(64) as Hash,
  checkpointHash: "2".repeat(64) as Hash,
  stateRoot: digit.repeat(64) as Hash,
  withdrawalRoot: "0".repeat(64) as Hash,
  liabilities: 7n,
  minted: 0n,
  burned: 0n,
  withdrawn: 0n,
  nextCommitteeHash: "3".repeat(64) as Hash,
});

export async function signedBy(member: number, anchor: Anchor): Promise<AnchorSignature> {
  return {anchor, member, signature: await signAnchor(accounts[member]!, anchor, target)};
}
