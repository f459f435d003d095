/**
 * The open sale locks that wait for a match, so that finding one takes steps in proportion to the length of a
 * key, however many wait and whoever made them. A book holds what gives one thing and wants another, on terms
 * that a searcher may use all of; it is a binary trie over the amounts wanted whose branches know the best
 * offer below them. Tries are never changed, only made anew along one path, so forks of a state share them.
 */
import type {AccountId, AssetId, Hash, LockId} from "../primitives/id.ts";
import type {SaleCell} from "./cell.ts";
import type {Lot} from "./op.ts";
import {OverlayMap} from "./overlayMap.ts";

type Offer = {
  /** Amount wanted, then id: never the same twice. */
  readonly key: bigint;
  readonly id: LockId;
  readonly gives: bigint;
  readonly sinceH: bigint;
  readonly rank: Hash;
};

type Branch = {readonly bit: bigint; readonly zero: Trie; readonly one: Trie; readonly best: Offer};
type Trie = Offer | Branch;

const ID_BITS = 256n;

/** Sale locks of one checkpoint, in their order; `at`: the first that is not placed yet. */
type Batch = {readonly ids: readonly LockId[]; readonly at: number};

export class SaleBook {
  readonly #parent: SaleBook | undefined;
  readonly #tries: OverlayMap<string, Trie>;
  #queue: readonly Batch[];

  constructor(parent: SaleBook | undefined) {
    this.#parent = parent;
    this.#tries = new OverlayMap(parent === undefined ? undefined : parent.#tries);
    this.#queue = parent === undefined ? [] : parent.#queue;
  }

  /** As they were when the node stopped. */
  load(sales: Iterable<SaleCell>): void {
    const open = [...sales].filter(({isClosed}) => !isClosed);
    for (const sale of open) if (sale.isPlaced) this.place(sale);
    const waiting = open.filter(({isPlaced}) => !isPlaced).sort(byPlace);
    this.enqueue(waiting.map(({id}) => id));
  }

  /** Behind all that wait to be placed. */
  enqueue(ids: readonly LockId[]): void {
    if (ids.length > 0) this.#queue = [...this.#queue, {ids, at: 0}];
  }

  /** Takes the next that wait to be placed, so many at most. */
  dequeue(countMax: number): readonly LockId[] {
    const taken: LockId[] = [];
    while (this.#queue.length > 0 && taken.length < countMax) {
      const [first, ...rest] = this.#queue;
      if (first === undefined) break;
      const end = Math.min(first.ids.length, first.at + countMax - taken.length);
      for (let at = first.at; at < end; at += 1) taken.push(first.ids[at] as LockId);
      this.#queue = end === first.ids.length ? rest : [{...first, at: end}, ...rest];
    }
    return taken;
  }

  place(sale: SaleCell): void {
    const offer = offerOf(sale);
    for (const name of shelvesOf(sale)) this.#set(name, inserted(this.#tries.get(name), offer));
  }

  remove(sale: SaleCell): void {
    const {key} = offerOf(sale);
    for (const name of shelvesOf(sale)) this.#set(name, without(this.#tries.get(name), key));
  }

  /** The one that gives most of those that this one may be matched with; the older one of equal ones. */
  matchFor({payer, spec}: Pick<SaleCell, "payer" | "spec">): LockId | undefined {
    const limit = ((spec.gives.amount + 1n) << ID_BITS) - 1n;
    const pair = {gives: spec.wants, wants: spec.gives, from: spec.only};
    let best: Offer | undefined;
    for (const only of [undefined, payer])
      best = better(best, bestUpTo(this.#tries.get(shelf({...pair, only})), limit));
    return best !== undefined && best.gives >= spec.wants.amount ? best.id : undefined;
  }

  commit(): void {
    this.#tries.commit();
    if (this.#parent !== undefined) this.#parent.#queue = this.#queue;
  }

  #set(name: string, trie: Trie | undefined): void {
    if (trie === undefined) this.#tries.delete(name);
    else this.#tries.set(name, trie);
  }
}

type Shelf = {
  readonly gives: Pick<Lot, "asset">;
  readonly wants: Pick<Lot, "asset">;
  /** Whose; of anybody when absent. */
  readonly from: AccountId | undefined;
  readonly only: AccountId | undefined;
};

function byPlace(left: SaleCell, right: SaleCell): number {
  if (left.sinceH !== right.sinceH) return left.sinceH < right.sinceH ? -1 : 1;
  return left.rank < right.rank ? -1 : 1;
}

function shelf({gives, wants, from, only}: Shelf): string {
  return [nameOf(gives.asset), nameOf(wants.asset), from ?? "", only ?? ""].join("/");
}

function nameOf(asset: AssetId | undefined): string {
  return asset ?? "CTZ";
}

/** Among all of the pair, and among those of its payer. */
function shelvesOf({payer, spec}: SaleCell): readonly string[] {
  return [undefined, payer].map((from) => shelf({...spec, from}));
}

function offerOf({id, spec, sinceH, rank}: SaleCell): Offer {
  const key = (spec.wants.amount << ID_BITS) | BigInt(`0x${id}`);
  return {key, id, gives: spec.gives.amount, sinceH, rank};
}

function better(one: Offer | undefined, other: Offer | undefined): Offer | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  if (one.gives !== other.gives) return one.gives > other.gives ? one : other;
  if (one.sinceH !== other.sinceH) return one.sinceH < other.sinceH ? one : other;
  return one.rank < other.rank ? one : other;
}

function bestOf(trie: Trie): Offer {
  return "bit" in trie ? trie.best : trie;
}

function branch(bit: bigint, zero: Trie, one: Trie): Branch {
  return {bit, zero, one, best: better(bestOf(zero), bestOf(one)) ?? bestOf(zero)};
}

function isOne(key: bigint, bit: bigint): boolean {
  return ((key >> bit) & 1n) === 1n;
}

function inserted(trie: Trie | undefined, offer: Offer): Trie {
  if (trie === undefined) return offer;
  const parts = topBit(bestOf(trie).key ^ offer.key);
  // All keys below a branch agree above its bit.
  if ("bit" in trie && parts <= trie.bit) {
    const {bit, zero, one} = trie;
    return isOne(offer.key, bit)
      ? branch(bit, zero, inserted(one, offer))
      : branch(bit, inserted(zero, offer), one);
  }
  return isOne(offer.key, parts) ? branch(parts, trie, offer) : branch(parts, offer, trie);
}

function topBit(value: bigint): bigint {
  return BigInt(value.toString(2).length - 1);
}

function without(trie: Trie | undefined, key: bigint): Trie | undefined {
  if (trie === undefined || !("bit" in trie)) return trie?.key === key ? undefined : trie;
  const {bit, zero, one} = trie;
  const left = isOne(key, bit) ? zero : without(zero, key);
  const right = isOne(key, bit) ? without(one, key) : one;
  return left === undefined || right === undefined ? (left ?? right) : branch(bit, left, right);
}

/** The best of those whose key is at most the limit. */
function bestUpTo(trie: Trie | undefined, limit: bigint): Offer | undefined {
  if (trie === undefined) return undefined;
  if (!("bit" in trie)) return trie.key <= limit ? trie : undefined;
  const {bit, best, zero, one} = trie;
  const first = (best.key >> (bit + 1n)) << (bit + 1n);
  if (limit < first) return undefined;
  if (limit >= first + (2n << bit) - 1n) return best;
  return isOne(limit, bit) ? better(bestOf(zero), bestUpTo(one, limit)) : bestUpTo(zero, limit);
}
