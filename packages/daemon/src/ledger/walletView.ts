/** What the wallet reads of the own replica. */
import {balanceOf} from "@catalyze/core/ledger/cell";
import {safeFee} from "@catalyze/core/ledger/governance";
import type {Op, OpBody} from "@catalyze/core/ledger/op";
import {isFeeEnough} from "@catalyze/core/ledger/opChecks";
import {harvestOf} from "@catalyze/core/ledger/pots";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {U64_MAX} from "@catalyze/core/primitives/amount";
import type {AccountId, CellId} from "@catalyze/core/primitives/id";
import type {WalletView} from "./draftOp.ts";
import type {SlotHead} from "./wallet.ts";

/** Where a cell's log stands. */
function headIn(state: LedgerState, id: CellId): SlotHead | undefined {
  const cell = state.logCell(id);
  return cell === undefined ? undefined : {seq: cell.seq, opId: cell.head};
}

/** The same for what is to be dropped: nothing more comes of a closed lock's log. */
export function agreedHead(state: LedgerState, id: CellId): SlotHead | undefined {
  const head = headIn(state, id);
  return head !== undefined && state.lock(id)?.isClosed === true ? {...head, seq: U64_MAX} : head;
}

export function walletView(replica: LedgerReplica): WalletView {
  return {
    epoch: () => replica.epoch,
    opFee: () => safeFee(replica.base.governance, replica.epoch),
    headOf: (id) => headIn(replica.view, id),
    fundsOf(id) {
      const cell = replica.view.account(id);
      return cell === undefined ? undefined : balanceOf(cell);
    },
    unitsOf(id, asset) {
      const holding = replica.view.holding(id, asset);
      return holding === undefined ? 0n : balanceOf(holding);
    },
    harvestOf: (id, asset) => harvestOf(replica.view, id, {kind: "harvest", asset}),
    lock: (id) => replica.view.lock(id),
    account: (id) => replica.view.account(id),
    height: () => replica.checkpoint.height,
  };
}

/** Its slot is taken. */
export function isSettled({body}: Op, view: WalletView): boolean {
  return (view.headOf(body.cell)?.seq ?? 0n) >= body.seq;
}

/** By what was agreed: else nobody honest votes for it, and its slot can be used again. */
export function isPaid(body: OpBody, {base: state, epoch}: Pick<LedgerReplica, "base" | "epoch">): boolean {
  return isFeeEnough(body, {state, epoch});
}

/** Of the account, or of a lock that it claims on. Asked for each of a checkpoint's thousands of ops. */
export function isOwnCell({body}: Op, account: AccountId, replica: LedgerReplica): boolean {
  if (body.payload.kind !== "claim") return body.cell === account;
  return replica.view.lock(body.cell)?.spec.controller === account;
}
