/**
 * The part of the simulated bank that keeps sale locks. Which two are matched is the ledger's to say; that both
 * wanted it so, that all moved, and that no two which fit are left beside each other, is not.
 */
import type {Lot, Op, SaleSpec} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {AssetId, CellId, LockId} from "@catalyze/core/primitives/id";
import type {Holder} from "./bankRoyalties.ts";

/** Takes in what a lot says, or gives it out when that is below zero. */
export type Till = (lot: Lot) => void;

type BankSale = {readonly id: LockId; readonly spec: SaleSpec; readonly payer: CellId};
type Hands = {readonly state: LedgerState; readonly tillOf: (account: CellId) => Till};

export class BankSales {
  readonly #open = new Map<LockId, BankSale>();
  /** Pairs that changed hands. */
  matches = 0;

  open({id: opId, body}: Op, till: Till): void {
    const {payload, cell} = body;
    if (payload.kind !== "open") return;
    for (const [index, spec] of (payload.sales ?? []).entries()) {
      const id = lockIdOf(opId, payload.locks.length + index);
      till({...spec.gives, amount: -spec.gives.amount});
      this.#open.set(id, {id, spec, payer: cell});
    }
  }

  /** Units on offer earn for who offers them. */
  offersOf(asset: AssetId): readonly Holder[] {
    return [...this.#open.values()].flatMap(({payer, spec: {gives}}) =>
      gives.asset === asset ? [{account: payer, units: gives.amount}] : [],
    );
  }

  /** What closed up to this height; the state may be of a later one. */
  settle(height: bigint, state: LedgerState, tillOf: Hands["tillOf"]): void {
    // A match takes two out at once.
    for (const sale of [...this.#open.values()]) {
      if (this.#open.has(sale.id)) this.#settleOne(sale, height, {state, tillOf});
    }
  }

  /** No two that wait fit. */
  compare(state: LedgerState): void {
    const waiting = [...this.#open.values()].filter(({id}) => state.sale(id)?.isPlaced === true);
    for (const one of waiting) {
      const other = waiting.find((each) => each !== one && isFitting(one, each));
      if (other !== undefined) throw new Error(`bank: ${one.id} and ${other.id} fit and wait`);
    }
  }

  #settleOne(sale: BankSale, height: bigint, hands: Hands): void {
    const cell = hands.state.sale(sale.id);
    const {expiryH, refundTo, gives} = sale.spec;
    if (cell === undefined) throw new Error(`bank: sale lock ${sale.id} is lost`);
    if (!cell.isClosed) {
      if (height > expiryH) throw new Error(`bank: sale lock ${sale.id} is open beyond its time`);
      return;
    }
    if (cell.closedAt > height) return;
    this.#open.delete(sale.id);
    if (!/^0+$/.test(cell.partner)) {
      this.#match(sale, cell.partner, hands);
      return;
    }
    if (cell.closedAt <= expiryH) throw new Error(`bank: sale lock ${sale.id} went back too early`);
    hands.tillOf(refundTo)(gives);
  }

  #match(one: BankSale, partner: LockId, {state, tillOf}: Hands): void {
    const other = this.#open.get(partner);
    if (other === undefined) throw new Error(`bank: ${one.id} was matched with what was not open`);
    this.#open.delete(partner);
    const [cell, back] = [state.sale(one.id), state.sale(partner)];
    if (back?.partner !== one.id || back.closedAt !== cell?.closedAt)
      throw new Error(`bank: half a match of ${one.id}`);
    if (!isFitting(one, other)) throw new Error(`bank: ${one.id} was matched with what did not fit`);
    if (back.closedAt > one.spec.expiryH || back.closedAt > other.spec.expiryH)
      throw new Error(`bank: ${one.id} was matched after its time`);
    tillOf(one.payer)(other.spec.gives);
    tillOf(other.payer)(one.spec.gives);
    this.matches += 1;
  }
}

function isFitting(one: BankSale, other: BankSale): boolean {
  return isServed(one, other) && isServed(other, one);
}

/** Whether the other gives what this one wants, and is one with whom it wants to. */
function isServed({spec: {wants, only}}: BankSale, {spec: {gives}, payer}: BankSale): boolean {
  return gives.asset === wants.asset && gives.amount >= wants.amount && (only ?? payer) === payer;
}
