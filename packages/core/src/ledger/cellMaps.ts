/** The cells of a state by kind, on top of those of the state under it, and which of them the tree has not seen. */
import type {AssetId, CellId} from "../primitives/id.ts";
import type {Cell, CellName, CellOf} from "./cell.ts";
import {CELL_KINDS, encodeCell, leafIdOf, leafOfEncoded} from "./cellCodec.ts";
import {OverlayMap} from "./overlayMap.ts";
import {openIn} from "./potShares.ts";
import type {TreeChange, TreeLeaf} from "./sumTree.ts";

type Kind = Cell["kind"];
type Encoded = {readonly cell: Cell; readonly bytes: Uint8Array};
type OfKinds<Value> = Record<Kind, Value>;

export class CellMaps {
  readonly #maps: OfKinds<OverlayMap<CellId, Cell>>;
  /** `undefined` before `clean` was called: a tree has seen nothing then of what this layer changed. */
  #dirty: Partial<OfKinds<Set<CellId>>> | undefined;
  /** Pots with something to share, by their own ids; derived from the pots, so it is never stored. */
  readonly #openPots: OverlayMap<AssetId, AssetId>;
  /** Of a fork: what will be stored when it is final. */
  readonly #encoded: Partial<OfKinds<Map<CellId, Encoded>>> | undefined;

  constructor(parent: CellMaps | undefined) {
    const over = parent === undefined ? undefined : parent.#maps;
    // Forks are many and change little: each of them must cost next to nothing.
    this.#maps = {
      account: new OverlayMap(over?.account),
      lock: new OverlayMap(over?.lock),
      asset: new OverlayMap(over?.asset),
      holding: new OverlayMap(over?.holding),
      sale: new OverlayMap(over?.sale),
      pot: new OverlayMap(over?.pot),
    };
    this.#openPots = new OverlayMap(parent === undefined ? undefined : parent.#openPots);
    this.#encoded = parent && {};
  }

  get<K extends Kind>(kind: K, id: CellId): CellOf<K> | undefined {
    return this.#maps[kind].get(id) as CellOf<K> | undefined;
  }

  put(cell: Cell): void {
    this.#maps[cell.kind].set(cell.id, cell);
    this.#touch(cell.kind, cell.id);
    if (cell.kind !== "pot") return;
    if (openIn(cell) > 0n) this.#openPots.set(cell.id, cell.id);
    else this.#openPots.delete(cell.id);
  }

  remove({kind, id}: CellName): void {
    this.#maps[kind].delete(id);
    this.#touch(kind, id);
    if (kind === "pot") this.#openPots.delete(id);
  }

  /** By id. */
  openPots(): readonly AssetId[] {
    return [...this.#openPots.values()].sort();
  }

  /** In no order. */
  values<K extends Kind>(kind: K): Iterable<CellOf<K>> {
    return this.#maps[kind].values() as Iterable<CellOf<K>>;
  }

  /** By kind. */
  *all(): Generator<Cell> {
    for (const kind of CELL_KINDS) yield* this.#maps[kind].values();
  }

  changes(): {readonly cells: readonly Cell[]; readonly removed: readonly CellName[]} {
    const cells: Cell[] = [];
    const removed: CellName[] = [];
    for (const kind of CELL_KINDS) {
      for (const [id, cell] of this.#maps[kind].changes()) {
        if (cell === undefined) removed.push({kind, id});
        else cells.push(cell);
      }
    }
    return {cells, removed};
  }

  commit(): void {
    for (const kind of CELL_KINDS) this.#maps[kind].commit();
    this.#openPots.commit();
  }

  /** What a tree lacks that was made when `clean` was called last. */
  *treeChanges(): Generator<TreeChange> {
    for (const kind of CELL_KINDS) {
      for (const id of this.#unseen(kind)) {
        const cell = this.get(kind, id);
        yield {id: leafIdOf(kind, id), leaf: cell && this.#leafOf(cell)};
      }
    }
  }

  /** Canonical bytes, kept where the tree of a fork needed them. */
  encoded(cell: Cell): Uint8Array {
    const known = this.#encoded?.[cell.kind]?.get(cell.id);
    return known?.cell === cell ? known.bytes : encodeCell(cell);
  }

  #leafOf(cell: Cell): TreeLeaf {
    const bytes = encodeCell(cell);
    if (this.#encoded !== undefined) {
      this.#encoded[cell.kind] ??= new Map();
      this.#encoded[cell.kind]?.set(cell.id, {cell, bytes});
    }
    return leafOfEncoded(cell, bytes);
  }

  *#unseen(kind: Kind): Generator<CellId> {
    if (this.#dirty !== undefined) yield* this.#dirty[kind] ?? [];
    else for (const [id] of this.#maps[kind].changes()) yield id;
  }

  #touch(kind: Kind, id: CellId): void {
    if (this.#dirty === undefined) return;
    this.#dirty[kind] ??= new Set();
    this.#dirty[kind].add(id);
  }

  clean(): void {
    this.#dirty = {};
  }
}
