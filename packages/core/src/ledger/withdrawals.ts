/**
 * The withdrawal tree: keccak in OpenZeppelin's StandardMerkleTree layout over (EVM address, cumulative
 * µCTZ withdrawn), so that the contract checks it with `MerkleProof.verify` and pays cumulative − claimed.
 *
 *   leaf  = keccak256(keccak256(abi.encode(address, uint256)))
 *   tree  = array of 2n − 1 hashes, leaves ascending in the last n places in reverse, parent of i = (i − 1) / 2
 *   inner = keccak256(smaller child ‖ larger child)
 *   empty = 32 zero bytes
 */
import {keccak_256} from "@noble/hashes/sha3.js";
import {compareBytes, concat, equalBytes} from "../primitives/bytes.ts";

export type Withdrawal = {
  /** 20 bytes. */
  readonly address: Uint8Array;
  /** Never falls. */
  readonly cumulative: bigint;
};

export const EMPTY_WITHDRAWAL_ROOT: Uint8Array = new Uint8Array(32);

/** The contract's leaf of one address. */
export function withdrawalLeaf({address, cumulative}: Withdrawal): Uint8Array {
  const encoded = new Uint8Array(64);
  encoded.set(address, 12);
  const view = new DataView(encoded.buffer);
  view.setBigUint64(48, cumulative >> 64n);
  view.setBigUint64(56, cumulative);
  return keccak_256(keccak_256(encoded));
}

export function withdrawalRoot(withdrawals: readonly Withdrawal[]): Uint8Array {
  return treeOf(withdrawals)[0] ?? EMPTY_WITHDRAWAL_ROOT;
}

/** Siblings from the leaf to the root, for the contract; `undefined` when the address has withdrawn nothing. */
export function withdrawalProof(
  withdrawals: readonly Withdrawal[],
  address: Uint8Array,
): readonly Uint8Array[] | undefined {
  const own = withdrawals.find((each) => equalBytes(each.address, address));
  if (own === undefined) return undefined;
  const tree = treeOf(withdrawals);
  const leaf = withdrawalLeaf(own);
  const proof: Uint8Array[] = [];
  for (let at = tree.findIndex((hash) => equalBytes(hash, leaf)); at > 0; at = (at - 1) >> 1) {
    const sibling = tree[at % 2 === 1 ? at + 1 : at - 1];
    if (sibling !== undefined) proof.push(sibling);
  }
  return proof;
}

function treeOf(withdrawals: readonly Withdrawal[]): readonly Uint8Array[] {
  const leaves = withdrawals.map(withdrawalLeaf).sort(compareBytes).reverse();
  if (leaves.length === 0) return [];
  const tree = [
    ...Array.from<Uint8Array>({length: leaves.length - 1}).fill(EMPTY_WITHDRAWAL_ROOT),
    ...leaves,
  ];
  for (let at = leaves.length - 2; at >= 0; at -= 1) {
    const children = [tree[2 * at + 1], tree[2 * at + 2]]
      .filter((child) => child !== undefined)
      .sort(compareBytes);
    tree[at] = keccak_256(concat(...children));
  }
  return tree;
}
