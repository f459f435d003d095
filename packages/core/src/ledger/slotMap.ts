/** Something for each slot: a cell's log and a place in it. */
import type {CellId} from "../primitives/id.ts";

export type Slot = {readonly cell: CellId; readonly seq: bigint};

/** Numbers are found several times faster than bigints, which only places stay that no honest log reaches. */
type Place = number | bigint;

export class SlotMap<Value> {
  readonly #cells = new Map<CellId, Map<Place, Value>>();

  /** Anything of this cell. */
  has(cell: CellId): boolean {
    return this.#cells.has(cell);
  }

  get({cell, seq}: Slot): Value | undefined {
    return this.#cells.get(cell)?.get(placeOf(seq));
  }

  set({cell, seq}: Slot, value: Value): void {
    const slots = this.#cells.get(cell);
    if (slots === undefined) this.#cells.set(cell, new Map([[placeOf(seq), value]]));
    else slots.set(placeOf(seq), value);
  }

  delete({cell, seq}: Slot): void {
    const slots = this.#cells.get(cell);
    if (slots?.delete(placeOf(seq)) === true && slots.size === 0) this.#cells.delete(cell);
  }

  /** Cells with anything here, in no order. */
  cells(): Iterable<CellId> {
    return this.#cells.keys();
  }

  /** Forgets the slots of a cell up to this one. */
  deleteUpTo({cell, seq}: Slot): void {
    const slots = this.#cells.get(cell);
    if (slots === undefined) return;
    for (const place of slots.keys()) if (place <= seq) slots.delete(place);
    if (slots.size === 0) this.#cells.delete(cell);
  }

  deleteCell(cell: CellId): void {
    this.#cells.delete(cell);
  }

  /** Of one cell, in no order. */
  *of(cell: CellId): Generator<[seq: bigint, value: Value]> {
    for (const [place, value] of this.#cells.get(cell) ?? []) yield [BigInt(place), value];
  }
}

function placeOf(seq: bigint): Place {
  const place = Number(seq);
  return place <= Number.MAX_SAFE_INTEGER ? place : seq;
}
