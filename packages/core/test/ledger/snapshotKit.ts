/** States and snapshots for tests: the work of real ops, and as many more cells as wanted. */

import {sha256} from "@catalyze/core/crypto/sha256";
import {apply, enabled} from "@catalyze/core/ledger/apply";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import type {FinalCheckpoint} from "@catalyze/core/ledger/finality";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {makeSnapshot, snapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import type {Op} from "@catalyze/core/ledger/op";
import {post} from "@catalyze/core/ledger/postings";
import type {SnapshotHead} from "@catalyze/core/ledger/snapshot";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {withdrawalRoot} from "@catalyze/core/ledger/withdrawals";
import {toHex, utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId, Hash} from "@catalyze/core/primitives/id";
import {testGenesis} from "./kit.ts";

/** What these ops leave, as far as they apply, with so many strangers and some µCTZ in the treasury. */
export function stateAfter(ops: readonly Op[], strangers: number, treasury = 0n): LedgerState {
  const state = genesisState(testGenesis);
  for (const op of ops) if (enabled(state, op, {height: 1n}).ok) apply(state, op, {height: 1n});
  for (let at = 0; at < strangers; at += 1) {
    const id = toHex(sha256(utf8(`stranger ${at}`))) as AccountId;
    post(state, [
      {bucket: "account", id, amount: BigInt(at) + 1n},
      {bucket: "deposited", amount: BigInt(at) + 1n},
    ]);
  }
  post(state, [
    {bucket: "treasury", amount: treasury},
    {bucket: "deposited", amount: treasury},
  ]);
  return state;
}

/** The last checkpoint of an epoch with this state; nobody signed it. */
export function finalOf(state: LedgerState, height = 15n): FinalCheckpoint {
  const checkpoint = {
    ...genesisCheckpoint(testGenesis, state),
    height,
    epoch: 1,
    withdrawalRoot: toHex(withdrawalRoot(state.withdrawals())) as Hash,
  };
  return {checkpoint, hash: checkpointHash(checkpoint), iteration: 1, signatures: []};
}

export type Snapshot = {readonly head: SnapshotHead; readonly chunks: readonly Uint8Array[]};

export function snapshotOf(state: LedgerState, cellsBytesMax?: number, height?: bigint): Snapshot {
  const chunks: Uint8Array[] = [];
  const steps = makeSnapshot(snapshotSource(state, finalOf(state, height)), cellsBytesMax);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return {head: step.value, chunks};
    if (step.value !== undefined) chunks[step.value.index] = step.value.chunk;
  }
}
