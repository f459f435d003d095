/** The list of anchor signers as the contract hashes it: `keccak256(abi.encode(Member[]))`, in the order of seats. */
import type {GenesisWitness} from "@catalyze/core/ledger/genesis";
import type {Hash} from "@catalyze/core/primitives/id";
import {encodeAbiParameters, type Hex, keccak256} from "viem";

export type Member = {readonly signer: Hex; readonly weight: bigint};

export function membersOf(
  witnesses: readonly Pick<GenesisWitness, "evmAddress" | "weight">[],
): readonly Member[] {
  return witnesses.map(({evmAddress, weight}) => ({signer: `0x${evmAddress}`, weight: BigInt(weight)}));
}

/** 64 hex digits. */
export function committeeHashOf(members: readonly Member[]): Hash {
  return keccak256(encodeAbiParameters([MEMBERS], [members])).slice(2) as Hash;
}

const MEMBERS = {
  type: "tuple[]",
  components: [
    {name: "signer", type: "address"},
    {name: "weight", type: "uint64"},
  ],
} as const;
