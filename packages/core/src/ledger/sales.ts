/**
 * Sale locks (reference/ledger 1, "sale of shares"): each side puts aside what it gives and says what it wants.
 * Nobody writes in their logs: a checkpoint matches two, all of both at once, or they expire and go back. So
 * no certified op can rest on one of them, and matching disables nothing.
 *
 * In the checkpoint after which they are there, new ones get their place in the queue by SHA-256(id ‖ parent),
 * which nobody can choose; so many of the queue are placed, each against the best that waits, or among those
 * that wait. Two that wait side by side never match.
 */
import {sha256} from "../crypto/sha256.ts";
import {assert} from "../errors/assert.ts";
import {fromHex, toHex} from "../primitives/bytes.ts";
import type {AccountId, Hash, LockId} from "../primitives/id.ts";
import type {AccountCell, SaleCell} from "./cell.ts";
import {ZERO_HASH} from "./cell.ts";
import type {Lot, Op, SaleSpec} from "./op.ts";
import {saleIdsOf} from "./opCodec.ts";
import {type Posting, post} from "./postings.ts";
import type {LedgerState} from "./state.ts";
import type {Tell} from "./systemMoves.ts";

/** Placed in one checkpoint: about 0.1 ms each, whatever waits. */
export const SALES_PLACED_MAX = 1_024;

/** What is wrong with terms whatever the state is. An asset that is not there yet may be wanted. */
export function saleProblem({gives, wants, expiryH}: SaleSpec): string | undefined {
  if (gives.amount === 0n || wants.amount === 0n) return "amount";
  if (expiryH === 0n) return "expiry";
  return gives.asset === wants.asset ? "sameAsset" : undefined;
}

/** Puts them there, empty. */
export function openSales(
  state: LedgerState,
  op: Op,
  {payer, height}: {readonly payer: AccountCell; readonly height: bigint},
): void {
  for (const {id, spec} of salesOf(op)) {
    const place = {sinceH: 0n, rank: ZERO_HASH, isPlaced: false};
    const end = {isClosed: false, closedAt: 0n, partner: ZERO_HASH as string as LockId};
    const about = {payer: payer.id, openOp: op.id, spec, exitAddress: payer.exitAddress};
    state.put({kind: "sale", id, in: 0n, out: 0n, ...about, ...place, ...end});
    const expiresAt = spec.expiryH + 1n;
    state.addDue(expiresAt > height ? expiresAt : height, {kind: "sale", id});
  }
}

export function salesOf(
  op: Pick<Op, "id" | "body">,
): readonly {readonly id: LockId; readonly spec: SaleSpec}[] {
  const {payload} = op.body;
  const sales = payload.kind === "open" ? (payload.sales ?? []) : [];
  const ids = saleIdsOf(op);
  return sales.map((spec, index) => ({id: ids[index] as LockId, spec}));
}

export function openingPostings({body}: Op, sales: ReturnType<typeof salesOf>): readonly Posting[] {
  return sales.flatMap(({id, spec}): readonly Posting[] => {
    const {asset, amount} = spec.gives;
    if (asset === undefined) return [{bucket: "sale", id, amount}];
    return [
      {bucket: "holding", id: body.cell, asset, amount: -amount},
      {bucket: "saleUnits", id, asset, amount},
    ];
  });
}

/** Back to where its terms say. */
export function expireSale(
  state: LedgerState,
  id: LockId,
  {height, tell}: {readonly height: bigint; readonly tell: Tell},
): void {
  const sale = state.sale(id);
  if (sale === undefined || sale.isClosed || sale.spec.expiryH + 1n > height) return;
  if (sale.isPlaced) state.saleBook.remove(sale);
  hand(state, sale, {to: sale.spec.refundTo, partner: undefined, height, tell});
}

export type Matching = {readonly height: bigint; readonly parent: Hash; readonly tell: Tell};

/** Gives new ones their rank, and places what is next. Call when what expires is gone. */
export function matchSales(state: LedgerState, matching: Matching): void {
  const {height, parent} = matching;
  const fresh = state
    .changes()
    .cells.flatMap((cell) => (cell.kind === "sale" && cell.sinceH === 0n && !cell.isClosed ? [cell] : []))
    .map((sale): SaleCell => ({...sale, sinceH: height, rank: rankOf(sale.id, parent)}))
    .sort((left, right) => (left.rank < right.rank ? -1 : 1));
  for (const sale of fresh) state.put(sale);
  state.saleBook.enqueue(fresh.map(({id}) => id));
  for (const id of state.saleBook.dequeue(SALES_PLACED_MAX)) placeSale(state, id, matching);
}

function rankOf(id: LockId, parent: Hash): Hash {
  return toHex(sha256(fromHex(id), fromHex(parent))) as Hash;
}

function placeSale(state: LedgerState, id: LockId, {height, tell}: Matching): void {
  const sale = state.sale(id);
  // It may have expired in the queue.
  if (sale === undefined || sale.isClosed) return;
  const match = state.saleBook.matchFor(sale);
  if (match === undefined) {
    const placed = {...sale, isPlaced: true};
    state.put(placed);
    state.saleBook.place(placed);
    return;
  }
  const other = state.sale(match);
  assert(other !== undefined && !other.isClosed, "a sale lock that waits is open");
  state.saleBook.remove(other);
  hand(state, sale, {to: other.payer, partner: other, height, tell});
  hand(state, other, {to: sale.payer, partner: sale, height, tell});
}

type Handing = {
  readonly to: AccountId;
  readonly partner: SaleCell | undefined;
  readonly height: bigint;
  readonly tell: Tell;
};

/** All that it gives, and it is closed. */
function hand(state: LedgerState, sale: SaleCell, {to, partner, height, tell}: Handing): void {
  const {id, spec, payer} = sale;
  post(state, movedOut(id, spec.gives, to));
  const moved = state.sale(id);
  assert(moved !== undefined && moved.in === moved.out, "a closed sale lock is empty");
  const matched = partner === undefined ? (ZERO_HASH as string as LockId) : partner.id;
  state.put({...moved, isClosed: true, closedAt: height, partner: matched});
  const {id: lockId, openOp} = partner ?? sale;
  tell({kind: "sale", lockId, openOp, to, lot: spec.gives, from: partner === undefined ? undefined : payer});
}

function movedOut(id: LockId, {asset, amount}: Lot, to: AccountId): readonly Posting[] {
  if (asset === undefined) {
    return [
      {bucket: "sale", id, amount: -amount},
      {bucket: "account", id: to, amount},
    ];
  }
  return [
    {bucket: "saleUnits", id, asset, amount: -amount},
    {bucket: "holding", id: to, asset, amount},
  ];
}
