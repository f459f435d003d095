/** Accounts and locks as the pipeline of tasks sees them. */
import {balanceOf, stakeOf} from "@catalyze/core/ledger/cell";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import type {AccountView, LockView} from "@catalyze/core/ports/ledger";
import type {AccountId, LockId} from "@catalyze/core/primitives/id";

type States = Pick<LedgerReplica, "view" | "base">;

export function accountViewOf({view, base}: States, id: AccountId): AccountView | undefined {
  const account = view.account(id);
  if (account === undefined) return undefined;
  const agreed = base.account(id);
  return {
    id,
    balance: balanceOf(account),
    staked: stakeOf(account),
    cooling: account.cooling,
    frozen: account.frozen,
    balanceCheckpointed: agreed === undefined ? 0n : balanceOf(agreed),
    seq: account.seq,
  };
}

export function lockViewOf({view}: States, id: LockId): LockView | undefined {
  const lock = view.lock(id);
  if (lock === undefined) return undefined;
  const {payer, spec, paid, awarded, drawn, isClosed} = lock;
  return {id, payer, spec, paid, awarded, drawn, isOpen: !isClosed};
}
