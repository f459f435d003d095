/**
 * The ledger's state: cells, totals, cumulative withdrawals, the register of witnesses and what votes decide,
 * with the sum tree over the cells. A fork is a free copy on write, so a live view or a proposal sits on the last checkpoint's state. While a state has
 * forks in use only `commit` of one of them may change it; the other forks are then void.
 *
 * The `put…` methods are for `apply.ts`, `postings.ts` and the checkpoint function.
 */
import {assert} from "../errors/assert.ts";
import {fromHex, toHex} from "../primitives/bytes.ts";
import type {AccountId, CellId, LockId} from "../primitives/id.ts";
import {finish, type Work} from "../primitives/work.ts";
import {type AccountCell, type Cell, type LockCell, NO_TOTALS, type Totals} from "./cell.ts";
import {encodeCell, leafIdOf, leafOfEncoded, treasuryLeaf} from "./cellCodec.ts";
import {type Governance, NO_GOVERNANCE} from "./governance.ts";
import {OverlayMap} from "./overlayMap.ts";
import {NO_REGISTER, type Register} from "./register.ts";
import {SumTree, type TreeChange} from "./sumTree.ts";

export type Withdrawal = {
  /** 20 bytes. */
  readonly address: Uint8Array;
  /** Never falls. */
  readonly cumulative: bigint;
};

/** What a state changed over its base, for storage. Removed locks are listed by id. */
export type StateChanges = {
  readonly cells: readonly Cell[];
  readonly removedLocks: readonly LockId[];
  readonly withdrawals: readonly Withdrawal[];
  /** Both absent when they are as before. */
  readonly register: Register | undefined;
  readonly governance: Governance | undefined;
};

/** A cell that the system has something to do with at a height: expiry, maturity, the end of a freeze. */
export type DueCell = {readonly kind: Cell["kind"]; readonly id: CellId};

export type StateParts = {
  readonly cells: Iterable<Cell>;
  readonly totals: Totals;
  readonly withdrawals: Iterable<Withdrawal>;
  readonly register: Register;
  readonly governance: Governance;
  /** Over these very cells and totals, when it was made already. */
  readonly tree?: SumTree;
};

export class LedgerState {
  readonly #parent: LedgerState | undefined;
  readonly #accounts: OverlayMap<AccountId, AccountCell>;
  readonly #locks: OverlayMap<LockId, LockCell>;
  readonly #withdrawals: OverlayMap<string, bigint>;
  /** Height → cells; derived from the cells, so it is never stored. */
  readonly #due: OverlayMap<string, readonly DueCell[]>;
  #totals: Totals;
  #register: Register;
  #governance: Governance;
  /** The tree of an earlier moment of this state; what changed since is in the two sets. */
  #tree: SumTree | undefined;
  readonly #dirtyAccounts = new Set<AccountId>();
  readonly #dirtyLocks = new Set<LockId>();
  /** Of a fork: what will be stored when it is final. */
  readonly #encoded = new Map<CellId, {readonly cell: Cell; readonly bytes: Uint8Array}>();

  private constructor(parent: LedgerState | undefined) {
    this.#parent = parent;
    this.#accounts = new OverlayMap(parent === undefined ? undefined : parent.#accounts);
    this.#locks = new OverlayMap(parent === undefined ? undefined : parent.#locks);
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
      if (cell.kind === "account") state.putAccount(cell);
      else state.putLock(cell);
      for (const height of dueHeights(cell)) state.addDue(height, cell);
    }
    for (const {address, cumulative} of withdrawals) state.#withdrawals.set(toHex(address), cumulative);
    state.#totals = totals;
    state.#register = register;
    state.#governance = governance;
    if (tree !== undefined) state.#setTree(tree);
    return state;
  }

  account(id: AccountId): AccountCell | undefined {
    return this.#accounts.get(id);
  }

  lock(id: LockId): LockCell | undefined {
    return this.#locks.get(id);
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** Every account, in no order. */
  accounts(): Iterable<AccountCell> {
    return this.#accounts.values();
  }

  /** Cells that wait for this height. */
  dueAt(height: bigint): readonly DueCell[] {
    return this.#due.get(String(height)) ?? [];
  }

  /** Who witnesses. */
  get register(): Register {
    return this.#register;
  }

  /** Parameters, proposals and votes. */
  get governance(): Governance {
    return this.#governance;
  }

  /** Every lock that has not been pruned, in no order. */
  locks(): Iterable<LockCell> {
    return this.#locks.values();
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
    this.#accounts.commit();
    this.#locks.commit();
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
    const cells: Cell[] = [];
    const removedLocks: LockId[] = [];
    for (const [, cell] of this.#accounts.changes()) if (cell !== undefined) cells.push(cell);
    for (const [id, cell] of this.#locks.changes()) {
      if (cell === undefined) removedLocks.push(id);
      else cells.push(cell);
    }
    const withdrawals = [...this.#withdrawals.changes()].map(([address, cumulative]) => ({
      address: fromHex(address),
      cumulative: cumulative ?? 0n,
    }));
    const register = this.#register === this.#parent?.register ? undefined : this.#register;
    const governance = this.#governance === this.#parent?.governance ? undefined : this.#governance;
    return {cells, removedLocks, withdrawals, register, governance};
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
    const known = this.#encoded.get(cell.id);
    return known?.cell === cell ? known.bytes : encodeCell(cell);
  }

  putAccount(cell: AccountCell): void {
    this.#accounts.set(cell.id, cell);
    this.#dirtyAccounts.add(cell.id);
  }

  putLock(cell: LockCell): void {
    this.#locks.set(cell.id, cell);
    this.#dirtyLocks.add(cell.id);
  }

  removeLock(id: LockId): void {
    this.#locks.delete(id);
    this.#dirtyLocks.add(id);
  }

  addDue(height: bigint, {kind, id}: DueCell): void {
    this.#due.set(String(height), [...this.dueAt(height), {kind, id}]);
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
    this.#dirtyAccounts.clear();
    this.#dirtyLocks.clear();
  }

  *#treeChanges(): Generator<TreeChange> {
    const treasury = treasuryLeaf(this.#totals.treasury);
    yield {id: treasury.id, leaf: treasury};
    for (const id of this.#dirtyAccounts) yield this.#changeOf("account", id, this.account(id));
    for (const id of this.#dirtyLocks) yield this.#changeOf("lock", id, this.lock(id));
  }

  #changeOf(kind: Cell["kind"], id: CellId, cell: Cell | undefined): TreeChange {
    if (cell === undefined) return {id: leafIdOf(kind, id), leaf: undefined};
    const bytes = encodeCell(cell);
    if (this.#parent !== undefined) this.#encoded.set(id, {cell, bytes});
    const leaf = leafOfEncoded(cell, bytes);
    return {id: leaf.id, leaf};
  }

  #collectWithdrawals(into: Map<string, bigint>): void {
    if (this.#parent !== undefined) this.#parent.#collectWithdrawals(into);
    for (const [address, cumulative] of this.#withdrawals.changes()) into.set(address, cumulative ?? 0n);
  }
}

/** When the system acts on a cell. */
function dueHeights(cell: Cell): readonly bigint[] {
  const thawing = cell.frozen === undefined ? [] : [cell.frozen.untilH];
  if (cell.kind === "account") {
    const [maturing, accepts] = [cell.cooling.map(({matureH}) => matureH), cell.accepts];
    return [...thawing, ...maturing, ...accepts.map(({untilH}) => untilH)];
  }
  return cell.isClosed ? thawing : [...thawing, cell.expiryH + 1n];
}
