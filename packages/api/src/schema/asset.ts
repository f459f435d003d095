/** Assets, what accounts hold of them, and offers of sale. */
import {type Static, Type} from "typebox";
import {AccountText, Big, Bps, Count, GradeText, HashText, TimeMs, Uctz, Units} from "./fields.ts";
import {MemoText, OpView} from "./money.ts";

const AssetKindText = Type.Union([Type.Literal("seed"), Type.Literal("right")]);

const aboutAsset = {
  assetId: HashText,
  kind: AssetKindText,
  /** SHA-256 of what it stands for: a manifest, terms. */
  contentHash: HashText,
  /** Of what is paid for the product, in force now; 0 for a right. */
  royaltyBps: Bps,
  /** Its issuer has set another, and from which epoch on that counts. */
  nextRoyalty: Type.Optional(Type.Object({bps: Bps, epoch: Count, startsAtMs: TimeMs})),
  issuer: AccountText,
  /** Units that were issued, and those that holders burned since. */
  supply: Big,
  burned: Big,
};

/** What the units of one account earn from the pot of their seed. */
const royalties = {
  /** Ours to harvest now. */
  harvestableUctz: Uctz,
  /** What would be added if the epoch ended now, as far as it has come. */
  waitingUctz: Uctz,
  /** What was harvested so far. */
  harvestedUctz: Uctz,
};

export const HeldAsset = Type.Object({
  ...aboutAsset,
  isIssuer: Type.Boolean(),
  /** Ours to give, by certified ops. */
  units: Big,
  /** The same at the last checkpoint. */
  unitsCheckpointed: Big,
  /** Set aside in open offers of ours. */
  unitsOffered: Big,
  ...royalties,
});
/** An asset of which this account has units, or royalties, or which it issued. */
export type HeldAsset = Static<typeof HeldAsset>;

export const AssetList = Type.Object({
  height: Big,
  witnesses: Count,
  /** Sorted by id. */
  assets: Type.Array(HeldAsset),
});
export type AssetList = Static<typeof AssetList>;

export const IssueBody = Type.Object(
  {
    kind: AssetKindText,
    supply: Units,
    contentHash: HashText,
    royaltyBps: Type.Optional(Bps),
  },
  {additionalProperties: false},
);
export type IssueBody = Static<typeof IssueBody>;

export const IssuedView = Type.Object({...OpView.properties, assetId: HashText});
export type IssuedView = Static<typeof IssuedView>;

export const RateBody = Type.Object({assetId: HashText, royaltyBps: Bps}, {additionalProperties: false});
export type RateBody = Static<typeof RateBody>;

export const RateView = Type.Object({...OpView.properties, assetId: HashText, bps: Bps, fromEpoch: Count});
/** The rate that counts from an epoch on: the one after the checkpoint that acts on it. */
export type RateView = Static<typeof RateView>;

export const HarvestBody = Type.Object(
  {
    /** Absent: every one that brings more than it costs. */
    assetId: Type.Optional(HashText),
  },
  {additionalProperties: false},
);
export type HarvestBody = Static<typeof HarvestBody>;

export const HarvestView = Type.Object({
  /** What came, before the fee of its op. */
  harvests: Type.Array(Type.Object({...OpView.properties, assetId: HashText, amountUctz: Uctz})),
  /** Seeds that this account holds, or held, after that. */
  waiting: Type.Array(
    Type.Object({
      assetId: HashText,
      ...royalties,
      /** Why nothing of it came: no more than the fee of a harvest is there; or that op was not certified. */
      code: Type.Optional(Type.String({description: "a code of docs/errors.md"})),
    }),
  ),
  epoch: Count,
  /** About when what waits is shared among who holds the units then. */
  epochEndsAtMs: TimeMs,
});
export type HarvestView = Static<typeof HarvestView>;

export const AssetSendBody = Type.Object(
  {assetId: HashText, to: AccountText, units: Units, memo: Type.Optional(MemoText)},
  {additionalProperties: false},
);
export type AssetSendBody = Static<typeof AssetSendBody>;

export const AssetBurnBody = Type.Object({assetId: HashText, units: Units}, {additionalProperties: false});
export type AssetBurnBody = Static<typeof AssetBurnBody>;

export const Lot = Type.Union([
  Type.Object({amountUctz: Uctz}, {additionalProperties: false}),
  Type.Object({assetId: HashText, units: Units}, {additionalProperties: false}),
]);
/** Money, or units of an asset. */
export type Lot = Static<typeof Lot>;

/** An offer that nobody takes holds what it gives until it expires: thirty days at most. */
const SALE_VALID_MS_MAX = 30 * 24 * 3_600_000;

export const SaleBody = Type.Object(
  {
    gives: Lot,
    /** At least, for all of it. */
    wants: Lot,
    /** With nobody else. */
    only: Type.Optional(AccountText),
    /** From now on; what is not matched then comes back. */
    validMs: Type.Integer({minimum: 1, maximum: SALE_VALID_MS_MAX}),
  },
  {additionalProperties: false},
);
export type SaleBody = Static<typeof SaleBody>;

export const OfferedView = Type.Object({
  ...OpView.properties,
  saleId: HashText,
  expiryHeight: Big,
  expiresAtMs: TimeMs,
});
export type OfferedView = Static<typeof OfferedView>;

export const SaleView = Type.Object({
  saleId: HashText,
  seller: AccountText,
  isOwn: Type.Boolean(),
  gives: Lot,
  wants: Lot,
  only: Type.Optional(AccountText),
  /** The last height at which it may be matched, and about when that is. */
  expiryHeight: Big,
  expiresAtMs: TimeMs,
  /** Returned: nobody's offer fitted. Closed ones are forgotten after an epoch. */
  state: Type.Enum(["open", "matched", "returned"]),
  /** The offer that it was matched with. */
  partner: Type.Optional(HashText),
  closedHeight: Type.Optional(Big),
  /** This account has what it wants, and it is open to this account. */
  isInReach: Type.Boolean(),
  grade: GradeText,
});
/** A sale lock. */
export type SaleView = Static<typeof SaleView>;

export const SaleList = Type.Object({
  height: Big,
  /** Our own first, then what is in reach; the next to expire first. */
  sales: Type.Array(SaleView),
});
export type SaleList = Static<typeof SaleList>;

export const AssetView = Type.Object({
  ...aboutAsset,
  /** Of a seed, once somebody has paid for it. */
  pot: Type.Optional(
    Type.Object({
      /** All that ever came. */
      inUctz: Uctz,
      /** All that holders took out, or the treasury, since nobody held units. */
      outUctz: Uctz,
      /** Not shared yet: it is when the epoch ends. */
      waitingUctz: Uctz,
    }),
  ),
  /** Accounts with units, the largest first; at most a hundred. */
  holders: Type.Array(Type.Object({account: AccountText, units: Big})),
  holdersTotal: Count,
});
/** An asset as the ledger has it. */
export type AssetView = Static<typeof AssetView>;

export const HoldingView = Type.Object({
  account: AccountText,
  assetId: HashText,
  units: Big,
  /** All that ever came, and all that went. */
  unitsIn: Big,
  unitsOut: Big,
  unitsOffered: Big,
  ...royalties,
});
export type HoldingView = Static<typeof HoldingView>;
