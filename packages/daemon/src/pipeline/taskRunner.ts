/**
 * Drives one task from submitted to its end: candidates in order, verification, payment. Every way out
 * leaves the record in a final state with a code; nothing here waits without a deadline.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {TaskId} from "@catalyze/core/primitives/id";
import {reasonFrom} from "@catalyze/core/task/endReason";
import {isOpenTask} from "@catalyze/core/task/taskState";
import type {Candidates, Drive} from "./candidates.ts";
import type {Router} from "./router.ts";
import type {SecondOpinion} from "./secondOpinion.ts";
import type {Settlement} from "./settlement.ts";
import type {TaskBook} from "./taskBook.ts";
import {type CommittedAttempt, isStopping, type TaskContext} from "./taskContext.ts";
import type {TaskEvents} from "./taskEvents.ts";

export type TaskRunnerComponents = {
  readonly clock: Clock;
  readonly log: Log;
  readonly book: TaskBook;
  readonly candidates: Candidates;
  readonly opinion: SecondOpinion;
  readonly settlement: Settlement;
  readonly router: Router;
  readonly events: TaskEvents;
};

export class TaskRunner {
  readonly #components: TaskRunnerComponents;

  constructor(components: TaskRunnerComponents) {
    this.#components = components;
  }

  /** Never rejects: the end is in the record. */
  async run(task: TaskContext, copies: number): Promise<void> {
    const {book, events} = this.#components;
    const {route} = book.get(task.taskId).extras;
    const drive: Drive = {
      ...{task, route},
      // A second opinion from the same machine is none.
      allowLocal: route === "direct" && copies === 1,
      excluded: new Set(),
      failures: [],
    };
    try {
      await this.#drive(drive, copies);
    } catch (error) {
      await this.fail(task.taskId, task.signal, this.#explain(task, toCodedError(error)));
      return;
    }
    events.emit(task.taskId, {kind: "ended"});
  }

  /** Ends a task that has not succeeded. Never rejects. */
  async fail(taskId: TaskId, signal: AbortSignal, error: CodedError): Promise<void> {
    const {events, log} = this.#components;
    await this.#end(taskId, signal, error).catch((failure: unknown) =>
      log.error("a task's end could not be written", {task: taskId, error: failure}),
    );
    events.emit(taskId, {kind: "ended"});
  }

  async #drive(drive: Drive, copies: number): Promise<void> {
    const {candidates, opinion} = this.#components;
    const first = await candidates.firstResult(drive);
    if (first === "own") return;
    const second = await opinion.check(drive, first, copies);
    const isAudited = second !== undefined;
    await this.#pay(drive.task, first, isAudited);
    if (second !== undefined) await this.#pay(drive.task, second, isAudited);
  }

  async #pay(task: TaskContext, committed: CommittedAttempt, isAudited: boolean): Promise<void> {
    const {settlement, router} = this.#components;
    const {terms, commit, latencyMs} = committed;
    await settlement.pay(task, committed);
    router.succeeded(terms.peer, task.spec.taskClass, {
      ...{latencyMs, isAudited},
      units: commit.units,
      unitsMax: task.unitsMax,
    });
  }

  async #end(taskId: TaskId, signal: AbortSignal, error: CodedError): Promise<void> {
    const {book} = this.#components;
    const {record} = book.get(taskId);
    // A result that is owed stays owed: the next start of this node pays it. So does a task of a node
    // that stops: it goes on where it was.
    if (!isOpenTask(record.state) || record.state === "paying" || isStopping(signal)) return;
    const isCancel =
      error.code === "TASK_CANCELLED" && record.state !== "committed" && record.state !== "verifying";
    await book.end(taskId, isCancel ? {kind: "cancel"} : {kind: "fail", reason: reasonFrom(error)});
  }

  /** A default maximum that is too low is a question to the user, not a refusal. */
  #explain(task: TaskContext, error: CodedError): CodedError {
    const {extras} = this.#components.book.get(task.taskId);
    if (error.code !== "PRICE_ABOVE_MAX" || !extras.isPriceDefault) return error;
    return new CodedError("NEEDS_CONFIRMATION", {
      evidence: {priceUctz: error.evidence["lowest"] ?? "", maxPriceDefaultUctz: task.priceMax},
    });
  }
}
