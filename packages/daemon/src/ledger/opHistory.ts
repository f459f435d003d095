/**
 * What happened to a few accounts, in the order in which this node saw it certified: for `wallet history`.
 * Entries go into the same batch as the step that certified them, so each is there exactly once.
 */

import {debitOf} from "@catalyze/core/ledger/apply";
import {issuePostings, unitPostings} from "@catalyze/core/ledger/assets";
import type {AccountCell, LockCell} from "@catalyze/core/ledger/cell";
import {closePostings, drawPostings, type Standing, standingAfter} from "@catalyze/core/ledger/claims";
import type {Op, Payload} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import type {Posting} from "@catalyze/core/ledger/postings";
import {openingPostings, salesOf} from "@catalyze/core/ledger/sales";
import type {SystemMove} from "@catalyze/core/ledger/systemMoves";
import type {Store, Write} from "@catalyze/core/ports/store";
import type {AccountId, CellId, LockId, OpId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {type AgreedHoldings, type Harvested, HarvestWatch} from "./harvestWatch.ts";
import {
  decodeEntry,
  encodeEntry,
  type HistoryEntry,
  type HistoryKind,
  keyOf,
  numberOf,
  prefixOf,
} from "./historyCodec.ts";
import {counterpartyOf, moneyOf, unitsOf} from "./historyPostings.ts";

export type OpHistoryComponents = {
  readonly store: Store;
  /** After the step that is being recorded. */
  readonly lock: (id: LockId) => LockCell | undefined;
  readonly locks: () => Iterable<LockCell>;
  readonly agreed: AgreedHoldings;
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
  readonly stakeBurned?: bigint;
  readonly reason?: HistoryEntry["reason"];
};

/** Where an open lock stands by what is recorded. */
type Watched = Standing & {
  /** Fees of recorded claims that no checkpoint covers yet. */
  readonly fees: ReadonlyMap<OpId, bigint>;
};

type Royalty = Harvested & {readonly kind: "royalty"};

type Checkpointed = {readonly moves: readonly SystemMove[]; readonly ops: readonly OpId[]};

export type SeenAt = {readonly height: bigint; readonly atMs: UnixMs};

/** Of one account; the oldest go first. About 110 bytes each. */
const ENTRIES_MAX = 20_000;

const NOTHING_DRAWN: Standing = {paid: 0n, awarded: [], drawn: 0n};
const NO_FEES: Watched["fees"] = new Map();

export class OpHistory {
  readonly #components: OpHistoryComponents;
  /** Number of the next entry of each account that is recorded. */
  readonly #next = new Map<AccountId, bigint>();
  /** Where open locks stand that pay or refund a recorded account. */
  readonly #standing = new Map<LockId, Watched>();
  readonly #harvests: HarvestWatch;

  constructor(components: OpHistoryComponents) {
    this.#components = components;
    this.#harvests = new HarvestWatch(components.agreed, (account) => this.#next.has(account));
  }

  /** Call with the restored ledger, before its first step. */
  async start(accounts: readonly AccountId[]): Promise<void> {
    for (const account of accounts) {
      const [last] = await this.#components.store.range(prefixOf(account), {reverse: true, limit: 1});
      this.#next.set(account, last === undefined ? 0n : numberOf(last[0]) + 1n);
    }
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
    if (payload.kind !== "transfer") return false;
    return payload.outputs.some(({to}) => this.#next.has(to));
  }

  /** Entries for what a checkpoint did on its own, after it covered these ops, and what harvests brought. */
  onCheckpoint({moves, ops}: Checkpointed, at: SeenAt): Write[] {
    const royalties = this.#harvests.ended().map((each) => ({kind: "royalty" as const, ...each}));
    const writes = [...moves, ...royalties].flatMap((move) => {
      const movement = this.#movedBySystem(move);
      return movement === undefined ? [] : this.#entriesOf(movement, at);
    });
    this.#covered(ops);
    return writes;
  }

  #movedBySystem(move: SystemMove | Royalty): Movement | undefined {
    switch (move.kind) {
      case "expiry":
        return this.#expired(move);
      case "sale": {
        const {kind, lockId, openOp: opId, to, lot, from} = move;
        const {asset, amount} = lot;
        const posting: Posting =
          asset === undefined
            ? {bucket: "account", id: to, amount}
            : {bucket: "holding", id: to, asset, amount};
        const end = from === undefined ? {reason: "SALE_UNMATCHED" as const} : {counterparty: from};
        return {...{kind, lockId, opId, cell: to, fee: 0n}, postings: [posting], lock: undefined, ...end};
      }
      case "matured":
      case "payment":
      case "royalty":
        return this.#ofAccount(move, {amount: move.amount});
      case "fine":
        return this.#ofAccount(move, {amount: -move.amount});
      case "slash":
      case "forfeit":
        return this.#ofAccount(move, {amount: 0n, stakeBurned: move.amount});
    }
  }

  #ofAccount(
    {kind, account: id}: Extract<SystemMove, {account: AccountId}> | Royalty,
    {amount, ...more}: {readonly amount: bigint; readonly stakeBurned?: bigint},
  ): Movement | undefined {
    const account = this.#next.has(id) ? this.#components.account(id) : undefined;
    if (account === undefined) return undefined;
    const postings: Posting[] = [{bucket: "account", id, amount}];
    return {...{kind, opId: account.head, cell: id, fee: 0n, postings, lock: undefined}, ...more};
  }

  #expired({lockId: id, fee}: Extract<SystemMove, {kind: "expiry"}>): Movement | undefined {
    const watched = this.#standing.get(id);
    this.#standing.delete(id);
    const lock = this.#components.lock(id);
    if (watched === undefined || lock === undefined) return undefined;
    const {drawn, fees} = watched;
    // Claims that are recorded already, but in no checkpoint, were settled by this one, with one fee for all.
    const recorded = [...fees.values()].reduce((sum, each) => sum + each, 0n);
    const draw = drawPostings({...lock, drawn}, {to: lock.drawn, fee: 0n});
    const postings = [...draw, ...closePostings(lock, lock.drawn)];
    // Each claim on a free lock pays its own, out of the lock.
    if (fee !== recorded && lock.spec.authority.kind !== "controller")
      postings.push({bucket: "account", id: lock.spec.controller, amount: recorded - fee});
    return {opId: lock.openOp, kind: "expiry", cell: id, fee: 0n, postings, lock};
  }

  #covered(ops: readonly OpId[]): void {
    for (const [id, watched] of this.#standing) {
      if (watched.fees.size === 0) continue;
      const fees = new Map([...watched.fees].filter(([opId]) => !ops.includes(opId)));
      this.#standing.set(id, {...watched, fees});
    }
  }

  /** Latest first. */
  async list(account: AccountId, limit: number): Promise<readonly HistoryEntry[]> {
    const found = await this.#components.store.range(prefixOf(account), {reverse: true, limit});
    return found.map(([, bytes]) => decodeEntry(bytes));
  }

  #entriesOf(movement: Movement, at: SeenAt): Write[] {
    const {postings, lock, ...about} = movement;
    const touched = new Set(
      postings.flatMap((posting) =>
        (posting.bucket === "account" || posting.bucket === "holding") && this.#next.has(posting.id)
          ? [posting.id]
          : [],
      ),
    );
    // A claim's fee comes out of what the controller gets, or of a free lock; any other fee from the op's own account.
    const claimant = lock?.spec.authority.kind === "controller" ? undefined : lock?.spec.controller;
    return [...touched].flatMap((account) => {
      const payer = about.kind === "claim" ? claimant : about.cell;
      const entry: HistoryEntry = {
        ...{opId: about.opId, kind: about.kind, cell: about.cell, ...at},
        delta: moneyOf(account, postings),
        fee: account === payer ? about.fee : 0n,
        units: undefined,
        stakeBurned: about.stakeBurned ?? 0n,
        reason: about.reason,
        counterparty: about.counterparty ?? counterpartyOf(account, postings, lock),
        lockId: about.lockId ?? lock?.id,
      };
      const [first, ...others] = [...unitsOf(account, postings)].map(([asset, delta]) => ({asset, delta}));
      const more = others.map((units) => ({...entry, delta: 0n, fee: 0n, units}));
      return [{...entry, units: first}, ...more].flatMap((each) => this.#written(account, each));
    });
  }

  #written(account: AccountId, entry: HistoryEntry): Write[] {
    const number = this.#next.get(account) ?? 0n;
    this.#next.set(account, number + 1n);
    const write = {key: keyOf(account, number), value: encodeEntry(entry)};
    const old = number - BigInt(ENTRIES_MAX);
    return old >= 0n ? [write, {key: keyOf(account, old), value: undefined}] : [write];
  }

  #movementOf(op: Op): Movement {
    const {id, body} = op;
    const {cell, payload, fee} = body;
    const about = {opId: id, kind: payload.kind, cell, fee};
    if (payload.kind === "claim") return {...about, ...this.#claimed(op, payload)};
    const debit: Posting = {bucket: "account", id: cell, amount: -(debitOf(payload) + fee)};
    const moved = {...about, lock: undefined};
    switch (payload.kind) {
      case "transfer": {
        const credits = payload.outputs.map(({to, amount}): Posting => ({bucket: "account", id: to, amount}));
        const units = payload.asset === undefined ? credits : unitPostings(op, payload);
        return {...moved, postings: [debit, ...units]};
      }
      case "issue":
        return {...moved, postings: [debit, ...issuePostings(op, payload)]};
      case "open": {
        const locks = payload.locks.map((_, index) => this.#components.lock(lockIdOf(id, index)));
        // The view may show a claim of the same step already; nothing is drawn before the first claim.
        for (const lock of locks) if (lock !== undefined) this.#watch({...lock, ...NOTHING_DRAWN});
        const sales = salesOf(op);
        const lockId = locks[0]?.id ?? sales[0]?.id;
        return {
          ...about,
          postings: [debit, ...openingPostings(op, sales)],
          lock: locks[0],
          ...(lockId === undefined ? {} : {lockId}),
        };
      }
      default:
        return {...moved, postings: [debit]};
    }
  }

  #claimed(
    {id: opId, body: {cell: id, fee}}: Op,
    claim: Extract<Payload, {kind: "claim"}>,
  ): Pick<Movement, "postings" | "lock"> {
    const lock = this.#components.lock(id);
    if (lock === undefined) return {postings: [], lock};
    const watched = this.#standing.get(id);
    const before = {...lock, ...watched};
    const after = standingAfter(before, claim);
    if (claim.isFinal) this.#standing.delete(id);
    else if (watched !== undefined)
      this.#standing.set(id, {...after, fees: new Map(watched.fees).set(opId, fee)});
    const drawn = drawPostings(before, {to: after.drawn, fee, payouts: claim.payouts});
    return {postings: claim.isFinal ? [...drawn, ...closePostings(lock, after.drawn)] : drawn, lock};
  }

  #watch(lock: LockCell): void {
    const {split, refundTo, controller} = lock.spec;
    const touched = [
      refundTo,
      controller,
      ...split.map(({target}) => (target.kind === "cell" ? target.cell : undefined)),
    ];
    if (touched.some((id) => id !== undefined && this.#next.has(id))) {
      const {paid, awarded, drawn} = lock;
      this.#standing.set(lock.id, {paid, awarded, drawn, fees: NO_FEES});
    }
  }
}
