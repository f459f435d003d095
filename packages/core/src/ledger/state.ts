/**
 * The ledger's state: cells, totals, cumulative withdrawals, the register of witnesses and what votes decide,
 * with the sum tree over the cells. A fork is a free copy on write. While a state has forks in use only `commit`
 * of one may change it; the others are then void. What changes cells is for `postings.ts`, `apply.ts` and the like.
 */
import {assert} from "../errors/assert.ts";
import {fromHex, toHex} from "../primitives/bytes.ts";
import type {AccountId, AssetId, CellId, LockId} from "../primitives/id.ts";
import {finish, type Work} from "../primitives/work.ts";
import {holdingIdOf} from "./assetIds.ts";
import {
  type AccountCell,
  type AssetCell,
  type Cell,
  type CellName,
  type HoldingCell,
  type LockCell,
  type LogCell,
  NO_TOTALS,
  type PotCell,
  type SaleCell,
  type Totals,
} from "./cell.ts";
import {treasuryLeaf} from "./cellCodec.ts";
import {CellMaps} from "./cellMaps.ts";
import {type DueList, dueHeights, namesOf} from "./dueHeights.ts";
import {type Governance, NO_GOVERNANCE} from "./governance.ts";
import {OverlayMap} from "./overlayMap.ts";
import {NO_REGISTER, type Register} from "./register.ts";
import {SaleBook} from "./saleBook.ts";
import type {StateChanges, StateParts} from "./stateParts.ts";
import {SumTree, type TreeChange} from "./sumTree.ts";
import type {Withdrawal} from "./withdrawals.ts";

export class LedgerState {
  readonly #parent: LedgerState | undefined;
  readonly #cells: CellMaps;
  readonly #withdrawals: OverlayMap<string, bigint>;
  /** Height → cells that the system has something to do with then; derived from the cells, so it is never stored. */
  readonly #due: OverlayMap<string, DueList>;
  /** Derived from the sale locks, like what is due. */
  readonly saleBook: SaleBook;
  #totals: Totals;
  #register: Register;
  #governance: Governance;
  /** The tree of an earlier moment of this state. */
  #tree: SumTree | undefined;

  private constructor(parent: LedgerState | undefined) {
    this.#parent = parent;
    this.#cells = new CellMaps(parent === undefined ? undefined : parent.#cells);
    this.saleBook = new SaleBook(parent === undefined ? undefined : parent.saleBook);
    this.#withdrawals = new OverlayMap(parent === undefined ? undefined : parent.#withdrawals);
    this.#due = new OverlayMap(parent === undefined ? undefined : parent.#due);
    this.#totals = parent === undefined ? NO_TOTALS : parent.#totals;
    this.#register = parent === undefined ? NO_REGISTER : parent.#register;
    this.#governance = parent === undefined ? NO_GOVERNANCE : parent.#governance;
  }

  static empty(): LedgerState {
    return new LedgerState(undefined);
  }

  /** From storage. */
  static load({cells, totals, withdrawals, register, governance, tree}: StateParts): LedgerState {
    const state = LedgerState.empty();
    for (const cell of cells) {
      state.put(cell);
      for (const height of dueHeights(cell)) state.addDue(height, cell);
    }
    state.saleBook.load(state.sales());
    for (const {address, cumulative} of withdrawals) state.#withdrawals.set(toHex(address), cumulative);
    state.#totals = totals;
    state.#register = register;
    state.#governance = governance;
    if (tree !== undefined) state.#setTree(tree);
    return state;
  }

  account(id: AccountId): AccountCell | undefined {
    return this.#cells.get("account", id);
  }

  lock(id: LockId): LockCell | undefined {
    return this.#cells.get("lock", id);
  }

  /**
   * The cell whose log an op of this cell is in. Anybody may credit an account under the id of a lock, and
   * nobody has the key of such an account: the lock comes first.
   */
  logCell(id: CellId): LogCell | undefined {
    return this.lock(id) ?? this.account(id);
  }

  /** What an account has of an asset; `undefined` when it never had any. */
  holding(account: AccountId, asset: AssetId): HoldingCell | undefined {
    return this.#cells.get("holding", holdingIdOf(account, asset));
  }

  sale(id: LockId): SaleCell | undefined {
    return this.#cells.get("sale", id);
  }

  asset(id: AssetId): AssetCell | undefined {
    return this.#cells.get("asset", id);
  }

  /** What was paid for an asset; `undefined` when nothing ever was. */
  pot(id: AssetId): PotCell | undefined {
    return this.#cells.get("pot", id);
  }

  cell({kind, id}: CellName): Cell | undefined {
    return this.#cells.get(kind, id);
  }

  /** Every account; like those below in no order. */
  accounts(): Iterable<AccountCell> {
    return this.#cells.values("account");
  }

  /** Every lock that has not been pruned. */
  locks(): Iterable<LockCell> {
    return this.#cells.values("lock");
  }

  sales(): Iterable<SaleCell> {
    return this.#cells.values("sale");
  }

  assets(): Iterable<AssetCell> {
    return this.#cells.values("asset");
  }

  holdings(): Iterable<HoldingCell> {
    return this.#cells.values("holding");
  }

  pots(): Iterable<PotCell> {
    return this.#cells.values("pot");
  }

  /** Those into which something came that is not shared yet, by id. */
  openPots(): readonly AssetId[] {
    return this.#cells.openPots();
  }

  /** Every cell, by kind. */
  cells(): Iterable<Cell> {
    return this.#cells.all();
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** Cells that wait for this height, in no order. */
  dueAt(height: bigint): readonly CellName[] {
    return namesOf(this.#due.get(String(height)));
  }

  /** Who witnesses. */
  get register(): Register {
    return this.#register;
  }

  /** Parameters, proposals and votes. */
  get governance(): Governance {
    return this.#governance;
  }

  /** Cumulative µCTZ that this EVM address (20 bytes) may take from the contract. */
  withdrawnTo(address: Uint8Array): bigint {
    return this.#withdrawals.get(toHex(address)) ?? 0n;
  }

  /** Every EVM address that withdrew, ascending. */
  withdrawals(): Withdrawal[] {
    const all = new Map<string, bigint>();
    this.#collectWithdrawals(all);
    const sorted = [...all].sort(([left], [right]) => (left < right ? -1 : 1));
    return sorted.map(([address, cumulative]) => ({address: fromHex(address), cumulative}));
  }

  fork(): LedgerState {
    return new LedgerState(this);
  }

  /** Moves this fork's changes into the state under it and returns that. Other forks of it are void. */
  commit(): LedgerState {
    const parent = this.#parent;
    assert(parent !== undefined, "a base state has nothing to commit to");
    const tree = this.tree();
    this.#cells.commit();
    this.saleBook.commit();
    this.#withdrawals.commit();
    this.#due.commit();
    parent.#totals = this.#totals;
    parent.#register = this.#register;
    parent.#governance = this.#governance;
    parent.#setTree(tree);
    return parent;
  }

  /** What this fork changed over the state under it. */
  changes(): StateChanges {
    const withdrawals = [...this.#withdrawals.changes()].map(([address, cumulative]) => ({
      address: fromHex(address),
      cumulative: cumulative ?? 0n,
    }));
    const register = this.#register === this.#parent?.register ? undefined : this.#register;
    const governance = this.#governance === this.#parent?.governance ? undefined : this.#governance;
    return {...this.#cells.changes(), withdrawals, register, governance};
  }

  /** The sum tree over every cell and the treasury. Costs what changed since it was last asked for. */
  tree(): SumTree {
    return finish(this.#growTree());
  }

  /** The same with every hash in it, in pieces. The state must not change before the last of them. */
  *hashedTree(): Work<SumTree> {
    const tree = yield* this.#growTree();
    yield* tree.hashing();
    return tree;
  }

  *#growTree(): Work<SumTree> {
    const base = this.#tree ?? this.#parent?.tree() ?? SumTree.EMPTY;
    const tree = yield* base.changing(this.#treeChanges());
    this.#setTree(tree);
    return tree;
  }

  /** A cell's canonical bytes, kept where the tree of a fork needed them. */
  encoded(cell: Cell): Uint8Array {
    return this.#cells.encoded(cell);
  }

  put(cell: Cell): void {
    this.#cells.put(cell);
  }

  remove(name: CellName): void {
    this.#cells.remove(name);
  }

  addDue(height: bigint, {kind, id}: CellName): void {
    const [key, name] = [String(height), {kind, id}];
    this.#due.set(key, {name, before: this.#due.get(key)});
  }

  /** What was due has been done. */
  clearDue(height: bigint): void {
    this.#due.delete(String(height));
  }

  putTotals(totals: Totals): void {
    this.#totals = totals;
  }

  putRegister(register: Register): void {
    this.#register = register;
  }

  putGovernance(governance: Governance): void {
    this.#governance = governance;
  }

  addWithdrawal(address: Uint8Array, amount: bigint): void {
    this.#withdrawals.set(toHex(address), this.withdrawnTo(address) + amount);
  }

  #setTree(tree: SumTree): void {
    this.#tree = tree;
    this.#cells.clean();
  }

  *#treeChanges(): Generator<TreeChange> {
    const treasury = treasuryLeaf(this.#totals.treasury);
    yield {id: treasury.id, leaf: treasury};
    yield* this.#cells.treeChanges();
  }

  #collectWithdrawals(into: Map<string, bigint>): void {
    if (this.#parent !== undefined) this.#parent.#collectWithdrawals(into);
    for (const [address, cumulative] of this.#withdrawals.changes()) into.set(address, cumulative ?? 0n);
  }
}
