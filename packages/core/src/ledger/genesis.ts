/**
 * The genesis of a network: who holds what, who witnesses, by which parameters. Its hash names the
 * network and is covered by every signature. Addresses of contracts are not part of it: they come into
 * being after it (DESIGN §13), and a chain points at a genesis, not the other way round.
 */
import {keccak_256} from "@noble/hashes/sha3.js";
import {hashHex} from "../crypto/sha256.ts";
import {concat, fromHex, toHex} from "../primitives/bytes.ts";
import {encodeCanonicalJson} from "../primitives/canonicalJson.ts";
import type {AccountId, Cid, Hash, PeerId} from "../primitives/id.ts";
import type {LedgerParams} from "./params.ts";

export type GenesisAccount = {readonly id: AccountId; readonly balance: bigint; readonly note?: string};

export type GenesisWitness = {
  readonly peerId: PeerId;
  /** Ed25519 key of the witness's votes, 64 hex digits. */
  readonly voteKey: string;
  /** Signs anchors; 40 lower-case hex digits, no prefix. */
  readonly evmAddress: string;
  readonly weight: number;
  readonly account: AccountId;
};

export type Genesis = {
  readonly v: 1;
  readonly name: string;
  readonly accounts: readonly GenesisAccount[];
  readonly witnesses: readonly GenesisWitness[];
  readonly params: LedgerParams;
  /** Well-known task classes: `ocr` → the content id of a bundle. */
  readonly aliases: Readonly<Record<string, Cid>>;
};

/** Canonical JSON: sorted keys, no spaces, amounts as decimal strings. What is hashed and sent. */
export function encodeGenesis(genesis: Genesis): Uint8Array {
  return encodeCanonicalJson({
    ...genesis,
    accounts: genesis.accounts.map((account) => ({...account, balance: account.balance.toString()})),
    params: {...genesis.params, opFee: genesis.params.opFee.toString()},
  });
}

export function genesisHash(genesis: Genesis): Hash {
  return hashHex(encodeGenesis(genesis));
}

/** First 4 bytes of the genesis hash: part of protocol ids, topics and ops. */
export function networkIdOf(hash: Hash): number {
  return Number.parseInt(hash.slice(0, 8), 16);
}

/** Names the parameters in force. */
export function paramsHash(params: LedgerParams): Hash {
  return hashHex(encodeCanonicalJson({...params, opFee: params.opFee.toString()}));
}

/**
 * Names a committee as the anchor contract does: keccak256 of `abi.encode((address signer, uint64 weight)[])`.
 * The checkpoint so commits to exactly the list that the contract will check the next anchor against.
 */
export function committeeHash(witnesses: readonly Pick<GenesisWitness, "evmAddress" | "weight">[]): Hash {
  const words = [word(0x20), word(witnesses.length)];
  for (const {evmAddress, weight} of witnesses)
    words.push(fromHex(evmAddress.padStart(64, "0")), word(weight));
  return toHex(keccak_256(concat(...words))) as Hash;
}

/** A number as one 32-byte word of the EVM. */
function word(value: number): Uint8Array {
  return fromHex(value.toString(16).padStart(64, "0"));
}
