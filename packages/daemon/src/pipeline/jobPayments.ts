/**
 * What vouchers do to jobs: the payment at the end of a stream, and payments that were lost on their way
 * and come later, on a stream of their own or with the payer's next request.
 */
import {CodedError, codeFromPeer} from "@catalyze/core/errors/codedError";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {LockId} from "@catalyze/core/primitives/id";
import {isReceiptSigned, signReceipt} from "@catalyze/core/task/receipt";
import type {ResultCommit} from "@catalyze/core/task/resultCommit";
import {isNonceOf} from "@catalyze/core/verify/coin";
import type {Identity} from "./identity.ts";
import type {IncomingPayments} from "./incomingPayments.ts";
import type {JobBook} from "./jobBook.ts";
import type {JobChannel} from "./jobChannel.ts";
import type {JobTerms} from "./jobTerms.ts";
import {receiptOf} from "./receiptOf.ts";

export type JobPaymentsComponents = {
  readonly identity: Identity;
  readonly payments: IncomingPayments;
  readonly jobs: JobBook;
  readonly onPaid?: () => void;
};

/** A result that its requester has and has not paid. */
export type Unpaid = {
  readonly terms: JobTerms;
  readonly commit: ResultCommit;
  /** What is held for the job until then. */
  readonly releases: readonly (() => void)[];
};

/** The requester may audit at another provider before it pays. */
const PAYMENT_MS = 180_000;

export class JobPayments {
  readonly #components: JobPaymentsComponents;

  constructor(components: JobPaymentsComponents) {
    this.#components = components;
  }

  /** Waits for the payment of a committed result, or its refusal. Throws `PAYMENT_WITHHELD` or what is wrong with it. */
  async take(channel: JobChannel, {terms, commit, releases}: Unpaid): Promise<void> {
    const {payments, jobs, identity} = this.#components;
    const frame = await channel.receive(PAYMENT_MS);
    if (frame?.body.case === "rejection") {
      const {code, message} = frame.body.value;
      const reason = {
        code: codeFromPeer(code),
        message: `Refused by the requester: ${message.slice(0, 200)}`,
      };
      await jobs.move(terms.attemptId, {kind: "reject", reason}, true);
      return;
    }
    if (frame?.body.case !== "payment") throw new CodedError("PAYMENT_WITHHELD");
    const {voucher, payerSignature, auditNonce} = frame.body.value;
    await payments.accept(voucher);
    if (!payments.covers(terms.lockId, commit.charge))
      throw new CodedError("VOUCHER_INVALID", {evidence: {charge: commit.charge}});
    await jobs.move(terms.attemptId, {kind: "pay", paidUctz: commit.charge}, true);
    // What the voucher pays is no longer held on the lock: the next request may count on it.
    for (const release of releases) release();
    await this.#creditOwed(terms.lockId);
    this.#components.onPaid?.();
    const receipt = receiptOf(terms.quote, commit);
    const publicKey = payments.payerKey(terms.lockId);
    // Paid either way; we only put our name under a receipt that the payer signed too, and whose coin
    // was the one that it had committed to.
    const isFair = isNonceOf(auditNonce, fromHex(terms.nonceHash));
    if (!isFair || publicKey === undefined) return;
    if (!isReceiptSigned(receipt, {signature: payerSignature, publicKey}, identity)) return;
    const providerSignature = signReceipt(receipt, identity.accountSigner, identity);
    await channel.send({case: "receipt", value: {providerSignature}});
  }

  /** A voucher that was lost on its way. Throws what is wrong with it. */
  async acceptLate(voucher: Uint8Array): Promise<void> {
    const {lockId} = await this.#components.payments.accept(voucher);
    await this.#creditOwed(lockId);
  }

  /** Jobs that were written off and that the vouchers of their lock cover after all. */
  async #creditOwed(lockId: LockId): Promise<void> {
    const {payments, jobs} = this.#components;
    for (const attemptId of jobs.unpaidOn(lockId)) {
      // Looked at anew each time: between two writes another stream may have moved it.
      const job = jobs.get(attemptId);
      if (job?.state !== "unpaid" || job.charge === undefined) continue;
      if (payments.covers(lockId, job.charge))
        await jobs.move(attemptId, {kind: "pay", paidUctz: job.charge}, true);
    }
  }
}
