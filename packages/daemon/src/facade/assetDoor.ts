/** Assets of this node's account, and its offers of sale. */
import type {
  AssetBurnBody,
  AssetList,
  AssetSendBody,
  HarvestBody,
  HarvestView,
  HeldAsset,
  IssueBody,
  IssuedView,
  OfferedView,
  RateBody,
  RateView,
  SaleBody,
  SaleList,
  SaleView,
} from "@catalyze/api/schema/asset";
import type {OpView} from "@catalyze/api/schema/money";
import {hashHex} from "@catalyze/core/crypto/sha256";
import {CodedError} from "@catalyze/core/errors/codedError";
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import {type AssetCell, balanceOf, type SaleCell, ZERO_HASH} from "@catalyze/core/ledger/cell";
import type {Lot, Payload, SaleSpec} from "@catalyze/core/ledger/op";
import {feeOf} from "@catalyze/core/ledger/opChecks";
import {U64_MAX} from "@catalyze/core/primitives/amount";
import {utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId, AssetId, Hash, OpId} from "@catalyze/core/primitives/id";
import type {AssetsFacade} from "../http/nodeFacade.ts";
import {readUctz} from "../http/taskRequest.ts";
import {aboutAsset, type Sight, saleView, unitsHeld} from "./cellViews.ts";
import {harvestAll} from "./harvest.ts";
import {heightIn, opView, timeAt} from "./ledgerViews.ts";
import {royaltiesOf, royaltyFields} from "./royaltyViews.ts";

export class AssetDoor implements AssetsFacade {
  readonly #sight: Sight;

  constructor(sight: Sight) {
    this.#sight = sight;
  }

  async list(): Promise<AssetList> {
    const {ledger, account} = this.#sight;
    const state = ledger.certifiedState();
    const held = [...state.holdings()].filter(
      (cell) =>
        cell.account === account &&
        (balanceOf(cell) > 0n || royaltiesOf(ledger, account, cell.asset).harvestable > 0n),
    );
    const offered = this.#offered();
    const issued = [...state.assets()].filter(({issuer}) => issuer === account);
    const ids = new Set([...held.map(({asset}) => asset), ...offered.keys(), ...issued.map(({id}) => id)]);
    const assets = [...ids].flatMap((id) => {
      const asset = state.asset(id);
      return asset === undefined ? [] : [this.#held(asset, offered.get(id) ?? 0n)];
    });
    const {height, witnesses} = ledger.head();
    assets.sort((left, right) => (left.assetId < right.assetId ? -1 : 1));
    return {height: height.toString(), witnesses, assets};
  }

  async issue({kind, supply, contentHash, royaltyBps = 0}: IssueBody): Promise<IssuedView> {
    if (kind === "right" && royaltyBps > 0)
      throw new CodedError("REQUEST_INVALID", {message: "Only a seed has a royalty: a right pays nobody."});
    const payload: Payload = {
      ...{kind: "issue", asset: kind, content: contentHash as Hash, royaltyBps},
      supply: readUnits(supply),
    };
    const view = await this.#submit(payload);
    return {...view, assetId: assetIdOf(view.opId as OpId)};
  }

  async rate({assetId, royaltyBps}: RateBody): Promise<RateView> {
    const {ledger, account} = this.#sight;
    const asset = this.#seed(assetId);
    if (asset.issuer !== account) throw new CodedError("ASSET_NOT_YOURS", {evidence: {assetId}});
    const wish = {kind: "rate", asset: asset.id, royaltyBps} as const;
    const view = await this.#submit({kind: "govern", wish});
    // The checkpoint that acts on it is the next one.
    return {...view, assetId, bps: royaltyBps, fromEpoch: ledger.epoch + 1};
  }

  async harvest(body: HarvestBody): Promise<HarvestView> {
    if (body.assetId !== undefined) this.#seed(body.assetId);
    return await harvestAll(body, this.#sight);
  }

  async send({assetId, to, units, memo = ""}: AssetSendBody): Promise<OpView> {
    const asset = this.#known(assetId);
    // Memos are public for ever: only their hash goes on the ledger.
    const memoHash = memo === "" ? ZERO_HASH : hashHex(utf8(memo));
    const outputs = [{to: to as AccountId, amount: readUnits(units)}];
    return await this.#submit({kind: "transfer", outputs, memo: memoHash, asset: {id: asset, burn: 0n}});
  }

  async burn({assetId, units}: AssetBurnBody): Promise<OpView> {
    const asset = {id: this.#known(assetId), burn: readUnits(units)};
    return await this.#submit({kind: "transfer", outputs: [], memo: ZERO_HASH, asset});
  }

  async offer({gives, wants, only, validMs}: SaleBody): Promise<OfferedView> {
    const {ledger, account} = this.#sight;
    const expiryH = heightIn(ledger, validMs);
    const spec: SaleSpec = {
      ...{gives: this.#lot(gives), wants: this.#lot(wants)},
      ...{only: only as AccountId | undefined, expiryH, refundTo: account},
    };
    if (spec.gives.asset === spec.wants.asset)
      throw new CodedError("REQUEST_INVALID", {message: "An offer gives one thing and wants another."});
    if (only === account)
      throw new CodedError("REQUEST_INVALID", {message: "An offer only for its own account fits nobody."});
    const view = await this.#submit({kind: "open", locks: [], sales: [spec]});
    const [saleId] = ledger.lockIdsOf(view.opId as OpId, 1);
    if (saleId === undefined) throw new CodedError("INTERNAL", {evidence: {opId: view.opId}});
    return {...view, saleId, expiryHeight: expiryH.toString(), expiresAtMs: timeAt(ledger, expiryH)};
  }

  async sales({limit, isAll}: {readonly limit: number; readonly isAll: boolean}): Promise<SaleList> {
    const {ledger, account} = this.#sight;
    const all = [...ledger.certifiedState().sales()];
    const own = all.filter(({payer}) => payer === account);
    const views = [
      ...own.toSorted(byExpiry).map((sale) => saleView(sale, this.#sight)),
      ...inReachFirst(
        all
          .filter(({payer, isClosed}) => payer !== account && !isClosed)
          .toSorted(byExpiry)
          .map((sale) => saleView(sale, this.#sight)),
      ).filter(({isInReach}) => isAll || isInReach),
    ];
    return {height: ledger.head().height.toString(), sales: views.slice(0, limit)};
  }

  async #submit(payload: Exclude<Payload, {kind: "claim"}>): Promise<OpView> {
    const {ledger, account} = this.#sight;
    const fee = feeOf(payload, ledger.opFee());
    return opView(await ledger.submit(account, payload), ledger, fee);
  }

  #held(asset: AssetCell, offered: bigint): HeldAsset {
    const {ledger, account} = this.#sight;
    const agreed = ledger.checkpointedState().holding(account, asset.id);
    return {
      ...aboutAsset(asset, ledger),
      isIssuer: asset.issuer === account,
      units: unitsHeld(ledger, account, asset.id).toString(),
      unitsCheckpointed: (agreed === undefined ? 0n : balanceOf(agreed)).toString(),
      unitsOffered: offered.toString(),
      ...royaltyFields(royaltiesOf(ledger, account, asset.id)),
    };
  }

  /** Units in open offers of this account. */
  #offered(): ReadonlyMap<AssetId, bigint> {
    const {ledger, account} = this.#sight;
    const offered = new Map<AssetId, bigint>();
    for (const {payer, isClosed, spec} of ledger.certifiedState().sales()) {
      const {asset, amount} = spec.gives;
      if (asset === undefined || isClosed || payer !== account) continue;
      offered.set(asset, (offered.get(asset) ?? 0n) + amount);
    }
    return offered;
  }

  #lot(lot: SaleBody["gives"]): Lot {
    if ("assetId" in lot) return {asset: this.#known(lot.assetId), amount: readUnits(lot.units)};
    const amount = readUctz(lot.amountUctz);
    if (amount === 0n) throw new CodedError("AMOUNT_INVALID", {evidence: {amountUctz: lot.amountUctz}});
    return {asset: undefined, amount};
  }

  /** Only a seed has a pot, and a rate. */
  #seed(id: string): AssetCell {
    const asset = this.#sight.ledger.certifiedState().asset(this.#known(id));
    if (asset?.asset === "seed") return asset;
    throw new CodedError("REQUEST_INVALID", {message: "Only a seed earns royalties: this is a right."});
  }

  /** The ledger would let anybody wait for what nobody issued. */
  #known(id: string): AssetId {
    const asset = this.#sight.ledger.certifiedState().asset(id as AssetId);
    if (asset === undefined) throw new CodedError("ASSET_UNKNOWN", {evidence: {assetId: id}});
    return asset.id;
  }
}

/** The schema allows 20 digits; u64 ends before the largest of those. */
function readUnits(text: string): bigint {
  const units = BigInt(text);
  if (units > 0n && units <= U64_MAX) return units;
  throw new CodedError("UNITS_INVALID", {evidence: {units: text}});
}

function byExpiry(left: SaleCell, right: SaleCell): number {
  if (left.isClosed !== right.isClosed) return left.isClosed ? 1 : -1;
  if (left.spec.expiryH !== right.spec.expiryH) return left.spec.expiryH < right.spec.expiryH ? -1 : 1;
  return left.id < right.id ? -1 : 1;
}

function inReachFirst(views: readonly SaleView[]): readonly SaleView[] {
  return [...views.filter(({isInReach}) => isInReach), ...views.filter(({isInReach}) => !isInReach)];
}
