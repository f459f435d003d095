/**
 * What happened to a few accounts, in the order in which this node saw it certified: for `wallet history`.
 * Entries go into the same batch as the step that certified them, so each is there exactly once.
 */

import {debitOf} from "@catalyze/core/ledger/apply";
import type {AccountCell, Cooling, LockCell} from "@catalyze/core/ledger/cell";
import {closePostings, drawPostings, type Standing, standingAfter} from "@catalyze/core/ledger/claims";
import type {Op, Payload} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import type {Posting} from "@catalyze/core/ledger/postings";
import {salesOf} from "@catalyze/core/ledger/sales";
import type {Store, Write} from "@catalyze/core/ports/store";
import type {AccountId, CellId, LockId, OpId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {type Harvested, HarvestWatch, type HarvestWatchComponents} from "./harvestWatch.ts";
import {decodeEntry, encodeEntry, type HistoryEntry, type HistoryKind} from "./historyEntry.ts";
import {SaleWatch, type SaleWatchComponents} from "./saleWatch.ts";

export type OpHistoryComponents = {
  readonly store: Store;
  /** After the step that is being recorded. */
  readonly lock: (id: LockId) => LockCell | undefined;
  readonly locks: () => Iterable<LockCell>;
  readonly sales: SaleWatchComponents;
  readonly harvests: HarvestWatchComponents;
  /** As of the last checkpoint. */
  readonly account: (id: AccountId) => AccountCell | undefined;
};

/** One op, or one closing by the system, and all that it moved. */
type Movement = {
  readonly opId: OpId;
  readonly kind: HistoryKind;
  readonly cell: CellId;
  readonly fee: bigint;
  readonly postings: readonly Posting[];
  readonly lock: LockCell | undefined;
  readonly lockId?: LockId;
  readonly counterparty?: AccountId | undefined;
};

export type SeenAt = {readonly height: bigint; readonly atMs: UnixMs};

const KEY = "lh/";
/** Of one account; the oldest go first. About 110 bytes each. */
const ENTRIES_MAX = 20_000;
const NOTHING_DRAWN: Standing = {paid: 0n, awarded: [], drawn: 0n};

export class OpHistory {
  readonly #components: OpHistoryComponents;
  /** Number of the next entry of each account that is recorded. */
  readonly #next = new Map<AccountId, bigint>();
  /** Where open locks stand that pay or refund a recorded account. */
  readonly #standing = new Map<LockId, Standing>();
  /** Stake of the recorded accounts that was cooling at the last checkpoint. */
  readonly #cooling = new Map<AccountId, readonly Cooling[]>();
  readonly #sales: SaleWatch;
  readonly #harvests: HarvestWatch;

  constructor(components: OpHistoryComponents) {
    this.#components = components;
    const isRecorded = (account: AccountId) => this.#next.has(account);
    this.#sales = new SaleWatch(components.sales, isRecorded);
    this.#harvests = new HarvestWatch(components.harvests, isRecorded);
  }

  /** Call with the restored ledger, before its first step. */
  async start(accounts: readonly AccountId[]): Promise<void> {
    for (const account of accounts) {
      const [last] = await this.#components.store.range(`${KEY}${account}/`, {reverse: true, limit: 1});
      this.#next.set(account, last === undefined ? 0n : numberOf(last[0]) + 1n);
      this.#cooling.set(account, this.#components.account(account)?.cooling ?? []);
    }
    this.#sales.start();
    this.#harvests.start();
    for (const lock of this.#components.locks()) if (!lock.isClosed) this.#watch(lock);
  }

  records(account: AccountId): boolean {
    return this.#next.has(account);
  }

  /** Entries for newly certified ops. */
  onCertified(ops: readonly Op[], at: SeenAt): Write[] {
    for (const {body} of ops) this.#harvests.saw(body.cell, body.payload);
    // Most ops of a network concern none of these accounts.
    return ops.filter((op) => this.#concerns(op)).flatMap((op) => this.#entriesOf(this.#movementOf(op), at));
  }

  #concerns({body: {cell, payload}}: Op): boolean {
    if (payload.kind === "claim") {
      // Whom a free lock pays, it alone says.
      const paid = (payload.payouts ?? []).map(({to}) => to.kind === "cell" && this.#next.has(to.cell));
      return this.#standing.has(cell) || paid.includes(true);
    }
    if (payload.kind === "open" || this.#next.has(cell)) return true;
    if (payload.kind !== "transfer" || payload.asset !== undefined) return false;
    return payload.outputs.some(({to}) => this.#next.has(to));
  }

  /** Entries for what a checkpoint did on its own: locks that expired, stake that cooled down; and what harvests brought. */
  onCheckpoint(at: SeenAt): Write[] {
    return [...this.#expired(at), ...this.#sold(at), ...this.#matured(at), ...this.#harvested(at)];
  }

  #sold(at: SeenAt): Write[] {
    return this.#sales.ended().flatMap(({id: lockId, openOp: opId, payer: cell, ...end}) => {
      return this.#entriesOf({...end, opId, cell, lockId, kind: "sale", fee: 0n, lock: undefined}, at);
    });
  }

  #matured(at: SeenAt): Write[] {
    return [...this.#cooling].flatMap(([id, before]) => {
      const account = this.#components.account(id);
      if (account === undefined) return [];
      this.#cooling.set(id, account.cooling);
      const amount = before
        .filter(({matureH}) => matureH <= at.height)
        .reduce((sum, cooled) => sum + cooled.amount, 0n);
      return this.#brought("matured", {account: id, amount}, at);
    });
  }

  #harvested(at: SeenAt): Write[] {
    return this.#harvests.ended().flatMap((each) => this.#brought("royalty", each, at));
  }

  #brought(kind: HistoryKind, {account: id, amount}: Harvested, at: SeenAt): Write[] {
    const opId = this.#components.account(id)?.head;
    if (amount === 0n || opId === undefined) return [];
    const postings: Posting[] = [{bucket: "account", id, amount}];
    return this.#entriesOf({opId, kind, cell: id, fee: 0n, postings, lock: undefined}, at);
  }

  #expired(at: SeenAt): Write[] {
    const writes: Write[] = [];
    for (const [id, {drawn}] of this.#standing) {
      const lock = this.#components.lock(id);
      if (lock !== undefined && !lock.isClosed) continue;
      this.#standing.delete(id);
      if (lock === undefined) continue;
      const postings = [
        ...drawPostings({...lock, drawn}, {to: lock.drawn, fee: 0n}),
        ...closePostings(lock, lock.drawn),
      ];
      const movement = {opId: lock.openOp, kind: "expiry" as const, cell: id, fee: 0n, postings, lock};
      writes.push(...this.#entriesOf(movement, at));
    }
    return writes;
  }

  /** Latest first. */
  async list(account: AccountId, limit: number): Promise<readonly HistoryEntry[]> {
    const found = await this.#components.store.range(`${KEY}${account}/`, {reverse: true, limit});
    return found.map(([, bytes]) => decodeEntry(bytes));
  }

  #entriesOf({postings, lock, ...about}: Movement, at: SeenAt): Write[] {
    const deltas = new Map<AccountId, bigint>();
    for (const posting of postings) {
      if (posting.bucket !== "account" || !this.#next.has(posting.id)) continue;
      deltas.set(posting.id, (deltas.get(posting.id) ?? 0n) + posting.amount);
    }
    // A claim's fee comes out of what the controller gets, or of a free lock; any other fee from the op's own account.
    const claimant = lock?.spec.authority.kind === "controller" ? undefined : lock?.spec.controller;
    return [...deltas].flatMap(([account, delta]) => {
      const number = this.#next.get(account) ?? 0n;
      this.#next.set(account, number + 1n);
      const payer = about.kind === "claim" ? claimant : about.cell;
      const entry: HistoryEntry = {
        ...about,
        ...at,
        delta,
        fee: account === payer ? about.fee : 0n,
        counterparty: about.counterparty ?? counterpartyOf(account, postings, lock),
        lockId: about.lockId ?? lock?.id,
      };
      const write = {key: keyOf(account, number), value: encodeEntry(entry)};
      const old = number - BigInt(ENTRIES_MAX);
      return old >= 0n ? [write, {key: keyOf(account, old), value: undefined}] : [write];
    });
  }

  #movementOf({id, body}: Op): Movement {
    const {cell, payload, fee} = body;
    const about = {opId: id, kind: payload.kind, cell, fee};
    if (payload.kind === "claim") return {...about, ...this.#claimed(cell, payload, fee)};
    const debit: Posting = {bucket: "account", id: cell, amount: -(debitOf(payload) + fee)};
    if (payload.kind === "transfer" && payload.asset === undefined) {
      const credits = payload.outputs.map(({to, amount}): Posting => ({bucket: "account", id: to, amount}));
      return {...about, postings: [debit, ...credits], lock: undefined};
    }
    if (payload.kind !== "open") return {...about, postings: [debit], lock: undefined};
    const locks = payload.locks.map((_, index) => this.#components.lock(lockIdOf(id, index)));
    for (const sale of salesOf({id, body})) this.#sales.opened(sale.id, [cell, sale.spec.refundTo]);
    // The view may show a claim of the same step already; nothing is drawn before the first claim.
    for (const lock of locks) if (lock !== undefined) this.#watch({...lock, ...NOTHING_DRAWN});
    return {...about, postings: [debit], lock: locks[0]};
  }

  #claimed(
    id: LockId,
    claim: Extract<Payload, {kind: "claim"}>,
    fee: bigint,
  ): Pick<Movement, "postings" | "lock"> {
    const lock = this.#components.lock(id);
    if (lock === undefined) return {postings: [], lock};
    const before = this.#standing.get(id) ?? lock;
    const after = standingAfter({...lock, ...before}, claim);
    if (claim.isFinal) this.#standing.delete(id);
    else if (this.#standing.has(id)) this.#standing.set(id, after);
    const drawn = drawPostings({...lock, ...before}, {to: after.drawn, fee, payouts: claim.payouts});
    return {postings: claim.isFinal ? [...drawn, ...closePostings(lock, after.drawn)] : drawn, lock};
  }

  #watch(lock: LockCell): void {
    const {split, refundTo, controller} = lock.spec;
    const legs = split.map(({target}) => (target.kind === "cell" ? target.cell : refundTo));
    if ([refundTo, controller, ...legs].some((id) => this.#next.has(id))) {
      const {paid, awarded, drawn} = lock;
      this.#standing.set(lock.id, {paid, awarded, drawn});
    }
  }
}

function keyOf(account: AccountId, number: bigint): string {
  return `${KEY}${account}/${number.toString(16).padStart(16, "0")}`;
}

function numberOf(key: string): bigint {
  return BigInt(`0x${key.slice(-16)}`);
}

/** For a lock its other party, for a transfer the first other account. */
function counterpartyOf(
  account: AccountId,
  postings: readonly Posting[],
  lock: LockCell | undefined,
): AccountId | undefined {
  if (lock !== undefined) return lock.payer === account ? lock.spec.controller : lock.payer;
  const other = postings.find((posting) => posting.bucket === "account" && posting.id !== account);
  return other?.bucket === "account" ? other.id : undefined;
}
