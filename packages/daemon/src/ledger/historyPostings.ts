/** What a list of postings is to one account. */
import type {LockCell} from "@catalyze/core/ledger/cell";
import type {Posting} from "@catalyze/core/ledger/postings";
import type {AccountId, AssetId} from "@catalyze/core/primitives/id";

/** µCTZ. */
export function moneyOf(account: AccountId, postings: readonly Posting[]): bigint {
  const own = postings.filter((posting) => posting.bucket === "account" && posting.id === account);
  return own.reduce((sum, {amount}) => sum + amount, 0n);
}

export function unitsOf(account: AccountId, postings: readonly Posting[]): ReadonlyMap<AssetId, bigint> {
  const units = new Map<AssetId, bigint>();
  for (const posting of postings) {
    if (posting.bucket !== "holding" || posting.id !== account) continue;
    units.set(posting.asset, (units.get(posting.asset) ?? 0n) + posting.amount);
  }
  return units;
}

/** For a lock its other party, for a transfer the first other account. */
export function counterpartyOf(
  account: AccountId,
  postings: readonly Posting[],
  lock: LockCell | undefined,
): AccountId | undefined {
  if (lock !== undefined) return lock.payer === account ? lock.spec.controller : lock.payer;
  for (const posting of postings)
    if ((posting.bucket === "account" || posting.bucket === "holding") && posting.id !== account)
      return posting.id;
  return undefined;
}
