/** Genesis, keys and money of a benchmark's network. Every replica and tally of these benchmarks is built here. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {Tally} from "@catalyze/core/ledger/certificates";
import {type Genesis, genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {type LedgerParams, PARAMS_PRODUCTION} from "@catalyze/core/ledger/params";
import {committeeNow, genesisRegister} from "@catalyze/core/ledger/register";
import {Replica} from "@catalyze/core/ledger/replica";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import type {Log} from "@catalyze/core/ports/log";
import type {SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import {CheckThread} from "@catalyze/daemon/identity/checkThread";
import {openVerifier} from "@catalyze/daemon/identity/signatures";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {signerOf} from "./seeds.ts";

export const silent: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => silent};

const BALANCE = 1_000_000_000_000n;

/** What every part of a benchmark signs and checks with. */
export type World = {
  readonly genesis: Genesis;
  readonly hash: Uint8Array;
  readonly network: number;
  readonly owners: readonly Signer[];
  readonly voteSigners: readonly Signer[];
  readonly verifier: SignatureVerifier;
  readonly hasBudgets: boolean;
  /** One for all nodes: the thread that raw verification would have to itself. */
  readonly thread: CheckThread;
};

export type WorldOptions = {
  readonly witnesses: number;
  /** Accounts that sign ops. */
  readonly owners?: number;
  /** Accounts that only hold money, on top. */
  readonly holders?: readonly string[];
  readonly params?: Partial<LedgerParams>;
  /** Peers may ask as much as in life; else as much as they like. */
  readonly hasBudgets?: boolean;
};

/** `undefined` of `peerIds`: a world of replicas without a network. */
export function createWorld(options: WorldOptions, peerIds?: readonly string[]): World {
  const {verifier} = openVerifier(silent);
  const owners = Array.from({length: options.owners ?? 128}, (_, index) => signerOf("account", index));
  const voteSigners = Array.from({length: options.witnesses}, (_, index) => signerOf("vote", index));
  const accounts = [...owners.map(({publicKey}) => accountIdOf(publicKey)), ...(options.holders ?? [])];
  const genesis: Genesis = {
    v: 1,
    name: "bench",
    accounts: accounts.map((id) => ({id: id as Genesis["accounts"][number]["id"], balance: BALANCE})),
    witnesses: voteSigners.map(({publicKey}, index) => ({
      peerId: (peerIds?.[index] ?? `peer-${index}`) as Genesis["witnesses"][number]["peerId"],
      voteKey: toHex(publicKey),
      evmAddress: String(index + 1).padStart(40, "0"),
      weight: 1,
      account: accountIdOf(owners[index]!.publicKey),
    })),
    params: {...PARAMS_PRODUCTION, ...options.params},
    aliases: {},
  };
  const hash = genesisHash(genesis);
  return {
    ...{genesis, hash: fromHex(hash), network: networkIdOf(hash), owners, voteSigners, verifier},
    hasBudgets: options.hasBudgets ?? false,
    thread: new CheckThread({clock: new SystemClock()}),
  };
}

/** The state machine of a witness alone, from the genesis on. */
export function createReplica({genesis, verifier, voteSigners}: World, index: number): Replica {
  return new Replica({genesis, verifier, voteSigner: voteSigners[index]}, freshReplica(genesis));
}

/** Counts votes of the world's witnesses. */
export function createTally({genesis}: World): Tally {
  return new Tally(committeeNow(genesisRegister(genesis)));
}
