/**
 * Notice (reference/ledger 2.3): the payer of a clock lock says when its clock stops. The end only ever moves
 * closer, and never closer than the next two checkpoints: whatever a vote of this moment rests on, the clock
 * has run so far by then, so no certified claim is disabled. The payee has a lock's usual margin after the end
 * to draw what it is owed; then the lock expires.
 */
import type {AccountId, LockId} from "../primitives/id.ts";
import type {LedgerParams} from "./params.ts";
import type {LedgerState} from "./state.ts";

/** Heights from the checkpoint of the notice to the earliest end. */
export const NOTICE_HEIGHTS_MIN = 2n;

export type Notice = {readonly account: AccountId; readonly lockId: LockId; readonly endH: bigint};

/** Without effect on a lock that has no clock, is not the account's, is closed, or ends no later anyway. */
export function giveNotice(
  state: LedgerState,
  {account, lockId, endH}: Notice,
  {height, params}: {readonly height: bigint; readonly params: LedgerParams},
): void {
  const lock = state.lock(lockId);
  const isHis = lock?.payer === account && lock.spec.authority.kind === "clock";
  if (lock === undefined || !isHis || lock.isClosed) return;
  const earliest = height + NOTICE_HEIGHTS_MIN;
  const end = endH > earliest ? endH : earliest;
  if (end >= lock.endH) return;
  const marginEnd = end + BigInt(params.lockExpiryHeights);
  const expiryH = marginEnd < lock.expiryH ? marginEnd : lock.expiryH;
  state.put({...lock, endH: end, expiryH});
  state.addDue(expiryH + 1n, {kind: "lock", id: lockId});
}
