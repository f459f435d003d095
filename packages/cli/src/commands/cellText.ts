/** Cells of the ledger for people. */
import type {AssetView, HoldingView, SaleView} from "@catalyze/api/schema/asset";
import type {AccountView, CellsView} from "@catalyze/api/schema/cell";
import type {LockView, Target} from "@catalyze/api/schema/lock";
import {ctz, percent, time} from "../output/format.ts";
import {pairs} from "../output/table.ts";
import {rateText, unitsLeft} from "./assets.ts";
import {lotText} from "./lots.ts";

type Row = readonly [string, string | undefined];

export function cellsText(
  {account, lock, sale, asset, holding, height}: CellsView,
  paint: Parameters<typeof pairs>[1],
): string {
  const parts: readonly (readonly Row[])[] = [
    lock === undefined ? [] : lockRows(lock),
    sale === undefined ? [] : saleRows(sale),
    asset === undefined ? [] : assetRows(asset),
    holding === undefined ? [] : holdingRows(holding),
    account === undefined ? [] : accountRows(account),
  ];
  return pairs([...parts.flat(), ["seen at", `height ${height}`]], paint);
}

function accountRows(account: AccountView): readonly Row[] {
  const {balanceUctz, balanceCheckpointedUctz, stakedUctz, frozenUntilHeight, holdingsTotal} = account;
  return [
    ["account", account.account],
    ["called", account.label],
    ["balance", `${ctz(balanceUctz)} certified, ${ctz(balanceCheckpointedUctz)} checkpointed`],
    ["staked", ctz(stakedUctz)],
    ["frozen", frozenUntilHeight === undefined ? undefined : `until height ${frozenUntilHeight}`],
    ["ops", account.ops],
    ...account.holdings.map(({assetId, units}): Row => ["holds", `${units} units of ${assetId}`]),
    ...moreOf(holdingsTotal - account.holdings.length, "assets"),
  ];
}

export function lockRows(lock: LockView): readonly Row[] {
  const {authority, isOpen, closedHeight, voucherSentUctz, voucherReceivedUctz} = lock;
  return [
    ["lock", lock.lockId],
    ["payer", lock.payer],
    ["payee", authority.kind === "controller" ? undefined : lock.payee],
    ...(authority.judges ?? []).map(({account}): Row => ["judge", account]),
    [
      "amount",
      `${ctz(lock.amountUctz)}, ${ctz(lock.drawnUctz)} drawn, ${ctz(lock.leftUctz)} left (${lock.grade})`,
    ],
    ["awarded", lock.awardedUctz === "0" ? undefined : ctz(lock.awardedUctz)],
    ["pays by", authorityText(authority)],
    ...(lock.split.length < 2 ? [] : lock.split.map((leg): Row => ["share", legText(leg)])),
    [
      "state",
      isOpen
        ? `open until height ${lock.expiryHeight}, about ${time(lock.expiresAtMs)}`
        : `closed at height ${closedHeight ?? "?"}`,
    ],
    ["rest goes to", lock.refundTo],
    ["voucher sent", voucherSentUctz === undefined ? undefined : `up to ${ctz(voucherSentUctz)}`],
    ["voucher got", voucherReceivedUctz === undefined ? undefined : `up to ${ctz(voucherReceivedUctz)}`],
    ["claimable", lock.claimableUctz === "0" ? undefined : ctz(lock.claimableUctz)],
  ];
}

function authorityText(authority: LockView["authority"]): string {
  const {kind, account, rateUctz, startHeight, endHeight} = authority;
  switch (kind) {
    case "controller": {
      const {judges = [], threshold = 1, payees} = authority;
      const who = judges.length === 1 ? "its judge signs" : `${threshold} of ${judges.length} judges sign`;
      return `what ${who}, to ${payees?.map(targetText).join(", ") ?? "anybody"}`;
    }
    case "clock":
      return `clock: ${ctz(rateUctz ?? "0")} a height, from ${startHeight ?? "?"} to ${endHeight ?? "?"}`;
    case "payer":
      return "vouchers of the payer";
    case "key":
      return `vouchers of ${account ?? "a key"}`;
    case "payerOrCommittee":
      return "vouchers of the payer, and verdicts of the committee";
  }
}

function legText({bps, ...target}: LockView["split"][number]): string {
  return `${percent(bps)} to ${targetText(target)}`;
}

export function targetText({target, account, asset}: Target): string {
  switch (target) {
    case "account":
      return account ?? "?";
    case "pot":
      return `the holders of ${asset ?? "?"}`;
    case "treasury":
      return "the treasury";
    case "burn":
      return "nobody (burned)";
  }
}

function saleRows(sale: SaleView): readonly Row[] {
  const {state, expiresAtMs, expiryHeight, partner, closedHeight} = sale;
  const stands = {
    open: `open until height ${expiryHeight}, about ${time(expiresAtMs)}`,
    matched: `matched with ${partner ?? "?"} at height ${closedHeight ?? "?"}`,
    returned: `nobody's offer fitted: it came back at height ${closedHeight ?? "?"} (SALE_UNMATCHED)`,
  };
  return [
    ["sale", sale.saleId],
    ["seller", sale.isOwn ? `${sale.seller} (this account)` : sale.seller],
    ["gives", fullLot(sale.gives)],
    ["wants", fullLot(sale.wants)],
    ["only with", sale.only],
    ["state", `${stands[state]} (${sale.grade})`],
  ];
}

function fullLot(lot: SaleView["gives"]): string {
  return "units" in lot ? `${lot.units} units of ${lot.assetId}` : lotText(lot);
}

function assetRows(asset: AssetView): readonly Row[] {
  return [
    ["asset", asset.assetId],
    ["kind", asset.kind],
    ["issuer", asset.issuer],
    ["stands for", `what has SHA-256 ${asset.contentHash}`],
    ["royalty", asset.kind === "seed" ? rateText(asset) : undefined],
    ["pot", asset.pot === undefined ? undefined : potText(asset.pot)],
    ["units", `${unitsLeft(asset)} of ${asset.supply}, ${asset.burned} burned`],
    ...asset.holders.map(({account, units}): Row => ["held", `${units} by ${account}`]),
    ...moreOf(asset.holdersTotal - asset.holders.length, "holders"),
  ];
}

function potText({inUctz, outUctz, waitingUctz}: NonNullable<AssetView["pot"]>): string {
  return `${ctz(inUctz)} came, ${ctz(outUctz)} taken out, ${ctz(waitingUctz)} to be shared when the epoch ends`;
}

function holdingRows(holding: HoldingView): readonly Row[] {
  const {account, assetId, units, unitsIn, unitsOut, unitsOffered} = holding;
  const {harvestableUctz, harvestedUctz, waitingUctz} = holding;
  return [
    ["holding of", account],
    ["asset", assetId],
    ["units", `${units}: ${unitsIn} came, ${unitsOut} went`],
    ["offered", unitsOffered === "0" ? undefined : unitsOffered],
    [
      "royalties",
      `${ctz(harvestableUctz)} to harvest, ${ctz(waitingUctz)} waiting, ${ctz(harvestedUctz)} harvested`,
    ],
  ];
}

function moreOf(count: number, what: string): readonly Row[] {
  return count > 0 ? [["", `and ${count} more ${what}`]] : [];
}
