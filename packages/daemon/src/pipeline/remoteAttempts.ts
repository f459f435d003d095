/**
 * One attempt at one provider, from the award to the signed result: steps 3 to 6 with their records. It
 * ends committed, or failed with a code and nothing owed.
 */

import {hashHex} from "@catalyze/core/crypto/sha256";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {checkQuote} from "@catalyze/core/market/checkQuote";
import {ROLE_BPS_MAX} from "@catalyze/core/market/legs";
import type {Clock} from "@catalyze/core/ports/clock";
import type {LedgerClient} from "@catalyze/core/ports/ledger";
import type {Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AttemptId} from "@catalyze/core/primitives/id";
import {reasonFrom} from "@catalyze/core/task/endReason";
import {checkOutput} from "@catalyze/core/task/output";
import {encodeReceipt} from "@catalyze/core/task/receipt";
import {checkCommit, openCommit} from "@catalyze/core/task/resultCommit";
import {hashSpec, specToWire} from "@catalyze/core/task/spec";
import {isOpenAttempt} from "@catalyze/core/task/taskState";
import {AUDIT_NONCE_BYTES, nonceHashOf} from "@catalyze/core/verify/coin";
import {Attempt, type Committed} from "./attempt.ts";
import type {Identity} from "./identity.ts";
import type {Hold, OutgoingPayments} from "./outgoingPayments.ts";
import {receiptOf} from "./receiptOf.ts";
import type {Router} from "./router.ts";
import type {TaskBook} from "./taskBook.ts";
import type {AttemptTerms, CommittedAttempt, TaskContext} from "./taskContext.ts";
import type {TaskEvents} from "./taskEvents.ts";

export type RemoteAttemptsComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly identity: Identity;
  readonly book: TaskBook;
  readonly payments: OutgoingPayments;
  readonly router: Router;
  readonly events: TaskEvents;
  readonly ledger: Pick<LedgerClient, "paramsAround">;
};

type Running = {
  readonly attemptId: AttemptId;
  readonly hold: Hold;
  readonly auditNonce: Uint8Array;
};

export class RemoteAttempts {
  readonly #components: RemoteAttemptsComponents;

  constructor(components: RemoteAttemptsComponents) {
    this.#components = components;
  }

  /** Throws the coded reason; the attempt's record and the peer's reputation have it by then. */
  async run(task: TaskContext, terms: AttemptTerms): Promise<CommittedAttempt> {
    const {book, random, router} = this.#components;
    const attemptId = toHex(random.bytes(16)) as AttemptId;
    const {quote, peer} = terms;
    const attempt = {
      attemptId,
      kind: "remote" as const,
      provider: quote.provider,
      peer,
      chargeMax: quote.chargeMax,
    };
    await book.move(task.taskId, {kind: "award", attempt});
    router.started(peer, quote.taskClass);
    let hold: Hold | undefined;
    try {
      this.#check(task, terms);
      hold = await this.#hold(task, terms, attemptId);
      const auditNonce = random.bytes(AUDIT_NONCE_BYTES);
      return await this.#exchange(task, terms, {attemptId, hold, auditNonce});
    } catch (error) {
      hold?.release();
      throw await this.#failed(task, terms, attemptId, toCodedError(error));
    }
  }

  #check(task: TaskContext, {quote, ask}: AttemptTerms): void {
    const {identity, clock, ledger} = this.#components;
    const creator = task.manifest.creator;
    checkQuote(quote, {
      taskHash: hashSpec(task.spec),
      taskClass: task.spec.taskClass,
      payer: identity.account,
      unitsMax: task.unitsMax,
      priceMax: task.priceMax,
      protocolFeesBps: ledger.paramsAround().map(({protocolFeeBps}) => protocolFeeBps),
      creator: creator === undefined ? undefined : {account: creator.account, bps: creator.royaltyBps},
      ask,
      middlewareBpsMax: ROLE_BPS_MAX,
      nowMs: clock.now(),
    });
  }

  async #hold(task: TaskContext, {quote}: AttemptTerms, attemptId: AttemptId): Promise<Hold> {
    const {payments, book} = this.#components;
    const opening: Promise<unknown>[] = [];
    const hold = await payments.hold(quote, task.deadlineMs, () => {
      const moved = book.move(task.taskId, {kind: "lock", attemptId});
      // Awaited below; until then its failure must not count as unhandled.
      moved.catch(() => undefined);
      opening.push(moved);
    });
    try {
      await Promise.all(opening);
    } catch (error) {
      hold.release();
      throw error;
    }
    if (hold.feesUctz > 0n) {
      const {ledgerFees} = book.get(task.taskId).extras;
      await book.setExtras(task.taskId, {ledgerFees: ledgerFees + hold.feesUctz});
    }
    return hold;
  }

  async #exchange(task: TaskContext, terms: AttemptTerms, running: Running): Promise<CommittedAttempt> {
    const {clock, net, book, events} = this.#components;
    const {quote, peer} = terms;
    const {attemptId, hold, auditNonce} = running;
    const remainingMs = Math.max(1, Math.min(task.deadlineMs - clock.now(), quote.deadlineMs));
    await book.move(task.taskId, {kind: "run", attemptId, lockId: hold.lockId, runningMs: remainingMs});
    events.emit(task.taskId, {kind: "changed"});
    const startedAtMs = clock.monotonicMs();
    const stream = new Attempt(
      {clock, net},
      {
        provider: peer,
        open: openFrame(task, terms, running),
        input: task.input,
        outputBytesMax: task.manifest.outputBytesMax,
        deadlineMs: remainingMs,
        signal: task.signal,
      },
    );
    const committed = await this.#run(stream, task);
    const latencyMs = clock.monotonicMs() - startedAtMs;
    try {
      const commit = this.#checkResult(task, terms, running, committed);
      const {output} = committed;
      await this.#recordCommit(task, terms, {attemptId, commit, output});
      return {attemptId, terms, commit, output, hold, auditNonce, stream, latencyMs};
    } catch (error) {
      const {code, message} = toCodedError(error);
      await stream.reject(code, message);
      throw error;
    }
  }

  async #run(stream: Attempt, task: TaskContext): Promise<Committed> {
    const {events} = this.#components;
    try {
      return await stream.run({
        onAccepted: () => events.emit(task.taskId, {kind: "phase", phase: "running", note: undefined}),
        onProgress: (phase, done, total) => events.emit(task.taskId, {kind: "progress", phase, done, total}),
        onOutput: (chunk) => events.emit(task.taskId, {kind: "output", chunk}),
      });
    } catch (error) {
      if (task.signal.aborted) await stream.cancel("cancelled");
      throw error;
    }
  }

  #checkResult(task: TaskContext, {quote}: AttemptTerms, {attemptId, hold}: Running, committed: Committed) {
    const {identity} = this.#components;
    const commit = openCommit(committed.commit, identity);
    checkCommit(commit, quote, {attemptId, lockId: hold.lockId});
    if (commit.outputHash !== hashHex(committed.output))
      throw new CodedError("RESULT_INVALID", {evidence: {field: "outputHash"}});
    if (commit.determinism !== quote.determinism)
      throw new CodedError("RESULT_INVALID", {evidence: {field: "determinism"}});
    checkOutput(task.manifest.kind, committed.output);
    return commit;
  }

  async #recordCommit(
    task: TaskContext,
    {quote, peer}: AttemptTerms,
    {attemptId, commit, output}: Pick<CommittedAttempt, "attemptId" | "commit" | "output">,
  ): Promise<void> {
    const {book} = this.#components;
    const {outputHash, units, charge, executorMs, lockId, determinism} = commit;
    const receipt = toHex(encodeReceipt(receiptOf(quote, commit)));
    const unpaid = {voucher: "", payerSignature: "", providerSignature: ""};
    const receipts = [
      ...book.get(task.taskId).extras.receipts,
      {attemptId, peer, receipt, lockId, determinism, executorMs, ...unpaid},
    ];
    await book.move(
      task.taskId,
      {kind: "commit", attemptId, commit: {outputHash, units, charge, executorMs}},
      {extras: {receipts, units, outputBytes: output.length}, output, sync: true},
    );
  }

  /** The record gets the reason; a result that was never accepted leaves no receipt. */
  async #failed(
    task: TaskContext,
    {quote, peer}: AttemptTerms,
    attemptId: AttemptId,
    error: CodedError,
  ): Promise<CodedError> {
    const {book, router, events} = this.#components;
    const {record, extras} = book.get(task.taskId);
    const attempt = record.attempts.find((each) => each.attemptId === attemptId);
    if (attempt !== undefined && isOpenAttempt(attempt.state)) {
      const receipts = extras.receipts.filter((each) => each.attemptId !== attemptId);
      const isCancelled = error.code === "TASK_CANCELLED" && attempt.state !== "committed";
      await book.move(
        task.taskId,
        isCancelled
          ? {kind: "attemptCancelled", attemptId}
          : {kind: "attemptFailed", attemptId, reason: reasonFrom(error)},
        {extras: {receipts}},
      );
    }
    router.failed(peer, quote.taskClass, error);
    if (events.hasShown(task.taskId)) events.emit(task.taskId, {kind: "reset"});
    events.emit(task.taskId, {kind: "changed"});
    return error;
  }
}

function openFrame(
  task: TaskContext,
  {quote, ask, signed, middleware}: AttemptTerms,
  {attemptId, hold, auditNonce}: Running,
) {
  return {
    spec: specToWire(task.spec),
    ...(ask === undefined ? {} : {ask: ask.signed}),
    ...(signed === undefined ? {} : {quote: signed}),
    ...(middleware === undefined ? {} : {middleware}),
    lockId: fromHex(hold.lockId),
    unitsMax: quote.unitsMax,
    chargeMax: quote.chargeMax,
    deadlineMs: BigInt(quote.deadlineMs),
    nonceHash: nonceHashOf(auditNonce),
    attemptId: fromHex(attemptId),
    voucher: hold.lastVoucher ?? new Uint8Array(),
  };
}
