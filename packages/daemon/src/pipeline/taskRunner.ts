/**
 * Drives one task from submitted to its end: terms, attempts in order, verification, payment. Every way
 * out leaves the record in a final state with a code; nothing here waits without a deadline.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {AttemptId, PeerId} from "@catalyze/core/primitives/id";
import {reasonFrom} from "@catalyze/core/task/endReason";
import {isOpenTask, type TaskEvent} from "@catalyze/core/task/taskState";
import {coinOf, isAudited} from "@catalyze/core/verify/coin";
import {compareResults} from "@catalyze/core/verify/compare";
import type {LocalRuns} from "./localRuns.ts";
import type {RemoteAttempts} from "./remoteAttempts.ts";
import type {Router} from "./router.ts";
import type {Settlement} from "./settlement.ts";
import type {TaskBook} from "./taskBook.ts";
import type {CommittedAttempt, TaskContext} from "./taskContext.ts";
import type {TaskEvents} from "./taskEvents.ts";
import type {RouteKind} from "./taskExtras.ts";
import type {Found, TermsFinder} from "./termsFinder.ts";

export type TaskRunnerComponents = {
  readonly clock: Clock;
  readonly log: Log;
  readonly book: TaskBook;
  readonly finder: TermsFinder;
  readonly attempts: RemoteAttempts;
  readonly local: LocalRuns | undefined;
  readonly settlement: Settlement;
  readonly router: Router;
  readonly events: TaskEvents;
};

export type TaskRunnerOptions = {
  /** Chance of a blind second run, in parts per million. */
  readonly auditPpm: number;
  /** How long a task waits for a first provider to appear before it says that there is none. */
  readonly providerWaitMs: number;
};

/** Candidates tried before a task gives up; each failed one costs time, never money. */
const ATTEMPTS_MAX = 6;
const POLL_MS = 100;

/** Ends that another provider cannot change: the input, the wallet or the user's own word. */
const FATAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "INPUT_INVALID",
  "INPUT_TOO_LARGE",
  "TENSOR_SHAPE_MISMATCH",
  "FUNDS_INSUFFICIENT",
  "LOCK_TIMEOUT",
  "OP_REJECTED",
  "OP_TIMEOUT",
  "STORE_FULL",
  "TASK_CANCELLED",
  "DEADLINE",
  "INTERNAL",
]);

/** Waiting may help: a provider may come up, or come free. */
const WAITABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["NO_PEERS", "NO_PROVIDER", "PROVIDER_BUSY"]);

type Drive = {
  readonly task: TaskContext;
  readonly route: RouteKind;
  readonly allowLocal: boolean;
  readonly excluded: Set<PeerId>;
  readonly failures: CodedError[];
};

export class TaskRunner {
  readonly #components: TaskRunnerComponents;
  readonly #options: TaskRunnerOptions;

  constructor(components: TaskRunnerComponents, options: TaskRunnerOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** Never rejects: the end is in the record. */
  async run(task: TaskContext, copies: number): Promise<void> {
    const {book, events, log} = this.#components;
    const {extras} = book.get(task.taskId);
    const drive: Drive = {
      task,
      route: extras.route,
      // A second opinion from the same machine is none.
      allowLocal: extras.route === "direct" && copies === 1,
      excluded: new Set(),
      failures: [],
    };
    try {
      await this.#drive(drive, copies);
    } catch (error) {
      await this.#end(task, this.#explain(task, toCodedError(error))).catch((failure: unknown) =>
        log.error("a task's end could not be written", {task: task.taskId, error: failure}),
      );
    }
    events.emit(task.taskId, {kind: "ended"});
  }

  async #drive(drive: Drive, copies: number): Promise<void> {
    const {settlement, router} = this.#components;
    const {task} = drive;
    const first = await this.#firstResult(drive);
    if (first === "own") return;
    const isChecked = await this.#verify(drive, first, copies);
    const {terms, commit, startedAtMs} = first;
    await settlement.pay(task.taskId, first);
    if (isChecked !== undefined) await settlement.pay(task.taskId, isChecked);
    router.succeeded(terms.peer, task.spec.taskClass, {
      latencyMs: this.#components.clock.monotonicMs() - startedAtMs,
      isAudited: isChecked !== undefined,
      units: commit.units,
      unitsMax: task.unitsMax,
    });
  }

  /** Candidates in order until one has committed; this node's own run ends the task at once. */
  async #firstResult(drive: Drive): Promise<CommittedAttempt | "own"> {
    const {attempts, local, events} = this.#components;
    const {task, failures} = drive;
    while (failures.length < ATTEMPTS_MAX) {
      const found = await this.#find(drive);
      for (const terms of found.terms) {
        if (terms === "own") {
          if (local === undefined) continue;
          await local.run(task);
          return "own";
        }
        try {
          const note = failures.length === 0 ? found.reason : `next candidate after ${failures.at(-1)?.code}`;
          events.emit(task.taskId, {kind: "phase", phase: "awarded", note});
          return await attempts.run(task, terms);
        } catch (error) {
          this.#note(drive, terms.peer, toCodedError(error));
          // Terms were made for this moment: after a failure look again, without the one that failed.
          break;
        }
      }
    }
    throw giveUp(failures);
  }

  /** Throws what no other provider can change; remembers the rest and goes on. */
  #note({task, excluded, failures}: Drive, peer: PeerId, error: CodedError): void {
    if (task.signal.aborted) throw toCodedError(task.signal.reason);
    if (FATAL.has(error.code)) throw error;
    failures.push(error);
    excluded.add(peer);
  }

  /** Terms now, or as soon as somebody offers; says what it waits for. */
  async #find(drive: Drive): Promise<Found> {
    const {clock, finder, book, events} = this.#components;
    const {task, route, allowLocal, excluded, failures} = drive;
    const untilMs = Math.min(task.deadlineMs, clock.now() + this.#options.providerWaitMs);
    for (let isFirst = true; ; isFirst = false) {
      if (task.signal.aborted) throw toCodedError(task.signal.reason);
      try {
        const found = await finder.find(task, {route, excluded, allowLocal});
        const {reason, candidates, rejected} = found;
        const {state} = book.get(task.taskId).record;
        // Beside a first result that waits for its check the task stays where that result stands.
        if (state !== "submitted" && state !== "priced") return found;
        const isRepeat = failures.length > 0;
        await book.move(
          task.taskId,
          {kind: "price"},
          {extras: isRepeat ? {} : {reason, candidates, rejected}},
        );
        return found;
      } catch (error) {
        const coded = toCodedError(error);
        // After failures the list is exhausted: what they said is the answer, not that nobody is left.
        if (failures.length > 0) throw giveUp(failures);
        if (!WAITABLE.has(coded.code) || clock.now() >= untilMs) throw coded;
        if (isFirst) events.emit(task.taskId, {kind: "phase", phase: "waiting", note: coded.message});
        await clock.sleep(POLL_MS, task.signal);
      }
    }
  }

  /**
   * The second result when two are wanted or the coin says so, compared with the first. Throws
   * `VERIFY_MISMATCH` or, when two were wanted, `VERIFY_NO_SECOND`; then neither is paid.
   */
  async #verify(
    drive: Drive,
    first: CommittedAttempt,
    copies: number,
  ): Promise<CommittedAttempt | undefined> {
    const {book, events} = this.#components;
    const {task} = drive;
    if (copies < 2 && !this.#isAudited(first)) return undefined;
    await book.move(task.taskId, {kind: "verify", attemptId: first.attemptId});
    events.emit(task.taskId, {kind: "phase", phase: "verifying", note: "asking a second provider"});
    const again: Drive = {
      ...drive,
      allowLocal: false,
      excluded: new Set([...drive.excluded, first.terms.peer]),
      failures: [],
    };
    let second: CommittedAttempt | "own";
    try {
      second = await this.#firstResult(again);
    } catch (error) {
      // An audit is our own wish: without a second provider the first is paid unaudited.
      if (copies < 2 && !task.signal.aborted) return undefined;
      await this.#refuse(task, [first], new CodedError("VERIFY_NO_SECOND", {cause: error}));
      throw new CodedError("VERIFY_NO_SECOND", {cause: error});
    }
    if (second === "own") throw new CodedError("VERIFY_NO_SECOND");
    const comparison = compareResults(task.manifest.kind, resultOf(first), resultOf(second));
    if (comparison.kind === "equal") return second;
    const mismatch = new CodedError("VERIFY_MISMATCH", {evidence: {reason: comparison.reason}});
    await this.#refuse(task, [first, second], mismatch);
    throw mismatch;
  }

  #isAudited({commit, auditNonce}: CommittedAttempt): boolean {
    const {taskHash, providerNonce, signature: commitSignature} = commit;
    const coin = coinOf({taskHash, auditNonce, providerNonce, commitSignature});
    return isAudited(coin, this.#options.auditPpm);
  }

  async #refuse(task: TaskContext, committed: readonly CommittedAttempt[], error: CodedError): Promise<void> {
    const {router} = this.#components;
    for (const {attemptId, stream, hold, terms} of committed) {
      hold.release();
      await this.#moveIfOpen(task, attemptId, {kind: "attemptFailed", attemptId, reason: reasonFrom(error)});
      await stream.reject(error.code, error.message);
      router.failed(terms.peer, task.spec.taskClass, error);
    }
  }

  async #moveIfOpen(task: TaskContext, attemptId: AttemptId, event: TaskEvent): Promise<void> {
    const {book} = this.#components;
    const {record, extras} = book.get(task.taskId);
    if (!isOpenTask(record.state)) return;
    const receipts = extras.receipts.filter((each) => each.attemptId !== attemptId);
    await book.move(task.taskId, event, {extras: {receipts, outputBytes: undefined, units: undefined}});
  }

  async #end(task: TaskContext, error: CodedError): Promise<void> {
    const {book} = this.#components;
    const {record} = book.get(task.taskId);
    // A result that is owed stays owed: the next start of this node pays it. So does a task of a node
    // that stops: it goes on where it was.
    if (!isOpenTask(record.state) || record.state === "paying" || error.code === "STARTING") return;
    const isCancel =
      error.code === "TASK_CANCELLED" && record.state !== "committed" && record.state !== "verifying";
    await book.move(task.taskId, isCancel ? {kind: "cancel"} : {kind: "fail", reason: reasonFrom(error)}, {
      sync: true,
    });
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

function resultOf({output, commit}: CommittedAttempt) {
  return {output, units: commit.units, determinism: commit.determinism};
}

/** One reason if all failed for the same, else the list of them. */
function giveUp(failures: readonly CodedError[]): CodedError {
  const codes = [...new Set(failures.map(({code}) => code))];
  const last = failures.at(-1);
  if (last !== undefined && codes.length === 1) return last;
  return new CodedError("ALL_PROVIDERS_FAILED", {
    evidence: {attempts: failures.length, codes: codes.join(", ")},
  });
}
