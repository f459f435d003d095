import type {Op} from "./op.ts";
import type {LedgerState} from "./state.ts";

/** True when the op's slot is taken in this state, or its lock closed: votes for it change nothing any more. */
export function isResolved(state: LedgerState, {body}: Op): boolean {
  if (body.payload.kind !== "claim") return (state.account(body.cell)?.seq ?? 0n) >= body.seq;
  const lock = state.lock(body.cell);
  return lock !== undefined && (lock.isClosed || lock.seq >= body.seq);
}
