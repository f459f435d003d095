/** What the ledger has under an id. */
import {type Static, Type} from "typebox";
import {AssetView, HoldingView, SaleView} from "./asset.ts";
import {AccountText, Big, Count, HashText, Uctz} from "./fields.ts";
import {LockView} from "./lock.ts";

export const AccountView = Type.Object({
  account: AccountText,
  balanceUctz: Uctz,
  balanceCheckpointedUctz: Uctz,
  stakedUctz: Uctz,
  frozenUntilHeight: Type.Optional(Big),
  /** Ops in its log. */
  ops: Big,
  /** The genesis calls it so. */
  label: Type.Optional(Type.String()),
  /** Of assets, the most units first; at most a hundred. */
  holdings: Type.Array(Type.Object({assetId: HashText, units: Big})),
  holdingsTotal: Count,
});
export type AccountView = Static<typeof AccountView>;

export const CellsView = Type.Object({
  id: HashText,
  height: Big,
  /** By certified ops. One id may name two: anybody may credit an account under the id of a lock. */
  account: Type.Optional(AccountView),
  lock: Type.Optional(LockView),
  sale: Type.Optional(SaleView),
  asset: Type.Optional(AssetView),
  holding: Type.Optional(HoldingView),
});
export type CellsView = Static<typeof CellsView>;
