/** Routes of assets, offers of sale, and of what the ledger has under an id. */
import {Type} from "typebox";
import {limit, route} from "./route.ts";
import {
  AssetBurnBody,
  AssetList,
  AssetSendBody,
  HarvestBody,
  HarvestView,
  IssueBody,
  IssuedView,
  OfferedView,
  RateBody,
  RateView,
  SaleBody,
  SaleList,
} from "./schema/asset.ts";
import {CellsView} from "./schema/cell.ts";
import {HashText} from "./schema/fields.ts";
import {OpView} from "./schema/money.ts";

export const ASSET_ROUTES = {
  walletAssets: route({
    method: "GET",
    path: "/api/v1/wallet/assets",
    summary: "Assets that this account holds or issued",
    response: AssetList,
  }),
  walletIssue: route({
    method: "POST",
    path: "/api/v1/wallet/assets/issue",
    summary: "Make an asset, all units of it this account's; answers once certified",
    body: IssueBody,
    response: IssuedView,
  }),
  walletSendUnits: route({
    method: "POST",
    path: "/api/v1/wallet/assets/send",
    summary: "Give units of an asset to an account; answers once certified",
    body: AssetSendBody,
    response: OpView,
  }),
  walletBurnUnits: route({
    method: "POST",
    path: "/api/v1/wallet/assets/burn",
    summary: "Burn units of an asset: they are nobody's any more; answers once certified",
    body: AssetBurnBody,
    response: OpView,
  }),
  walletHarvest: route({
    method: "POST",
    path: "/api/v1/wallet/assets/harvest",
    summary: "Take what units of seeds have earned; answers once certified",
    body: HarvestBody,
    response: HarvestView,
  }),
  walletRate: route({
    method: "POST",
    path: "/api/v1/wallet/assets/rate",
    summary: "Set the royalty rate of a seed that this account issued; answers once certified",
    body: RateBody,
    response: RateView,
  }),
  walletSell: route({
    method: "POST",
    path: "/api/v1/wallet/sales",
    summary:
      "Offer one lot for another: set aside until it is matched, or comes back; answers once certified",
    body: SaleBody,
    response: OfferedView,
  }),
  walletSales: route({
    method: "GET",
    path: "/api/v1/wallet/sales",
    summary: "Own offers, and those of others that this account could meet; with isAll every open one",
    query: Type.Object({limit, isAll: Type.Optional(Type.Boolean())}),
    response: SaleList,
  }),
  ledgerCells: route({
    method: "GET",
    path: "/api/v1/ledger/cells/{id}",
    summary: "What the ledger has under an id: an account, a lock, an offer, an asset or a holding",
    params: Type.Object({id: HashText}),
    response: CellsView,
  }),
};
