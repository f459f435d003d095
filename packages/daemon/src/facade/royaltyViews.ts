/** What seeds earn, as the ledger counts it, by certified ops. */
import type {AssetView, HeldAsset} from "@catalyze/api/schema/asset";
import type {AssetCell} from "@catalyze/core/ledger/cell";
import {harvestable, openIn, sharedAmong} from "@catalyze/core/ledger/potShares";
import {royaltyAt} from "@catalyze/core/ledger/seedRate";
import type {AccountId, AssetId} from "@catalyze/core/primitives/id";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import {epochEndMs} from "./ledgerViews.ts";

/** µCTZ of one account in the pot of one asset. */
export type Royalties = {
  readonly harvestable: bigint;
  /** That would be added if the epoch ended now. */
  readonly waiting: bigint;
  readonly harvested: bigint;
};

export function royaltiesOf(ledger: LedgerNode, account: AccountId, id: AssetId): Royalties {
  const state = ledger.certifiedState();
  const [holding, pot, asset] = [state.holding(account, id), state.pot(id), state.asset(id)];
  if (holding === undefined) return {harvestable: 0n, waiting: 0n, harvested: 0n};
  const now = harvestable(holding, pot);
  const units = asset?.asset === "seed" ? asset.supply - asset.burned : 0n;
  const then = pot === undefined || units === 0n ? now : harvestable(holding, sharedAmong(pot, units));
  return {harvestable: now, waiting: then - now, harvested: holding.harvested};
}

export function royaltyFields(
  royalties: Royalties,
): Pick<HeldAsset, "harvestableUctz" | "waitingUctz" | "harvestedUctz"> {
  return {
    harvestableUctz: royalties.harvestable.toString(),
    waitingUctz: royalties.waiting.toString(),
    harvestedUctz: royalties.harvested.toString(),
  };
}

/** The rate in force, and the one that its issuer has set for later. */
export function rateFields(
  asset: AssetCell,
  ledger: LedgerNode,
): Pick<HeldAsset, "royaltyBps" | "nextRoyalty"> {
  const {nextBps: bps, nextEpoch: epoch} = asset;
  const royaltyBps = royaltyAt(asset, ledger.epoch);
  if (epoch <= ledger.epoch || bps === royaltyBps) return {royaltyBps};
  return {royaltyBps, nextRoyalty: {bps, epoch, startsAtMs: epochEndMs(ledger, epoch - 1)}};
}

export function potView(ledger: LedgerNode, id: AssetId): AssetView["pot"] {
  const pot = ledger.certifiedState().pot(id);
  if (pot === undefined) return undefined;
  return {
    inUctz: pot.in.toString(),
    outUctz: pot.out.toString(),
    waitingUctz: openIn(pot).toString(),
  };
}
