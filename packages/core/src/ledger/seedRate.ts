/**
 * The royalty rate of a seed. It says what claims for the seed should leave in its pot; locks fix their split when
 * they open, so no op reads it. Its issuer may change it (`govern`): everybody knows the new rate for the rest of
 * the epoch, and it counts from the next one on.
 */
import type {AccountId, AssetId} from "../primitives/id.ts";
import type {AssetCell} from "./cell.ts";
import type {AssetKind} from "./op.ts";
import {BPS_WHOLE} from "./split.ts";
import type {LedgerState} from "./state.ts";

/** Basis points in force in an epoch, this one or a later one. */
export function royaltyAt({royaltyBps, nextBps, nextEpoch}: AssetCell, epoch: number): number {
  return epoch < nextEpoch ? royaltyBps : nextBps;
}

/** A right pays nobody. */
export function royaltyProblem(asset: AssetKind, royaltyBps: number): "royalty" | undefined {
  const royaltyMax = asset === "seed" ? BPS_WHOLE : 0;
  return royaltyBps > royaltyMax ? "royalty" : undefined;
}

export type RateWish = {readonly account: AccountId; readonly asset: AssetId; readonly royaltyBps: number};

/** Without effect unless the account issued this seed. The last word in an epoch counts. */
export function setRate(
  state: LedgerState,
  {account, asset: id, royaltyBps: nextBps}: RateWish,
  epoch: number,
): void {
  const asset = state.asset(id);
  if (asset?.issuer !== account || asset.asset !== "seed") return;
  state.put({...asset, royaltyBps: royaltyAt(asset, epoch), nextBps, nextEpoch: epoch + 1});
}
