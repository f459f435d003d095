/**
 * Own ops: gives each the next slot of its cell, signs it, has it on disk before anyone sees it, and
 * waits for its certificate. Slots are given without a pause between look and sign, so parallel calls on
 * one cell pipeline in order and never fork it.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {ERRORS, type ErrorCode} from "@catalyze/core/errors/table";
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Op, OpBody, Payload} from "@catalyze/core/ledger/op";
import {signOp} from "@catalyze/core/ledger/opCodec";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Signer} from "@catalyze/core/ports/signer";
import type {CellId, OpId} from "@catalyze/core/primitives/id";
import {type DraftOptions, draftOp, rejection, type WalletView} from "./draftOp.ts";
import type {LedgerMetrics} from "./ledgerMetrics.ts";
import type {Outbox} from "./outbox.ts";

export type WalletComponents = {
  readonly outbox: Outbox;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly metrics: LedgerMetrics;
  readonly view: WalletView;
  /** To the own replica: its effects once they are on disk. */
  readonly deliver: (op: Op) => Promise<readonly Effect[]>;
  readonly send: (op: Op) => void;
};

export type WalletOptions = DraftOptions & {
  readonly genesisHash: Uint8Array;
  readonly timeoutMs: number;
};

/** Ops of one cell on their way at once. */
const WINDOW = 64;
/** Callers that may wait for a place in a window. */
const WAITING_MAX = 4_096;

type Waiter = {
  readonly startMs: number;
  readonly resolve: () => void;
  readonly reject: (reason: CodedError) => void;
  readonly cancelTimer: () => void;
};

type Turn = {
  readonly cell: CellId;
  readonly resolve: () => void;
  readonly reject: (reason: CodedError) => void;
};

export class Wallet {
  readonly #components: WalletComponents;
  readonly #options: WalletOptions;
  readonly #waiters = new Map<OpId, Waiter[]>();
  readonly #offers = new Map<CellId, Promise<void>>();
  readonly #turns: Turn[] = [];
  /** Places given to waiting callers that have not signed yet. */
  readonly #granted = new Map<CellId, number>();

  constructor(components: WalletComponents, options: WalletOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** Fails every caller; what they submitted stays in the outbox. */
  stop(): void {
    const error = new CodedError("OP_TIMEOUT", {message: "The node stops; the operation stays pending."});
    for (const id of [...this.#waiters.keys()]) this.#fail(id, error);
    for (const {reject} of this.#turns.splice(0)) reject(error);
  }

  /** The certified op's id. Rejects as `LedgerClient.submit` says. */
  async submit(cell: CellId, payload: Payload): Promise<OpId> {
    const startMs = this.#components.clock.monotonicMs();
    // Without an `await` when there is a place: the next caller must see this op's slot taken.
    if (!this.#hasPlace(cell)) await this.#turn(cell);
    return await this.#dispatch(this.#sign(cell, payload), startMs);
  }

  /** The next op of a cell that several keys sign. It takes no slot: whoever signs it sees to that. */
  draft(cell: CellId, payload: Payload): OpBody {
    return draftOp({cell, payload}, this.#components, this.#options);
  }

  /** The same for an op that was signed elsewhere. */
  async submitSigned(op: Op): Promise<OpId> {
    const {outbox, clock} = this.#components;
    const last = outbox.lastOf(op.body.cell);
    if (last !== undefined && last.id !== op.id && last.body.seq >= op.body.seq) {
      throw rejection("OP_REJECTED", "seqUsed");
    }
    const startMs = clock.monotonicMs();
    if (last?.id !== op.id) return await this.#dispatch(op, startMs);
    if (outbox.has(op.id)) await this.#wait(op.id, startMs);
    return op.id;
  }

  async #dispatch(op: Op, startMs: number): Promise<OpId> {
    await this.#components.outbox.add(op);
    const certified = this.#wait(op.id, startMs);
    // Whatever fails below, the caller learns through `certified`.
    certified.catch(() => undefined);
    await this.#inOrder(op.body.cell, () => this.#offer(op));
    await certified;
    return op.id;
  }

  settled(ids: readonly OpId[]): void {
    const {clock, metrics} = this.#components;
    for (const id of ids) {
      const waiters = this.#waiters.get(id) ?? [];
      this.#waiters.delete(id);
      for (const {cancelTimer, resolve, startMs} of waiters) {
        cancelTimer();
        metrics.opCertifiedSeconds((clock.monotonicMs() - startMs) / 1_000);
        resolve();
      }
    }
    this.#nextTurns();
  }

  /** The network refuses it: callers are told; it stays in the outbox, for it may still count. */
  refused(id: OpId, code: ErrorCode, reason = ""): void {
    if (!ERRORS[code].retryable) this.#fail(id, rejection(code, reason));
  }

  /**
   * Drops what can never apply: its slot is taken by another op, or its parent is not the one that was
   * agreed, or its fee is less than a vote has made it since. The first happens to who runs two nodes with one
   * key; without this the account would be stuck. Nobody honest votes for what pays too little, and what the
   * votes of earlier epochs made of it is settled, so its slot can be used again.
   */
  async dropDead(agreed: (cell: CellId) => SlotHead | undefined, isPaid: (op: Op) => boolean): Promise<void> {
    const {outbox} = this.#components;
    for (const op of deadOf(outbox.pending(), agreed, isPaid)) {
      const chain = outbox.pendingOf(op.body.cell).filter(({body}) => body.seq >= op.body.seq);
      const reason = isPaid(op) ? "slotTaken" : "fee";
      for (const {id} of chain) this.#fail(id, rejection("OP_REJECTED", reason));
      await outbox.void(op.id);
    }
    this.#nextTurns();
  }

  #hasPlace(cell: CellId): boolean {
    return this.#placesOf(cell) > 0 && !this.#turns.some((turn) => turn.cell === cell);
  }

  #placesOf(cell: CellId): number {
    return WINDOW - this.#components.outbox.pendingOf(cell).length - (this.#granted.get(cell) ?? 0);
  }

  /** Waits for a place in the cell's window, in order of arrival. */
  async #turn(cell: CellId): Promise<void> {
    if (this.#turns.length >= WAITING_MAX) throw new CodedError("QUEUE_FULL", {evidence: {max: WAITING_MAX}});
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    const turn = {cell, resolve, reject};
    this.#turns.push(turn);
    const cancel = this.#components.clock.after(this.#options.timeoutMs, () => {
      const at = this.#turns.indexOf(turn);
      if (at < 0) return;
      this.#turns.splice(at, 1);
      reject(
        new CodedError("OP_TIMEOUT", {message: "Earlier operations of this cell are not certified yet."}),
      );
    });
    try {
      await promise;
      const left = (this.#granted.get(cell) ?? 1) - 1;
      if (left > 0) this.#granted.set(cell, left);
      else this.#granted.delete(cell);
    } finally {
      cancel();
    }
  }

  #nextTurns(): void {
    for (const turn of [...this.#turns]) {
      if (this.#placesOf(turn.cell) <= 0) continue;
      this.#granted.set(turn.cell, (this.#granted.get(turn.cell) ?? 0) + 1);
      this.#turns.splice(this.#turns.indexOf(turn), 1);
      turn.resolve();
    }
  }

  /** No `await` between here and `outbox.add`: the slot is looked up and taken in one turn. */
  #sign(cell: CellId, payload: Payload): Op {
    const {signer} = this.#components;
    return signOp(this.draft(cell, payload), signer, this.#options.genesisHash);
  }

  /** One op of a cell after the other: what rests on a refused op must not leave this node. */
  async #inOrder(cell: CellId, offer: () => Promise<void>): Promise<void> {
    const turn = (this.#offers.get(cell) ?? Promise.resolve()).then(offer);
    // Kept without its failure: the next op of the cell has its own turn whatever became of this one.
    const tail = turn.catch(() => undefined);
    this.#offers.set(cell, tail);
    await turn;
    if (this.#offers.get(cell) === tail) this.#offers.delete(cell);
  }

  /** First to the own replica, then to the network. */
  async #offer(op: Op): Promise<void> {
    const {outbox, send} = this.#components;
    if (!outbox.has(op.id)) return;
    const refusal = await this.#refusalOf(op);
    if (refusal === undefined) {
      send(op);
      return;
    }
    // It never left this node, so its slot can be used again.
    const gone = outbox.pendingOf(op.body.cell).filter(({body}) => body.seq >= op.body.seq);
    for (const {id} of gone) this.#fail(id, refusal);
    await outbox.void(op.id);
    this.#nextTurns();
  }

  /** Why the own replica refuses for good, or `undefined`. */
  async #refusalOf(op: Op): Promise<CodedError | undefined> {
    try {
      const rejected = (await this.#components.deliver(op)).find((effect) => effect.kind === "rejected");
      if (rejected === undefined || ERRORS[rejected.code].retryable) return undefined;
      return rejection(rejected.code, rejected.reason);
    } catch {
      // Queue or disk full: the sender's timer tries again.
      return undefined;
    }
  }

  async #wait(id: OpId, startMs: number): Promise<void> {
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    const {timeoutMs} = this.#options;
    const cancelTimer = this.#components.clock.after(timeoutMs, () => {
      this.#fail(id, new CodedError("OP_TIMEOUT", {evidence: {opId: id, afterMs: timeoutMs}}));
    });
    this.#waiters.set(id, [...(this.#waiters.get(id) ?? []), {startMs, resolve, reject, cancelTimer}]);
    await promise;
  }

  #fail(id: OpId, error: CodedError): void {
    const waiters = this.#waiters.get(id) ?? [];
    this.#waiters.delete(id);
    for (const {cancelTimer, reject} of waiters) {
      cancelTimer();
      reject(error);
    }
  }
}

export type SlotHead = {readonly seq: bigint; readonly opId: OpId};

/** The lowest op of each cell's log that cannot apply above what was agreed. */
function deadOf(
  pending: readonly Op[],
  agreed: (cell: CellId) => SlotHead | undefined,
  isPaid: (op: Op) => boolean,
): readonly Op[] {
  const lowest = new Map<CellId, Op>();
  for (const op of pending) {
    const {cell, seq, prev} = op.body;
    const head = agreed(cell);
    const isTaken = head !== undefined && (seq <= head.seq || (seq === head.seq + 1n && prev !== head.opId));
    const isDead = isTaken || !isPaid(op);
    const known = lowest.get(cell);
    if (isDead && (known === undefined || known.body.seq > seq)) lowest.set(cell, op);
  }
  return [...lowest.values()];
}
