/**
 * The cells and withdrawals of a store against those that the logs lead to, one record at a time in key order.
 * An account of the genesis that nobody touched is in no store.
 */

import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {equalBytes, toHex} from "../primitives/bytes.ts";
import type {Cell, CellName} from "./cell.ts";
import {decodeCell, encodeCell} from "./cellCodec.ts";
import {type Difference, type DivergentItem, firstDifference, undecodable} from "./divergence.ts";
import type {LedgerState} from "./state.ts";
import {cellKey} from "./storeKeys.ts";

export type StateDifference = Difference & {readonly item: DivergentItem};

export class StateComparison {
  readonly #state: LedgerState;
  readonly #genesis: LedgerState;
  readonly #cells: readonly CellName[];
  readonly #withdrawals: ReadonlyMap<string, Uint8Array>;
  readonly #addresses: readonly string[];
  #cellsSeen = 0;
  #withdrawalsSeen = 0;

  constructor(state: LedgerState, genesis: LedgerState) {
    this.#state = state;
    this.#genesis = genesis;
    const byKey = new Map([...state.cells()].map(({kind, id}) => [cellKey({kind, id}), {kind, id}]));
    this.#cells = [...byKey].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, name]) => name);
    this.#withdrawals = new Map(
      state
        .withdrawals()
        .map(({address, cumulative}) => [toHex(address), new ByteWriter().u64(cumulative).finish()]),
    );
    this.#addresses = [...this.#withdrawals.keys()];
  }

  cell(name: CellName, bytes: Uint8Array): StateDifference | undefined {
    const {id} = name;
    const key = cellKey(name);
    const skipped = this.#untouched((next) => cellKey(next) < key);
    if (skipped !== undefined) return skipped;
    const cell = this.#state.cell(name);
    const next = this.#cells[this.#cellsSeen];
    const isNext = next !== undefined && cellKey(next) === key;
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
  #untouched(isPassed: (name: CellName) => boolean): StateDifference | undefined {
    for (
      let name = this.#cells[this.#cellsSeen];
      name !== undefined && isPassed(name);
      name = this.#cells[this.#cellsSeen]
    ) {
      const {id} = name;
      const [cell, before] = [this.#state.cell(name), this.#genesis.cell(name)];
      const isSame =
        cell !== undefined && before !== undefined && equalBytes(encodeCell(cell), encodeCell(before));
      if (!isSame)
        return {item: {kind: "cell", id}, field: "cell", expected: cell?.kind ?? "a cell", found: "none"};
      this.#cellsSeen += 1;
    }
    return undefined;
  }
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
