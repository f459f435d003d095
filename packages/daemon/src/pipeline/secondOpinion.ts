/**
 * Step 7 of the way of a task: the second result when two are wanted or the coin says so, compared with
 * the first. Results that differ are both unpaid.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {reasonFrom} from "@catalyze/core/task/endReason";
import {isOpenTask} from "@catalyze/core/task/taskState";
import {coinOf, isAudited} from "@catalyze/core/verify/coin";
import {compareResults} from "@catalyze/core/verify/compare";
import type {Candidates, Drive} from "./candidates.ts";
import type {Router} from "./router.ts";
import type {TaskBook} from "./taskBook.ts";
import {type CommittedAttempt, isStopping, type TaskContext} from "./taskContext.ts";
import type {TaskEvents} from "./taskEvents.ts";

export type SecondOpinionComponents = {
  readonly book: TaskBook;
  readonly candidates: Candidates;
  readonly router: Router;
  readonly events: TaskEvents;
};

export type SecondOpinionOptions = {
  /** Chance of a blind second run, in parts per million. */
  readonly auditPpm: number;
};

export class SecondOpinion {
  readonly #components: SecondOpinionComponents;
  readonly #options: SecondOpinionOptions;

  constructor(components: SecondOpinionComponents, options: SecondOpinionOptions) {
    this.#components = components;
    this.#options = options;
  }

  /**
   * The second result, equal to the first; `undefined` when none was needed or could be had. Throws
   * `VERIFY_MISMATCH` or, when two were wanted, `VERIFY_NO_SECOND`; then neither is paid.
   */
  async check(drive: Drive, first: CommittedAttempt, copies: number): Promise<CommittedAttempt | undefined> {
    const {book, events} = this.#components;
    const {task} = drive;
    if (copies < 2 && !this.#isAudited(first)) return undefined;
    await book.move(task.taskId, {kind: "verify", attemptId: first.attemptId});
    events.emit(task.taskId, {kind: "phase", phase: "verifying", note: "asking a second provider"});
    const second = await this.#second(drive, first, copies);
    if (second === undefined) return undefined;
    const comparison = compareResults(task.manifest.kind, resultOf(first), resultOf(second));
    if (comparison.kind === "equal") return second;
    const mismatch = new CodedError("VERIFY_MISMATCH", {evidence: {reason: comparison.reason}});
    await this.#refuse(task, [first, second], mismatch);
    throw mismatch;
  }

  async #second(
    drive: Drive,
    first: CommittedAttempt,
    copies: number,
  ): Promise<CommittedAttempt | undefined> {
    const {task} = drive;
    const excluded = new Set([...drive.excluded, first.terms.peer]);
    try {
      const second = await this.#components.candidates.firstResult({
        ...drive,
        // The maximum is the task's, not an attempt's.
        task: {...task, priceMax: task.priceMax - first.commit.charge},
        // A second opinion from the same machine is none.
        ...{allowLocal: false, excluded, failures: []},
        // The user has the result already: an audit that nobody can do now is not waited for.
        ...(copies < 2 ? {waitMs: 0} : {}),
      });
      return second === "own" ? undefined : second;
    } catch (error) {
      // The next start goes on from the record.
      if (isStopping(task.signal)) throw toCodedError(task.signal.reason);
      // An audit is our own wish and a cancel the user's: the first provider has committed and is owed.
      if (copies < 2 || task.signal.aborted) return undefined;
      const evidence = {reason: toCodedError(error).code, leftUctz: task.priceMax - first.commit.charge};
      const alone = new CodedError("VERIFY_NO_SECOND", {cause: error, evidence});
      await this.#refuse(task, [first], alone);
      throw alone;
    }
  }

  #isAudited({commit, auditNonce}: CommittedAttempt): boolean {
    const {taskHash, providerNonce, signature: commitSignature} = commit;
    const coin = coinOf({taskHash, auditNonce, providerNonce, commitSignature});
    return isAudited(coin, this.#options.auditPpm);
  }

  async #refuse(task: TaskContext, committed: readonly CommittedAttempt[], error: CodedError): Promise<void> {
    const {router} = this.#components;
    for (const attempt of committed) {
      attempt.hold.release();
      await this.#fail(task, attempt, error);
      await attempt.stream.reject(error.code, error.message);
      router.failed(attempt.terms.peer, task.spec.taskClass, error);
    }
  }

  async #fail(task: TaskContext, {attemptId}: CommittedAttempt, error: CodedError): Promise<void> {
    const {book} = this.#components;
    const {record, extras} = book.get(task.taskId);
    if (!isOpenTask(record.state)) return;
    const receipts = extras.receipts.filter((each) => each.attemptId !== attemptId);
    await book.move(
      task.taskId,
      {kind: "attemptFailed", attemptId, reason: reasonFrom(error)},
      {extras: {receipts, outputBytes: undefined, units: undefined}},
    );
  }
}

function resultOf({output, commit}: CommittedAttempt) {
  return {output, units: commit.units, determinism: commit.determinism};
}
