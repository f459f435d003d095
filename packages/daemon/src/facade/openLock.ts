import type {LockOpenedView} from "@catalyze/api/schema/lock";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {LockSpec} from "@catalyze/core/ledger/op";
import type {OpId} from "@catalyze/core/primitives/id";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import {opView, timeAt} from "./ledgerViews.ts";

/** Opens one lock of this node's account; answers once certified. */
export async function openLock(spec: LockSpec, ledger: LedgerNode): Promise<LockOpenedView> {
  const view = opView(await ledger.submit(ledger.account, {kind: "open", locks: [spec]}), ledger);
  const [lockId] = ledger.lockIdsOf(view.opId as OpId, 1);
  if (lockId === undefined) throw new CodedError("INTERNAL", {evidence: {opId: view.opId}});
  const {expiryH} = spec;
  return {...view, lockId, expiryHeight: expiryH.toString(), expiresAtMs: timeAt(ledger, expiryH)};
}
