/**
 * The cells and withdrawals of a store against those that the logs lead to, one record at a time in key order.
 * An account of the genesis that nobody touched is in no store.
 */

import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {equalBytes, toHex} from "../primitives/bytes.ts";
import type {AccountId, CellId, LockId} from "../primitives/id.ts";
import type {Cell} from "./cell.ts";
import {decodeCell, encodeCell} from "./cellCodec.ts";
import {type Difference, type DivergentItem, firstDifference, undecodable} from "./divergence.ts";
import type {LedgerState} from "./state.ts";

export type StateDifference = Difference & {readonly item: DivergentItem};

export class StateComparison {
  readonly #state: LedgerState;
  readonly #genesis: LedgerState;
  readonly #cells: readonly CellId[];
  readonly #withdrawals: ReadonlyMap<string, Uint8Array>;
  readonly #addresses: readonly string[];
  #cellsSeen = 0;
  #withdrawalsSeen = 0;

  constructor(state: LedgerState, genesis: LedgerState) {
    this.#state = state;
    this.#genesis = genesis;
    this.#cells = [...state.accounts(), ...state.locks()].map(({id}) => id).sort();
    this.#withdrawals = new Map(
      state
        .withdrawals()
        .map(({address, cumulative}) => [toHex(address), new ByteWriter().u64(cumulative).finish()]),
    );
    this.#addresses = [...this.#withdrawals.keys()];
  }

  cell(id: CellId, bytes: Uint8Array): StateDifference | undefined {
    const skipped = this.#untouched((next) => next < id);
    if (skipped !== undefined) return skipped;
    const cell = cellOf(this.#state, id);
    const isNext = this.#cells[this.#cellsSeen] === id;
    if (cell === undefined || !isNext) {
      const found = cell === undefined ? `${bytes.length} bytes` : "a record out of order";
      return {item: {kind: "cell", id}, field: "cell", expected: "none here", found};
    }
    this.#cellsSeen += 1;
    const difference = equalBytes(encodeCell(cell), bytes) ? undefined : cellDifference(cell, bytes);
    return difference && {item: {kind: "cell", id}, ...difference};
  }

  withdrawal(address: string, bytes: Uint8Array): StateDifference | undefined {
    const expected = this.#addresses[this.#withdrawalsSeen];
    const item = {kind: "withdrawal", address: expected ?? address} as const;
    if (expected !== address) return {item, field: "address", expected: expected ?? "none", found: address};
    this.#withdrawalsSeen += 1;
    const value = this.#withdrawals.get(address);
    if (value !== undefined && equalBytes(value, bytes)) return undefined;
    return {item, ...amounts(value, bytes)};
  }

  /** What is missing after the last record. */
  end(): StateDifference | undefined {
    const address = this.#addresses[this.#withdrawalsSeen];
    const lost: StateDifference | undefined =
      address === undefined
        ? undefined
        : {item: {kind: "withdrawal", address}, ...amounts(this.#withdrawals.get(address), undefined)};
    return this.#untouched(() => true) ?? lost;
  }

  /** Cells that were passed over must be as the genesis made them. */
  #untouched(isPassed: (id: CellId) => boolean): StateDifference | undefined {
    for (
      let id = this.#cells[this.#cellsSeen];
      id !== undefined && isPassed(id);
      id = this.#cells[this.#cellsSeen]
    ) {
      const [cell, before] = [cellOf(this.#state, id), cellOf(this.#genesis, id)];
      const isSame =
        cell !== undefined && before !== undefined && equalBytes(encodeCell(cell), encodeCell(before));
      if (!isSame)
        return {item: {kind: "cell", id}, field: "cell", expected: cell?.kind ?? "a cell", found: "none"};
      this.#cellsSeen += 1;
    }
    return undefined;
  }
}

function cellOf(state: LedgerState, id: CellId): Cell | undefined {
  return state.account(id as AccountId) ?? state.lock(id as LockId);
}

function cellDifference(expected: Cell, bytes: Uint8Array): Difference {
  try {
    return firstDifference(expected, decodeCell(bytes)) ?? undecodable(new Error("other bytes"));
  } catch (error) {
    return undecodable(error);
  }
}

function amounts(expected: Uint8Array | undefined, found: Uint8Array | undefined): Difference {
  return {field: "cumulative", expected: amountText(expected), found: amountText(found)};
}

function amountText(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "none";
  return bytes.length === 8 ? `${new ByteReader(bytes).u64()}` : `${bytes.length} bytes`;
}
