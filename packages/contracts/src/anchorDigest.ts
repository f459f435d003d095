/** EIP-712 of an anchor: bound to the chain and to the contract, so that a signature serves nowhere else. */
import type {Anchor} from "@catalyze/core/ledger/anchorRules";
import {type Hex, hashStruct, hashTypedData} from "viem";

/** Where an anchor goes. */
export type AnchorTarget = {readonly chainId: number; readonly contract: Hex};

const TYPES = {
  Anchor: [
    {name: "epoch", type: "uint64"},
    {name: "height", type: "uint64"},
    {name: "depositCursor", type: "uint64"},
    {name: "previousHash", type: "bytes32"},
    {name: "checkpointHash", type: "bytes32"},
    {name: "stateRoot", type: "bytes32"},
    {name: "withdrawalRoot", type: "bytes32"},
    {name: "liabilities", type: "uint128"},
    {name: "minted", type: "uint128"},
    {name: "burned", type: "uint128"},
    {name: "withdrawn", type: "uint128"},
    {name: "nextCommitteeHash", type: "bytes32"},
  ],
} as const;

/** The anchor as the ABI wants it. */
export function anchorStruct(anchor: Anchor) {
  return {
    ...anchor,
    epoch: BigInt(anchor.epoch),
    previousHash: `0x${anchor.previousHash}`,
    checkpointHash: `0x${anchor.checkpointHash}`,
    stateRoot: `0x${anchor.stateRoot}`,
    withdrawalRoot: `0x${anchor.withdrawalRoot}`,
    nextCommitteeHash: `0x${anchor.nextCommitteeHash}`,
  } as const;
}

/** Domain, types and message, for wallets that sign typed data. */
export function anchorTypedData(anchor: Anchor, {chainId, contract}: AnchorTarget) {
  return {
    domain: {name: "Catalyze Anchor", version: "1", chainId, verifyingContract: contract},
    types: TYPES,
    primaryType: "Anchor",
    message: anchorStruct(anchor),
  } as const;
}

/** What the members sign. */
export function anchorDigest(anchor: Anchor, target: AnchorTarget): Hex {
  return hashTypedData(anchorTypedData(anchor, target));
}

/** What the contract's `records` keeps of an accepted anchor: the first 27 bytes of its struct hash. */
export function anchorRecord(anchor: Anchor): Hex {
  const hash = hashStruct({types: TYPES, primaryType: "Anchor", data: anchorStruct(anchor)});
  return hash.slice(0, 2 + 54) as Hex;
}
