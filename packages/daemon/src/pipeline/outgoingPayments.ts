/**
 * The payer's side of money: a lock for each provider and split table, maxima held while attempts run,
 * and one voucher after each verified result. Vouchers are written down before they are sent and never
 * fall, so a crash or a lost message pays nothing twice.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {joined, owedOf} from "@catalyze/core/ledger/lanes";
import type {Voucher} from "@catalyze/core/ledger/op";
import {CONTEXT_START, encodeVoucher, nextContext, signVoucher} from "@catalyze/core/ledger/voucher";
import type {Quote} from "@catalyze/core/market/quote";
import type {Clock} from "@catalyze/core/ports/clock";
import type {LedgerClient, LockView} from "@catalyze/core/ports/ledger";
import type {Random} from "@catalyze/core/ports/random";
import type {Store} from "@catalyze/core/ports/store";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {Hash, LockId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {
  chooseLock,
  expiryHMin,
  type LockTerms,
  lockExpiryH,
  lockSize,
  lockSpecFor,
} from "@catalyze/core/task/lockUse";
import {hashReceipt, type Receipt} from "@catalyze/core/task/receipt";
import type {Identity} from "./identity.ts";
import type {VoucherRecords} from "./incomingPayments.ts";
import {KeyedQueue} from "./keyedQueue.ts";

export type OutgoingPaymentsComponents = {
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: LedgerClient;
  readonly vouchers: VoucherRecords;
  readonly identity: Identity;
  readonly store: Store;
};

/** A maximum held on a lock for one attempt. */
export type Hold = {
  readonly lockId: LockId;
  /** µCTZ of ledger fees that this hold caused; 0 when an open lock served. */
  readonly feesUctz: bigint;
  /** The last voucher sent on it: rides along, so that a lost one heals. */
  readonly lastVoucher: Uint8Array | undefined;
  release(): void;
};

const KEY = "own-lock/";

export class OutgoingPayments {
  readonly #components: OutgoingPaymentsComponents;
  readonly #reserved = new Map<LockId, bigint>();
  /** Locks that this account has opened and that may still pay. */
  readonly #own = new Set<LockId>();
  /** One `open` at a time per provider: parallel tasks share the lock that the first one opens. */
  readonly #opening = new KeyedQueue();
  readonly #paying = new KeyedQueue();
  /** Signed and in a task's record, while the disk had no room for them in the voucher book. */
  readonly #unwritten = new Map<LockId, Voucher>();

  constructor(components: OutgoingPaymentsComponents) {
    this.#components = components;
  }

  async start(): Promise<void> {
    for (const [key] of await this.#components.store.range(KEY))
      this.#own.add(key.slice(KEY.length) as LockId);
    // Whoever died or stopped before an `open` was certified has not written its lock down.
    this.#adopt();
  }

  /** Open locks of ours, as certified. */
  openLocks(): readonly LockView[] {
    const views: LockView[] = [];
    for (const id of this.#own) {
      const view = this.#components.ledger.lockView(id);
      if (view?.isOpen === true) views.push(view);
      // A lock that we opened and that is no longer open never opens again.
      else if (view !== undefined) this.#forget(id);
    }
    return views;
  }

  /** The lock that pays this quote, opened when none fits. Throws `FUNDS_INSUFFICIENT`, `LOCK_TIMEOUT`, `OP_REJECTED`. */
  async hold(quote: Quote, deadlineMs: UnixMs, onOpening?: () => void): Promise<Hold> {
    const fitting = this.#fitting(quote, deadlineMs);
    if (fitting !== undefined) return this.#reserve(fitting, quote.chargeMax, 0n);
    return await this.#opening.run(quote.provider, async () => {
      // Another task may have opened one while this one waited its turn.
      const found = this.#fitting(quote, deadlineMs);
      if (found !== undefined) return this.#reserve(found, quote.chargeMax, 0n);
      onOpening?.();
      return await this.#open(quote, deadlineMs);
    });
  }

  /**
   * The voucher that pays a receipt, on disk when it resolves. `record` writes the charge first: a crash
   * between the two is healed by `restore`, and never pays twice.
   */
  async pay(receipt: Receipt, record: (voucher: Voucher) => Promise<void>): Promise<Voucher> {
    const {vouchers, identity, ledger} = this.#components;
    return await this.#paying.run(receipt.lockId, async () => {
      const last = this.#lastOf(receipt.lockId);
      const lock = ledger.lockView(receipt.lockId);
      const amount = lock?.spec.amount ?? 0n;
      const vouchered = last?.cumulative ?? 0n;
      // A higher voucher is taken to cover what was awarded, so it must.
      const owed = lock === undefined ? vouchered : owedOf(joined(lock, {cumulative: vouchered}));
      const cumulative = owed + receipt.charge;
      if (cumulative > amount)
        throw new CodedError("LOCK_INVALID", {evidence: {cumulativeUctz: cumulative, amountUctz: amount}});
      const contextHash = nextContext(last?.contextHash ?? CONTEXT_START, hashReceipt(receipt));
      const voucher = signVoucher(
        {lockId: receipt.lockId, cumulative, contextHash},
        identity.accountSigner,
        identity.genesisHash,
      );
      await record(voucher);
      // From here on the charge stands: a later voucher on this lock is above this one whatever happens.
      this.#unwritten.set(receipt.lockId, voucher);
      await vouchers.recordSent(voucher);
      this.#unwritten.delete(receipt.lockId);
      return voucher;
    });
  }

  /** A voucher that a task's record holds and the voucher book may have missed. */
  async restore(voucher: Voucher): Promise<void> {
    const {vouchers} = this.#components;
    const {lockId, cumulative} = voucher;
    await this.#paying.run(lockId, async () => {
      if (cumulative > (vouchers.lastSent(lockId)?.cumulative ?? 0n)) await vouchers.recordSent(voucher);
      if (cumulative >= (this.#unwritten.get(lockId)?.cumulative ?? 0n)) this.#unwritten.delete(lockId);
    });
  }

  #lastOf(lockId: LockId): Voucher | undefined {
    return this.#unwritten.get(lockId) ?? this.#components.vouchers.lastSent(lockId);
  }

  #forget(lockId: LockId): void {
    this.#own.delete(lockId);
    // A key that stays after a crash is looked at once more at the next start.
    this.#components.store.write([{key: KEY + lockId, value: undefined}]).catch(() => undefined);
  }

  #fitting(quote: Quote, deadlineMs: UnixMs): LockId | undefined {
    const states = this.openLocks().map((view) => ({
      view,
      vouchered: this.#lastOf(view.id)?.cumulative ?? 0n,
      reserved: this.#reserved.get(view.id) ?? 0n,
    }));
    return chooseLock(states, this.#terms(quote, deadlineMs))?.view.id;
  }

  #terms(quote: Quote, deadlineMs: UnixMs): LockTerms {
    const {identity, ledger} = this.#components;
    return {
      payer: identity.account,
      provider: quote.provider,
      providerKey: quote.providerKey,
      payerKey: identity.accountSigner.publicKey,
      legs: quote.legs,
      chargeMax: quote.chargeMax,
      // One checkpoint more than the payee demands: its replica may be a height ahead of ours.
      expiryHMin: expiryHMin(deadlineMs, this.#heights(), ledger.params().lockExpiryHeights) + 2n,
    };
  }

  async #open(quote: Quote, deadlineMs: UnixMs): Promise<Hold> {
    const {ledger, random, store} = this.#components;
    const {lockExpiryHeights} = ledger.params();
    const opFee = ledger.opFee();
    const balance = ledger.accountView(ledger.account)?.balance ?? 0n;
    const amount = lockSize(quote.chargeMax, balance, opFee);
    const expiryH = lockExpiryH(deadlineMs, this.#heights(), lockExpiryHeights);
    const tag = toHex(random.bytes(32)) as Hash;
    const spec = lockSpecFor(this.#terms(quote, deadlineMs), {amount, expiryH, tag});
    const {opId} = await ledger
      .submit(ledger.account, {kind: "open", locks: [spec]})
      .catch((error: unknown) => {
        // It may be certified later: the money in it must not be forgotten.
        if (error instanceof CodedError && error.code === "OP_TIMEOUT") this.#adopt();
        throw error;
      });
    const [lockId] = ledger.lockIdsOf(opId, 1);
    if (lockId === undefined) throw new CodedError("OP_REJECTED", {evidence: {opId}});
    await store.write([{key: KEY + lockId, value: new Uint8Array()}]);
    // In one step: nobody else takes the room before the task that the lock was opened for.
    this.#own.add(lockId);
    return this.#reserve(lockId, quote.chargeMax, opFee);
  }

  #adopt(): void {
    for (const id of this.#components.ledger.ownLocks()) this.#own.add(id);
  }

  #heights() {
    const {ledger, clock} = this.#components;
    const {checkpointIntervalMs: checkpointMs} = ledger.params();
    return {headH: ledger.head().height, nowMs: clock.now(), checkpointMs};
  }

  #reserve(lockId: LockId, chargeMax: bigint, feesUctz: bigint): Hold {
    this.#reserved.set(lockId, (this.#reserved.get(lockId) ?? 0n) + chargeMax);
    const last = this.#lastOf(lockId);
    let isHeld = true;
    return {
      lockId,
      feesUctz,
      lastVoucher: last === undefined ? undefined : encodeVoucher(last),
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        const rest = (this.#reserved.get(lockId) ?? 0n) - chargeMax;
        if (rest > 0n) this.#reserved.set(lockId, rest);
        else this.#reserved.delete(lockId);
      },
    };
  }
}
