/**
 * Paying an accepted result: step 8. Receipt and voucher are on disk before they are sent; a payment that
 * the stream of its task could not take is the courier's.
 */
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {Voucher} from "@catalyze/core/ledger/op";
import {decodeVoucher, encodeVoucher} from "@catalyze/core/ledger/voucher";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AttemptId, TaskId} from "@catalyze/core/primitives/id";
import {decodeReceipt, isReceiptSigned, type Receipt, signReceipt} from "@catalyze/core/task/receipt";
import type {Identity} from "./identity.ts";
import type {OutgoingPayments} from "./outgoingPayments.ts";
import type {PaymentCourier} from "./paymentCourier.ts";
import type {TaskBook} from "./taskBook.ts";
import {type CommittedAttempt, isStopping, type TaskContext} from "./taskContext.ts";
import type {StoredReceipt} from "./taskExtras.ts";

export type SettlementComponents = {
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  readonly book: TaskBook;
  readonly payments: OutgoingPayments;
  readonly courier: PaymentCourier;
};

type Charged = {readonly voucher: Voucher; readonly receipt: Receipt; readonly payerSignature: Uint8Array};

/** A full disk is asked again this often: the result is owed until the voucher is written. */
const RETRY_MS = 500;
/** Whoever asks for a receipt waits so long for the provider's signature; it is only evidence. */
const COSIGN_MS = 250;

export class Settlement {
  readonly #components: SettlementComponents;
  readonly #handing = new Set<{readonly taskId: TaskId; readonly done: Promise<void>}>();

  constructor(components: SettlementComponents) {
    this.#components = components;
  }

  /** Payments on their way have arrived, or are the next start's. */
  async stop(): Promise<void> {
    await Promise.all([...this.#handing].map(({done}) => done));
  }

  /** Accepts and pays; the voucher goes out while the user has its result. Charged when this resolves, delivered or not. */
  async pay(task: TaskContext, committed: CommittedAttempt): Promise<void> {
    const {log} = this.#components;
    const {attemptId, hold} = committed;
    const {taskId} = task;
    let charged: Charged;
    try {
      charged = await this.#chargeUntilWritten(task, attemptId);
    } catch (error) {
      hold.release();
      throw error;
    }
    const done = this.#handOver(taskId, committed, charged)
      .catch((error: unknown) => log.warn("a payment was not handed over", {task: taskId, error}))
      .finally(() => {
        // Not before: the provider counts the maximum against the lock until it has the voucher.
        hold.release();
        this.#handing.delete(entry);
      });
    const entry = {taskId, done};
    this.#handing.add(entry);
  }

  /** Waits a moment for the provider's half of a receipt that may be on its way. */
  async handed(taskId: TaskId): Promise<void> {
    const {clock} = this.#components;
    const handing = [...this.#handing].filter((each) => each.taskId === taskId);
    if (handing.length === 0) return;
    const all = Promise.all(handing.map(({done}) => done));
    const patience = new AbortController();
    await Promise.race([all, clock.sleep(COSIGN_MS, patience.signal).catch(() => undefined)]);
    patience.abort();
  }

  /** After a restart: a result that was committed and stored is owed as before. */
  async payStored(taskId: TaskId, attemptId: AttemptId): Promise<void> {
    await this.#charge(taskId, attemptId);
    this.deliverStored(taskId);
  }

  /** Sends what the records hold and no provider has acknowledged. */
  deliverStored(taskId: TaskId): void {
    const {book, courier} = this.#components;
    for (const stored of book.get(taskId).extras.receipts) {
      if (stored.voucher === "" || stored.providerSignature !== "") continue;
      const {cumulative, lockId} = decodeVoucher(fromHex(stored.voucher));
      courier.deliver({peer: stored.peer, lockId, cumulative, payment: paymentOf(stored)});
    }
  }

  async #chargeUntilWritten(task: TaskContext, attemptId: AttemptId): Promise<Charged> {
    const {clock, log} = this.#components;
    for (;;) {
      try {
        return await this.#charge(task.taskId, attemptId);
      } catch (error) {
        if (toCodedError(error).code !== "STORE_FULL" || isStopping(task.signal)) throw error;
        log.warn("a payment waits for room on the disk", {task: task.taskId});
        await clock.sleep(RETRY_MS);
      }
    }
  }

  /** Goes on where an earlier call or life of this node stopped. */
  async #charge(taskId: TaskId, attemptId: AttemptId): Promise<Charged> {
    const {book, payments, identity} = this.#components;
    const stored = this.#stored(taskId, attemptId);
    const receipt = decodeReceipt(fromHex(stored.receipt));
    const payerSignature = signReceipt(receipt, identity.accountSigner, identity);
    const attempt = book.get(taskId).record.attempts.find((each) => each.attemptId === attemptId);
    if (attempt?.state === "paid") {
      const voucher = decodeVoucher(fromHex(stored.voucher));
      await payments.restore(voucher);
      return {voucher, receipt, payerSignature};
    }
    if (attempt?.state !== "paying") await book.move(taskId, {kind: "accept", attemptId});
    const voucher = await payments.pay(receipt, async (signed) => {
      const receipts = this.#with(taskId, attemptId, {
        voucher: toHex(encodeVoucher(signed)),
        payerSignature: toHex(payerSignature),
      });
      await book.move(
        taskId,
        {kind: "pay", attemptId, chargedUctz: receipt.charge},
        {extras: {receipts}, sync: true},
      );
    });
    return {voucher, receipt, payerSignature};
  }

  async #handOver(taskId: TaskId, committed: CommittedAttempt, charged: Charged): Promise<void> {
    const {identity, courier, log} = this.#components;
    const {attemptId, auditNonce, stream, terms} = committed;
    const {voucher, receipt, payerSignature} = charged;
    const payment = {voucher: encodeVoucher(voucher), auditNonce, payerSignature};
    const signature = await stream.pay(payment);
    if (signature === undefined) {
      const {lockId, cumulative} = voucher;
      courier.deliver({peer: terms.peer, lockId, cumulative, payment});
      return;
    }
    const publicKey = terms.quote.providerKey;
    if (!isReceiptSigned(receipt, {signature, publicKey}, identity)) return;
    await this.#update(taskId, attemptId, {providerSignature: toHex(signature)}).catch((error: unknown) =>
      log.debug("a provider's signature was not kept", {task: taskId, error}),
    );
  }

  #stored(taskId: TaskId, attemptId: AttemptId): StoredReceipt {
    const found = this.#components.book
      .get(taskId)
      .extras.receipts.find((each) => each.attemptId === attemptId);
    if (found === undefined) throw new Error(`no receipt for attempt ${attemptId}`);
    return found;
  }

  #with(taskId: TaskId, attemptId: AttemptId, change: Partial<StoredReceipt>): readonly StoredReceipt[] {
    const {receipts} = this.#components.book.get(taskId).extras;
    return receipts.map((each) => (each.attemptId === attemptId ? {...each, ...change} : each));
  }

  async #update(taskId: TaskId, attemptId: AttemptId, change: Partial<StoredReceipt>): Promise<void> {
    await this.#components.book.setExtras(taskId, {receipts: this.#with(taskId, attemptId, change)});
  }
}

/** The nonce of the audit coin is not kept: a payment counts without it. */
function paymentOf({voucher, payerSignature}: StoredReceipt) {
  return {
    voucher: fromHex(voucher),
    auditNonce: new Uint8Array(),
    payerSignature: fromHex(payerSignature),
  };
}
