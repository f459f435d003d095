import type {Anchor} from "@catalyze/core/ledger/anchorRules";
import type {Hash} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {anchorDigest, anchorRecord} from "../src/anchorDigest.ts";
import {committeeHashOf} from "../src/committeeHash.ts";

const hash = (digit: string) => digit.repeat(64) as Hash;
const anchor: Anchor = {
  epoch: 7,
  height: 105n,
  depositCursor: 1n,
  previousHash: hash("1"),
  checkpointHash: hash("2"),
  stateRoot: hash("3"),
  withdrawalRoot: hash("0"),
  liabilities: 1_000n,
  minted: 0n,
  burned: 5n,
  withdrawn: 0n,
  nextCommitteeHash: hash("4"),
};
const target = {chainId: 31337, contract: `0x${"ab".repeat(20)}`} as const;

describe("anchorDigest", () => {
  it("changes with every field, the chain and the contract", () => {
    const variants: Anchor[] = [
      anchor,
      {...anchor, epoch: 8},
      {...anchor, height: 106n},
      {...anchor, depositCursor: 2n},
      {...anchor, previousHash: hash("9")},
      {...anchor, checkpointHash: hash("9")},
      {...anchor, stateRoot: hash("9")},
      {...anchor, withdrawalRoot: hash("9")},
      {...anchor, liabilities: 1_001n},
      {...anchor, minted: 1n},
      {...anchor, burned: 6n},
      {...anchor, withdrawn: 1n},
      {...anchor, nextCommitteeHash: hash("9")},
    ];
    const digests = variants.map((each) => anchorDigest(each, target));
    digests.push(anchorDigest(anchor, {...target, chainId: 1}));
    digests.push(anchorDigest(anchor, {...target, contract: `0x${"ac".repeat(20)}`}));
    expect(new Set(digests).size).toBe(15);
    expect(new Set(variants.map(anchorRecord)).size).toBe(13);
    expect(anchorRecord(anchor)).toMatch(/^0x[0-9a-f]{54}$/);
  });
});

describe("committeeHashOf", () => {
  it("depends on order and weight", () => {
    const a = {signer: `0x${"aa".repeat(20)}`, weight: 1n} as const;
    const b = {signer: `0x${"bb".repeat(20)}`, weight: 2n} as const;
    const hashes = [[a, b], [b, a], [a], [a, {...b, weight: 3n}], []].map(committeeHashOf);
    expect(new Set(hashes).size).toBe(5);
  });
});
