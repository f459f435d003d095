/** The first state and checkpoint of a network: height 0, the only checkpoint of epoch 0. */
import {toHex} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";
import type {Checkpoint} from "./checkpoint.ts";
import {type Genesis, genesisHash, networkIdOf} from "./genesis.ts";
import {genesisGovernance} from "./governance.ts";
import {governanceHash} from "./governanceCodec.ts";
import {type Posting, post} from "./postings.ts";
import {genesisRegister} from "./register.ts";
import {registerHash} from "./registerCodec.ts";
import {LedgerState} from "./state.ts";
import {withdrawalRoot} from "./withdrawals.ts";

/** The genesis supply is deposit 0 of the contract. */
export const GENESIS_DEPOSIT_CURSOR = 1n;

/** Every genesis balance, backed by deposit 0, the witnesses and the parameters of the genesis. */
export function genesisState(genesis: Genesis): LedgerState {
  const state = LedgerState.empty();
  const credits: Posting[] = genesis.accounts.map(({id, balance}) => ({
    bucket: "account",
    id,
    amount: balance,
  }));
  const supply = genesis.accounts.reduce((sum, {balance}) => sum + balance, 0n);
  post(state, [...credits, {bucket: "deposited", amount: supply}]);
  state.putRegister(genesisRegister(genesis));
  state.putGovernance(genesisGovernance(genesis));
  return state;
}

/** Time 0: a genesis is older than everything. */
export function genesisCheckpoint(genesis: Genesis, state: LedgerState = genesisState(genesis)): Checkpoint {
  const hash = genesisHash(genesis);
  return {
    network: networkIdOf(hash),
    epoch: 0,
    height: 0n,
    parent: hash,
    heads: [],
    depositCursor: GENESIS_DEPOSIT_CURSOR,
    timeMs: 0,
    stateRoot: toHex(state.tree().root()) as Hash,
    totals: state.totals,
    withdrawalRoot: toHex(withdrawalRoot(state.withdrawals())) as Hash,
    paramsHash: governanceHash(state.governance),
    isLastOfEpoch: true,
    nextCommitteeHash: registerHash(state.register),
  };
}
