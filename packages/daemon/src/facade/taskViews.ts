/** Tasks and market facts as the doors show them. Pure: records in, views out. */

import {toErrorReport} from "@catalyze/api/errorReport";
import type {LegView} from "@catalyze/api/schema/fields";
import type {AskView, CandidateView, RejectedView} from "@catalyze/api/schema/market";
import type {AttemptView, ReceiptView, TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import {decodeVoucher} from "@catalyze/core/ledger/voucher";
import type {Ask} from "@catalyze/core/market/ask";
import {explainRejection} from "@catalyze/core/market/explain";
import type {Leg} from "@catalyze/core/market/legs";
import {splitPreview} from "@catalyze/core/market/legs";
import type {RouteResult} from "@catalyze/core/market/route";
import type {Grade} from "@catalyze/core/ports/ledger";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {EndReason} from "@catalyze/core/task/endReason";
import {UNIT_SCALE} from "@catalyze/core/task/manifest";
import {decodeReceipt} from "@catalyze/core/task/receipt";
import type {Attempt} from "@catalyze/core/task/task";
import {isOpenAttempt, isOpenTask} from "@catalyze/core/task/taskState";
import type {TaskEntry} from "../pipeline/taskBook.ts";
import type {CandidateNote} from "../pipeline/taskExtras.ts";

export function taskView({record, extras}: TaskEntry, alias: string | undefined): TaskView {
  const paid = record.attempts.find(({state}) => state === "paid");
  const open = record.attempts.find(({state}) => isOpenAttempt(state));
  const peer = (paid ?? open)?.peer;
  return {
    taskId: record.taskId,
    taskClass: record.taskClass,
    ...(alias === undefined ? {} : {alias}),
    kind: extras.kind as NonNullable<TaskView["kind"]>,
    state: isOpenTask(record.state) ? "open" : (record.state as "done" | "failed" | "cancelled"),
    phase: record.state,
    createdAtMs: record.submittedAtMs,
    ...(record.endedAtMs === undefined ? {} : {endedAtMs: record.endedAtMs}),
    deadlineMs: record.taskDeadlineMs,
    inputBytes: extras.inputBytes,
    ...(record.state === "done" && extras.outputBytes !== undefined
      ? {outputBytes: extras.outputBytes, outputType: mediaTypeOf(extras.kind)}
      : {}),
    verify: record.copies,
    maxPriceUctz: record.priceMax.toString(),
    chargedUctz: record.chargedUctz.toString(),
    ledgerFeesUctz: extras.ledgerFees.toString(),
    ...(extras.units === undefined ? {} : {units: extras.units.toString()}),
    ...(peer === undefined ? {} : {peerId: peer}),
    ...(extras.reason === "" ? {} : {reason: extras.reason}),
    attempts: attemptViews(record.attempts),
    ...(record.reason === undefined ? {} : {failure: failureOf(record.reason)}),
  };
}

export function attemptViews(attempts: readonly Attempt[]): AttemptView[] {
  return attempts.map((attempt, index) => attemptView(attempt, kindOf(attempts, index)));
}

/** A fallback starts when those before it have failed; who starts beside a result checks it. */
function kindOf(attempts: readonly Attempt[], index: number): AttemptView["kind"] {
  const startedAtMs = attempts[index]?.startedAtMs ?? 0;
  const isBeside = attempts
    .slice(0, index)
    .some(({endedAtMs}) => endedAtMs === undefined || endedAtMs > startedAtMs);
  if (index === 0) return "first";
  return isBeside ? "verify" : "fallback";
}

function attemptView(attempt: Attempt, kind: AttemptView["kind"]): AttemptView {
  const {attemptId, peer, provider, state, startedAtMs, endedAtMs, chargeMax, chargedUctz, reason} = attempt;
  return {
    attemptId,
    kind,
    peerId: peer,
    account: provider,
    outcome: state === "paid" ? "done" : state === "failed" || state === "cancelled" ? state : "running",
    startedAtMs,
    ...(endedAtMs === undefined ? {} : {endedAtMs}),
    chargeMaxUctz: chargeMax.toString(),
    chargedUctz: chargedUctz.toString(),
    ...(reason === undefined ? {} : {failure: failureOf(reason)}),
  };
}

/** An ended task's or attempt's reason as the doors report it. */
export function failureOf({code, message}: EndReason) {
  return toErrorReport(new CodedError(code, {message}));
}

/** `NOT_FOUND` while no result was paid. */
export function receiptView({record, extras}: TaskEntry, grade: Grade, witnesses: number): ReceiptView {
  const paid = extras.receipts.filter(({voucher}) => voucher !== "");
  const stored = paid[0];
  if (stored === undefined)
    throw new CodedError("NOT_FOUND", {message: "There is no receipt: nothing was charged for this task."});
  const receipt = decodeReceipt(fromHex(stored.receipt));
  const voucher = decodeVoucher(fromHex(stored.voucher));
  return {
    taskId: record.taskId,
    taskClass: receipt.taskClass,
    taskHash: receipt.taskHash,
    payer: receipt.payer,
    provider: receipt.provider,
    peerId: stored.peer,
    units: receipt.units.toString(),
    chargedUctz: receipt.charge.toString(),
    legs: legViews(receipt.legs, receipt.charge),
    ledgerFeesUctz: extras.ledgerFees.toString(),
    outputHash: receipt.outputHash,
    determinism: stored.determinism,
    executorMs: Math.round(stored.executorMs),
    lockId: receipt.lockId,
    voucherCumulativeUctz: voucher.cumulative.toString(),
    contextHash: voucher.contextHash,
    isSignedByProvider: stored.providerSignature !== "",
    isSignedByPayer: stored.payerSignature !== "",
    grade,
    witnesses,
    endedAtMs: record.endedAtMs ?? record.submittedAtMs,
  };
}

/** The legs of an amount, to the µCTZ. */
export function legViews(legs: readonly Leg[], amount: bigint | undefined): LegView[] {
  const shares = amount === undefined ? undefined : splitPreview(amount, legs).shares;
  return legs.map(({role, cell, bps}, index) => ({
    role: role === "protocol" ? "fee" : role,
    ...(cell === undefined ? {} : {account: cell}),
    bps,
    ...(shares === undefined ? {} : {amountUctz: (shares[index]?.uctz ?? 0n).toString()}),
    isBurned: cell === undefined,
  }));
}

export type AskNames = {
  readonly alias: string | undefined;
  readonly title: string | undefined;
  readonly isSelf: boolean;
};

export function askView(ask: Ask, {alias, title, isSelf}: AskNames): AskView {
  return {
    askId: ask.askId,
    peerId: ask.peer,
    account: ask.account,
    isSelf,
    taskClass: ask.taskClass,
    ...(alias === undefined ? {} : {alias}),
    ...(title === undefined ? {} : {title}),
    unit: ask.unit,
    unitScale: UNIT_SCALE[ask.unit].toString(),
    unitPriceUctz: ask.unitPrice.toString(),
    feeMinUctz: ask.feeMin.toString(),
    legs: legViews(ask.legs, undefined),
    determinism: ask.determinism,
    ...(ask.unitsPerSecond === 0n ? {} : {unitsPerSecond: ask.unitsPerSecond.toString()}),
    slots: ask.slots,
    slotsBusy: ask.slotsBusy,
    queueLength: ask.queueLength,
    isWarm: ask.isWarm,
    expiresAtMs: ask.expiresAtMs,
  };
}

/** From the notes that a task keeps. */
export function candidateView(note: CandidateNote, index: number, self: PeerId): CandidateView {
  return {
    rank: index + 1,
    peerId: note.peer,
    account: note.account,
    isSelf: note.peer === self,
    unitPriceUctz: note.unitPrice.toString(),
    feeMinUctz: note.feeMin.toString(),
    chargeMaxUctz: note.chargeMax.toString(),
    indexUctz: note.indexUctz.toString(),
    terms: note.terms.map(({name, costUctz}) => ({name, costUctz: costUctz.toString()})),
    expectedMs: Math.max(0, Math.round(note.expectedMs)),
    reliability: Math.min(1, Math.max(0, note.reliability)),
    isWarm: note.isWarm,
    split: [],
  };
}

export function rejectedViews({rejected}: RouteResult): RejectedView[] {
  return rejected.map((each) => ({
    peerId: each.candidate.peer,
    code: each.code,
    message: explainRejection(each),
  }));
}

export function mediaTypeOf(kind: string): string {
  if (kind === "text") return "text/plain; charset=utf-8";
  return kind === "ocr" || kind === "vad" ? "application/json" : "application/octet-stream";
}
