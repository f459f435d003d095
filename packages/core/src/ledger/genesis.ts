/**
 * The genesis of a network: who holds what, who witnesses, by which parameters. Its hash names the
 * network and is covered by every signature. Addresses of contracts are not part of it: they come into
 * being after it (DESIGN §13), and a chain points at a genesis, not the other way round.
 */
import {hashHex} from "../crypto/sha256.ts";
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
    params: paramsJson(genesis.params),
  });
}

export function genesisHash(genesis: Genesis): Hash {
  return hashHex(encodeGenesis(genesis));
}

/** First 4 bytes of the genesis hash: part of protocol ids, topics and ops. */
export function networkIdOf(hash: Hash): number {
  return Number.parseInt(hash.slice(0, 8), 16);
}

function paramsJson(params: LedgerParams): Record<string, number | string> {
  const values = Object.entries(params).map(([name, value]) => [
    name,
    typeof value === "bigint" ? value.toString() : value,
  ]);
  return Object.fromEntries(values) as Record<string, number | string>;
}
