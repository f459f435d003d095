/** What the wallet reads of the own replica. */
import {balanceOf} from "@catalyze/core/ledger/cell";
import {voteEpochOf} from "@catalyze/core/ledger/checkpoint";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import type {WalletView} from "./draftOp.ts";

export function walletView(replica: LedgerReplica, {params}: Genesis): WalletView {
  return {
    epoch: () => voteEpochOf({stampH: replica.checkpoint.height}, params),
    headOf(id) {
      const cell = replica.view.account(id) ?? replica.view.lock(id);
      return cell === undefined ? undefined : {seq: cell.seq, opId: cell.head};
    },
    fundsOf(id) {
      const cell = replica.view.account(id);
      return cell === undefined ? undefined : balanceOf(cell);
    },
    lock: (id) => replica.view.lock(id),
    account: (id) => replica.view.account(id),
    height: () => replica.checkpoint.height,
  };
}
