/** Cells of the ledger as the doors show them, by certified ops. */
import type {AssetView, HoldingView, Lot as LotView, SaleView} from "@catalyze/api/schema/asset";
import type {AccountView, CellsView} from "@catalyze/api/schema/cell";
import {CodedError} from "@catalyze/core/errors/codedError";
import {
  type AccountCell,
  type AssetCell,
  balanceOf,
  type HoldingCell,
  type SaleCell,
  stakeOf,
  ZERO_HASH,
} from "@catalyze/core/ledger/cell";
import type {Lot} from "@catalyze/core/ledger/op";
import {feeOf} from "@catalyze/core/ledger/opChecks";
import type {AccountId, AssetId, CellId, HoldingId} from "@catalyze/core/primitives/id";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import {gradeOf, timeAt} from "./ledgerViews.ts";
import {type LockSight, lockView} from "./lockView.ts";
import {potView, rateFields, royaltiesOf, royaltyFields} from "./royaltyViews.ts";

/** Whose eyes: offers are in reach of an account, and vouchers are a node's own. */
export type Sight = LockSight & {readonly account: AccountId};

/** Of a list whose length anybody can raise. */
const ITEMS_MAX = 100;

/** Throws `NOT_FOUND`. */
export function cellsView(id: CellId, sight: Sight): CellsView {
  const state = sight.ledger.certifiedState();
  const account = state.account(id);
  const lock = state.lock(id);
  const sale = state.sale(id);
  const asset = state.asset(id);
  const holding = state.cell({kind: "holding", id: id as HoldingId}) as HoldingCell | undefined;
  if ([account, lock, sale, asset, holding].every((cell) => cell === undefined))
    throw new CodedError("NOT_FOUND", {message: "The ledger has nothing under this id.", evidence: {id}});
  return {
    id,
    height: sight.ledger.head().height.toString(),
    ...(account === undefined ? {} : {account: accountView(account, sight)}),
    ...(lock === undefined ? {} : {lock: lockView(lock, sight)}),
    ...(sale === undefined ? {} : {sale: saleView(sale, sight)}),
    ...(asset === undefined ? {} : {asset: assetView(asset, sight)}),
    ...(holding === undefined ? {} : {holding: holdingView(holding, sight)}),
  };
}

function accountView(account: AccountCell, {ledger}: Sight): AccountView {
  const {id, seq, frozen} = account;
  const label = ledger.genesis.accounts.find((each) => each.id === id)?.note;
  const agreed = ledger.checkpointedState().account(id);
  const held = [...ledger.certifiedState().holdings()].filter(
    (cell) => cell.account === id && balanceOf(cell) > 0n,
  );
  return {
    account: id,
    balanceUctz: balanceOf(account).toString(),
    balanceCheckpointedUctz: (agreed === undefined ? 0n : balanceOf(agreed)).toString(),
    stakedUctz: stakeOf(account).toString(),
    ...(frozen === undefined ? {} : {frozenUntilHeight: frozen.untilH.toString()}),
    ops: seq.toString(),
    ...(label === undefined ? {} : {label}),
    holdings: mostFirst(held).map((cell) => ({assetId: cell.asset, units: balanceOf(cell).toString()})),
    holdingsTotal: held.length,
  };
}

/** What is the same for whoever asks. */
export function aboutAsset(cell: AssetCell, ledger: LedgerNode) {
  const {id, asset, content, issuer, supply, burned} = cell;
  return {
    ...{assetId: id, kind: asset, contentHash: content, issuer},
    ...rateFields(cell, ledger),
    supply: supply.toString(),
    burned: burned.toString(),
  };
}

function assetView(asset: AssetCell, {ledger}: Sight): AssetView {
  const held = [...ledger.certifiedState().holdings()].filter(
    (cell) => cell.asset === asset.id && balanceOf(cell) > 0n,
  );
  const pot = potView(ledger, asset.id);
  return {
    ...aboutAsset(asset, ledger),
    ...(pot === undefined ? {} : {pot}),
    holders: mostFirst(held).map((cell) => ({account: cell.account, units: balanceOf(cell).toString()})),
    holdersTotal: held.length,
  };
}

function mostFirst(held: readonly HoldingCell[]): readonly HoldingCell[] {
  const sorted = held.toSorted((left, right) => {
    const [most, least] = [balanceOf(left), balanceOf(right)];
    if (most !== least) return most > least ? -1 : 1;
    return left.id < right.id ? -1 : 1;
  });
  return sorted.slice(0, ITEMS_MAX);
}

function holdingView(cell: HoldingCell, {ledger}: Sight): HoldingView {
  return {
    account: cell.account,
    assetId: cell.asset,
    units: balanceOf(cell).toString(),
    unitsIn: cell.in.toString(),
    unitsOut: cell.out.toString(),
    unitsOffered: cell.onSale.toString(),
    ...royaltyFields(royaltiesOf(ledger, cell.account, cell.asset)),
  };
}

export function saleView(sale: SaleCell, sight: Sight): SaleView {
  const {ledger, account} = sight;
  const {id, payer, spec, partner, isClosed, closedAt} = sale;
  const {gives, wants, only, expiryH} = spec;
  const isMatched = partner !== (ZERO_HASH as string);
  return {
    ...{saleId: id, seller: payer, isOwn: payer === account},
    ...{gives: lotView(gives), wants: lotView(wants)},
    ...(only === undefined ? {} : {only}),
    expiryHeight: expiryH.toString(),
    expiresAtMs: timeAt(ledger, expiryH),
    state: isClosed ? (isMatched ? "matched" : "returned") : "open",
    ...(isMatched ? {partner} : {}),
    ...(isClosed ? {closedHeight: closedAt.toString()} : {}),
    isInReach: isInReach(sale, sight),
    grade: gradeOf(ledger, {kind: "sale", id}),
  };
}

function isInReach({payer, spec: {wants, only}, isClosed}: SaleCell, {ledger, account}: Sight): boolean {
  if (isClosed || payer === account || (only !== undefined && only !== account)) return false;
  const {asset, amount} = wants;
  if (asset !== undefined) return unitsHeld(ledger, account, asset) >= amount;
  const spec = {gives: wants, wants, only, expiryH: 0n, refundTo: account};
  const fee = feeOf({kind: "open", locks: [], sales: [spec]}, ledger.opFee());
  return (ledger.accountView(account)?.balance ?? 0n) >= amount + fee;
}

export function unitsHeld(ledger: LedgerNode, account: AccountId, asset: AssetId): bigint {
  const holding = ledger.certifiedState().holding(account, asset);
  return holding === undefined ? 0n : balanceOf(holding);
}

function lotView({asset, amount}: Lot): LotView {
  return asset === undefined ? {amountUctz: amount.toString()} : {assetId: asset, units: amount.toString()};
}
