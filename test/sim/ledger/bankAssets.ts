/** The part of the simulated bank that keeps assets: who has how many units of what. */
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import type {Op, Payload} from "@catalyze/core/ledger/op";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {AssetId, CellId} from "@catalyze/core/primitives/id";
import type {Holder} from "./bankRoyalties.ts";

type Give = Extract<Payload, {kind: "transfer"}>;
type Issue = Extract<Payload, {kind: "issue"}>;

/** In force from its epoch on. */
type Rate = {readonly epoch: number; readonly bps: number};
type Known = {readonly issuer: CellId; readonly about: Issue; readonly rates: Rate[]; burned: bigint};

export class BankAssets {
  readonly #assets = new Map<AssetId, Known>();
  /** By account and asset. */
  readonly #units = new Map<string, bigint>();

  issue({id, body}: Op, about: Issue): void {
    const asset = assetIdOf(id);
    if (this.#assets.has(asset)) throw new Error(`bank: asset ${asset} was issued twice`);
    const rates = [{epoch: 0, bps: about.royaltyBps}];
    this.#assets.set(asset, {issuer: body.cell, about, rates, burned: 0n});
    this.move(body.cell, asset, about.supply);
  }

  give(from: CellId, {outputs, asset}: Give): void {
    const known = asset && this.#assets.get(asset.id);
    if (asset === undefined || known === undefined) throw new Error("bank: units of what nobody issued");
    known.burned += asset.burn;
    this.move(from, asset.id, -asset.burn);
    for (const {to, amount} of outputs) {
      this.move(from, asset.id, -amount);
      this.move(to, asset.id, amount);
    }
  }

  move(account: CellId, asset: AssetId, units: bigint): void {
    const key = `${account}/${asset}`;
    const after = (this.#units.get(key) ?? 0n) + units;
    if (after < 0n) throw new Error(`bank: ${account} gave units that it has not`);
    this.#units.set(key, after);
  }

  /** What its issuer wants to earn from the next epoch on. */
  rate({body: {cell, payload}}: Op, epoch: number): void {
    const wish = payload.kind === "govern" && payload.wish.kind === "rate" ? payload.wish : undefined;
    const known = wish && this.#assets.get(wish.asset);
    if (wish === undefined || known?.issuer !== cell || known.about.asset !== "seed") return;
    known.rates.push({epoch: epoch + 1, bps: wish.royaltyBps});
  }

  /** Of a seed, as far as they are not on sale. */
  holdersOf(seed: AssetId): readonly Holder[] {
    if (this.#assets.get(seed)?.about.asset !== "seed") return [];
    return [...this.#units].flatMap(([key, units]) => {
      const [account, asset] = key.split("/") as [CellId, AssetId];
      return asset === seed ? [{account, units}] : [];
    });
  }

  compare(state: LedgerState, epoch: number): void {
    const left = new Map(this.#units);
    for (const {id, spec, ...sale} of state.sales())
      same(`sale lock ${id}`, sale.in - sale.out, sale.isClosed ? 0n : spec.gives.amount);
    for (const {account, asset, ...held} of state.holdings()) {
      const key = `${account}/${asset}`;
      same(`units ${key}`, held.in - held.out, left.get(key));
      left.delete(key);
    }
    if (left.size > 0) throw new Error(`bank: units are lost: ${[...left.keys()].join(", ")}`);
    const assets = [...state.assets()];
    same("assets", BigInt(assets.length), BigInt(this.#assets.size));
    for (const {id, issuer, supply, burned, content, ...rate} of assets) {
      const known = this.#assets.get(id);
      same(`supply of ${id}`, supply, known?.about.supply);
      same(`burned of ${id}`, burned, known?.burned);
      const isSame = known?.issuer === issuer && known.about.content === content;
      if (!isSame) throw new Error(`bank: asset ${id} is another`);
      for (const at of [epoch, epoch + 1, epoch + 9]) {
        const is = at < rate.nextEpoch ? rate.royaltyBps : rate.nextBps;
        const should = known.rates.findLast((each) => each.epoch <= at)?.bps;
        if (is !== should) throw new Error(`bank: rate of ${id} in ${at} is ${is}, should be ${should}`);
      }
    }
  }
}

/** How many fees of an op it pays at least. */
export function cellsPaidBy(payload: Payload): bigint {
  if (payload.kind === "issue") return payload.asset === "seed" ? 4n : 3n;
  if (payload.kind === "open") return 1n + 2n * BigInt(payload.sales?.length ?? 0);
  if (payload.kind !== "transfer" || payload.asset === undefined) return 1n;
  return 1n + BigInt(payload.outputs.length);
}

function same(what: string, is: bigint, should: bigint | undefined): void {
  if (is !== should) throw new Error(`bank: ${what} is ${is}, should be ${should}`);
}
