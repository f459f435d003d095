/** Takes what an account's units of seeds have earned, where that is more than the fee for it. */
import type {HarvestBody, HarvestView} from "@catalyze/api/schema/asset";
import {CodedError} from "@catalyze/core/errors/codedError";
import {balanceOf} from "@catalyze/core/ledger/cell";
import {feeOf} from "@catalyze/core/ledger/opChecks";
import {formatCtz} from "@catalyze/core/primitives/amount";
import type {AccountId, AssetId} from "@catalyze/core/primitives/id";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import {epochEndMs, opView} from "./ledgerViews.ts";
import {type Royalties, royaltiesOf, royaltyFields} from "./royaltyViews.ts";

/** In one request, the most worth first: as many ops as the wallet has on their way at once. */
const HARVESTS_MAX = 64;
/** Seeds listed as waiting: anybody can give an account units of ever more seeds. */
const WAITING_MAX = 100;

type Owner = {readonly ledger: LedgerNode; readonly account: AccountId};
type Earning = Royalties & {readonly asset: AssetId};
type Came = HarvestView["harvests"][number];

/** Throws `NOTHING_TO_HARVEST` when nothing is worth it, and what stopped the first op when none was certified. */
export async function harvestAll({assetId}: HarvestBody, owner: Owner): Promise<HarvestView> {
  const {ledger} = owner;
  const fee = feeOf({kind: "harvest", asset: (assetId ?? "") as AssetId}, ledger.opFee());
  const earning = earningOf(owner).filter(({asset}) => assetId === undefined || asset === assetId);
  const worth = earning.filter((each) => each.harvestable > fee).slice(0, HARVESTS_MAX);
  if (worth.length === 0) throw nothing(earning, fee);
  const results = await Promise.allSettled(worth.map(({asset}) => harvestOne(asset, owner)));
  const harvests = results.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const refusals = new Map<AssetId, unknown>();
  for (const [index, each] of results.entries()) {
    const asset = worth[index]?.asset;
    if (each.status === "rejected" && asset !== undefined) refusals.set(asset, each.reason);
  }
  const [first] = refusals.values();
  if (harvests.length === 0) throw first;
  const waiting = earningOf(owner)
    .filter(({asset}) => assetId === undefined || asset === assetId)
    .slice(0, WAITING_MAX)
    .map(({asset, ...royalties}) => {
      const code = refusals.has(asset) ? codeOf(refusals.get(asset)) : codeWaiting(royalties);
      return {assetId: asset, ...royaltyFields(royalties), ...(code === undefined ? {} : {code})};
    });
  return {harvests, waiting, epoch: ledger.epoch, epochEndsAtMs: epochEndMs(ledger, ledger.epoch)};
}

/** While one is on its way no other is signed for the same seed, so the difference is what this one brought. */
async function harvestOne(asset: AssetId, {ledger, account}: Owner): Promise<Came> {
  const before = royaltiesOf(ledger, account, asset).harvested;
  const receipt = await ledger.submit(account, {kind: "harvest", asset});
  const amount = royaltiesOf(ledger, account, asset).harvested - before;
  return {...opView(receipt, ledger), assetId: asset, amountUctz: amount.toString()};
}

/** Seeds with something to harvest, or to come, the most first. */
function earningOf({ledger, account}: Owner): readonly Earning[] {
  const own = [...ledger.certifiedState().holdings()].filter(
    (cell) => cell.account === account && (balanceOf(cell) + cell.onSale > 0n || cell.earned > 0n),
  );
  return own
    .map(({asset}) => ({asset, ...royaltiesOf(ledger, account, asset)}))
    .filter(({harvestable, waiting}) => harvestable > 0n || waiting > 0n)
    .toSorted((left, right) => {
      if (left.harvestable !== right.harvestable) return left.harvestable > right.harvestable ? -1 : 1;
      return left.asset < right.asset ? -1 : 1;
    });
}

function nothing(earning: readonly Earning[], fee: bigint): CodedError {
  const sum = (key: "harvestable" | "waiting") => earning.reduce((all, each) => all + each[key], 0n);
  const [harvestable, waiting] = [sum("harvestable"), sum("waiting")];
  const evidence = {harvestableUctz: harvestable, waitingUctz: waiting, feeUctz: fee};
  const there = harvestable === 0n ? "" : ` ${formatCtz(harvestable)} can be harvested: not worth the fee.`;
  const coming = waiting === 0n ? "" : ` ${formatCtz(waiting)} come when the epoch ends.`;
  const message = `A harvest costs ${formatCtz(fee)}, and would bring no more now.${there}${coming}`;
  return new CodedError("NOTHING_TO_HARVEST", {message, evidence});
}

function codeWaiting({harvestable}: Royalties): string | undefined {
  return harvestable > 0n ? "NOTHING_TO_HARVEST" : undefined;
}

function codeOf(error: unknown): string {
  return error instanceof CodedError ? error.code : "INTERNAL";
}
