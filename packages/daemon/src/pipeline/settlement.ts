/**
 * Paying an accepted result: step 8. Receipt and voucher are on disk before they are sent; a payment that
 * cannot be delivered now is sent again on a stream of its own, and rides with the next request.
 */
import {encodeVoucher} from "@catalyze/core/ledger/voucher";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AttemptId, PeerId, TaskId} from "@catalyze/core/primitives/id";
import {decodeReceipt, isReceiptSigned, type Receipt, signReceipt} from "@catalyze/core/task/receipt";
import {TaskFrameSchema} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {LIMITS} from "@catalyze/proto/limits";
import type {Payment} from "./attempt.ts";
import {withDeadline} from "./deadline.ts";
import type {Identity} from "./identity.ts";
import {MessageStream} from "./messageStream.ts";
import type {OutgoingPayments} from "./outgoingPayments.ts";
import type {TaskBook} from "./taskBook.ts";
import type {CommittedAttempt} from "./taskContext.ts";
import type {StoredReceipt} from "./taskExtras.ts";

export type SettlementComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  readonly book: TaskBook;
  readonly payments: OutgoingPayments;
};

const DELIVER_MS = 3_000;

export class Settlement {
  readonly #components: SettlementComponents;

  constructor(components: SettlementComponents) {
    this.#components = components;
  }

  /** Accepts, pays and delivers. The task is charged when this resolves, delivered or not. */
  async pay(taskId: TaskId, committed: CommittedAttempt): Promise<void> {
    const {identity} = this.#components;
    const {attemptId, auditNonce, stream, terms} = committed;
    const {payment, receipt} = await this.#charge(taskId, attemptId, auditNonce);
    committed.hold.release();
    const signature = await stream.pay(payment);
    if (signature === undefined) return await this.#deliver(terms.peer, payment);
    const publicKey = terms.quote.providerKey;
    if (!isReceiptSigned(receipt, {signature, publicKey}, identity)) return;
    await this.#update(taskId, attemptId, {providerSignature: toHex(signature)});
  }

  /** After a restart: a result that was committed and stored is owed as before. */
  async payStored(taskId: TaskId, attemptId: AttemptId, peer: PeerId): Promise<void> {
    const {payment} = await this.#charge(taskId, attemptId, new Uint8Array());
    await this.#deliver(peer, payment);
  }

  async #charge(
    taskId: TaskId,
    attemptId: AttemptId,
    auditNonce: Uint8Array,
  ): Promise<{payment: Payment; receipt: Receipt}> {
    const {book, payments, identity} = this.#components;
    const stored = this.#stored(taskId, attemptId);
    const receipt = decodeReceipt(fromHex(stored.receipt));
    const payerSignature = signReceipt(receipt, identity.accountSigner, identity);
    const attempt = book.get(taskId).record.attempts.find((each) => each.attemptId === attemptId);
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
    return {payment: {voucher: encodeVoucher(voucher), auditNonce, payerSignature}, receipt};
  }

  async #deliver(peer: PeerId, payment: Payment): Promise<void> {
    const {clock, net, log} = this.#components;
    try {
      await withDeadline({clock, ms: DELIVER_MS, code: "PEER_UNREACHABLE"}, async (signal) => {
        const stream = new MessageStream(
          await net.open(peer, "task", signal),
          TaskFrameSchema,
          LIMITS.taskFrameBytesMax,
        );
        await stream.send({body: {case: "payment", value: payment}});
        await stream.close();
      });
    } catch (error) {
      log.debug("payment not delivered; it rides with the next request", {peer, error});
    }
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
