/**
 * The door to the requester's side: takes tasks, keeps them running across restarts, cancels them. A task
 * is acknowledged once it is on disk; from then on it ends, whatever happens to this process.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {decodeVoucher} from "@catalyze/core/ledger/voucher";
import type {RouteResult} from "@catalyze/core/market/route";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import {fromHex, fromUtf8} from "@catalyze/core/primitives/bytes";
import type {PeerId, TaskId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {reasonOf} from "@catalyze/core/task/endReason";
import {hashSpec} from "@catalyze/core/task/spec";
import {isOpenTask, submitTask} from "@catalyze/core/task/taskState";
import type {Identity} from "./identity.ts";
import type {OutgoingPayments} from "./outgoingPayments.ts";
import {dropCutOff, payOwed} from "./resume.ts";
import type {Settlement} from "./settlement.ts";
import type {TaskBook, TaskEntry} from "./taskBook.ts";
import {STOPPING, type TaskContext} from "./taskContext.ts";
import type {TaskEvents} from "./taskEvents.ts";
import type {RouteKind} from "./taskExtras.ts";
import type {Preparation, Prepared, TaskPreparer} from "./taskPreparer.ts";
import type {TaskRunner} from "./taskRunner.ts";
import type {TermsFinder} from "./termsFinder.ts";

export type TaskServiceComponents = {
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  readonly preparer: TaskPreparer;
  readonly book: TaskBook;
  readonly runner: TaskRunner;
  readonly finder: TermsFinder;
  readonly settlement: Settlement;
  readonly payments: OutgoingPayments;
  readonly events: TaskEvents;
};

export type TaskServiceOptions = {
  /** Tasks open at one time. */
  readonly openMax: number;
  readonly timeoutMsDefault: number;
};

export type TaskSubmission = Preparation & {
  readonly priceMax: bigint;
  readonly isPriceDefault: boolean;
  readonly copies: 1 | 2;
  readonly route: Exclude<RouteKind, "own">;
  readonly timeoutMs: number | undefined;
};

export class TaskService {
  readonly #components: TaskServiceComponents;
  readonly #options: TaskServiceOptions;
  readonly #running = new Map<TaskId, {abort: AbortController; done: Promise<void>}>();
  /** Tasks on their way to the disk. */
  #adding = 0;

  constructor(components: TaskServiceComponents, options: TaskServiceOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** Takes up what was open when the node last stopped: first the money, then the work. */
  async start(): Promise<void> {
    const {book, payments, settlement, log} = this.#components;
    // What is being added right now is run by whoever adds it.
    const entries = book.list().filter(({record}) => !book.isAdding(record.taskId));
    for (const {record, extras} of entries) {
      for (const {voucher} of extras.receipts) {
        if (voucher !== "") await payments.restore(decodeVoucher(fromHex(voucher)));
      }
      if (!isOpenTask(record.state)) settlement.deliverStored(record.taskId);
    }
    const open = entries.filter(({record}) => isOpenTask(record.state));
    for (const entry of open) {
      await payOwed(entry, settlement).catch((error: unknown) =>
        log.warn("a result that is owed could not be paid", {task: entry.record.taskId, error}),
      );
    }
    for (const {record} of open) {
      await this.#resume(book.get(record.taskId)).catch((error: unknown) =>
        log.warn("a task could not be resumed", {task: record.taskId, error}),
      );
    }
  }

  /** Lets running tasks end for `drainMs`, then stops them; those stay open on disk. */
  async stop(drainMs: number): Promise<void> {
    const {clock} = this.#components;
    const all = Promise.allSettled([...this.#running.values()].map(({done}) => done));
    const patience = new AbortController();
    await Promise.race([all, clock.sleep(drainMs, patience.signal).catch(() => undefined)]);
    patience.abort();
    for (const {abort} of this.#running.values()) abort.abort(new CodedError(STOPPING));
    await all;
    await this.#components.settlement.stop();
  }

  get openCount(): number {
    return this.#running.size;
  }

  /** Throws what cannot start: `TASK_CLASS_UNKNOWN`, `INPUT_INVALID`, `IDEMPOTENCY_CONFLICT`, `QUEUE_FULL`. */
  async create(submission: TaskSubmission): Promise<{readonly taskId: TaskId; readonly isNew: boolean}> {
    const {book, identity, clock} = this.#components;
    const prepared = await this.#components.preparer.prepare(submission);
    const {spec, manifest, unitsMax, idempotencyKey} = prepared;
    const taskHash = hashSpec(spec);
    const known = book.byIdempotencyKey(idempotencyKey);
    if (known !== undefined) {
      if (known.record.taskHash !== taskHash) throw new CodedError("IDEMPOTENCY_CONFLICT");
      // Acknowledged is what is on disk, for whoever asks second too.
      await book.added(known.record.taskId);
      return {taskId: known.record.taskId, isNew: false};
    }
    if (this.#running.size + this.#adding >= this.#options.openMax)
      throw new CodedError("QUEUE_FULL", {retryAfterMs: 500});
    const taskId = spec.nonce as TaskId;
    const timeoutMs = submission.timeoutMs ?? this.#options.timeoutMsDefault;
    const record = submitTask(
      {
        taskId,
        taskHash,
        taskClass: spec.taskClass,
        idempotencyKey,
        payer: identity.account,
        priceMax: submission.priceMax,
        copies: submission.copies,
        taskDeadlineMs: (clock.now() + timeoutMs) as UnixMs,
      },
      clock.now(),
    );
    const {name, route, isPriceDefault, input} = submission;
    this.#adding += 1;
    const added = book.add(
      record,
      {
        ...{name, route, isPriceDefault, unitsMax},
        kind: manifest.kind,
        params: fromUtf8(spec.params),
        inputBytes: input.length,
        outputBytes: undefined,
        units: undefined,
        ledgerFees: 0n,
        reason: "",
        candidates: [],
        rejected: [],
        receipts: [],
      },
      input,
    );
    await added.finally(() => {
      this.#adding -= 1;
    });
    this.#run(taskId, async () => prepared, input);
    return {taskId, isNew: true};
  }

  /** The ranked list for a task that nobody runs. */
  async quote(
    submission: TaskSubmission,
  ): Promise<{readonly prepared: Prepared; readonly result: RouteResult}> {
    const {finder} = this.#components;
    const prepared = await this.#components.preparer.prepare(submission);
    const context = this.#context(prepared, submission.input, submission.priceMax, submission.timeoutMs);
    return {prepared, result: finder.rank(context, {excluded: new Set<PeerId>(), allowLocal: true})};
  }

  /** Free of charge before a provider has committed. Throws `TASK_NOT_FOUND` or `TASK_FINISHED`. */
  async cancel(id: TaskId): Promise<void> {
    const {record} = this.#components.book.get(id);
    const running = this.#running.get(id);
    if (!isOpenTask(record.state) || running === undefined) throw new CodedError("TASK_FINISHED");
    running.abort.abort(new CodedError("TASK_CANCELLED"));
    await running.done;
  }

  /** The entry once both signatures of its receipt are there, or a moment later without the provider's. */
  async receipted(id: TaskId): Promise<TaskEntry> {
    await this.#components.settlement.handed(id);
    return this.#components.book.get(id);
  }

  /** Resolves when the task has ended; at once when it has. */
  async ended(id: TaskId): Promise<TaskEntry> {
    await this.#running.get(id)?.done;
    return this.#components.book.get(id);
  }

  /** Once only: a task that ran twice would be paid twice. */
  #run(taskId: TaskId, prepare: (signal: AbortSignal) => Promise<Prepared>, input: Uint8Array): void {
    if (this.#running.has(taskId)) return;
    const abort = new AbortController();
    const done = this.#drive(taskId, {prepare, input, signal: abort.signal}).finally(() =>
      this.#running.delete(taskId),
    );
    this.#running.set(taskId, {abort, done});
  }

  /** Never rejects: the end is in the record. */
  async #drive(taskId: TaskId, {prepare, input, signal}: Driven): Promise<void> {
    const {runner, book} = this.#components;
    const {priceMax, taskDeadlineMs: deadlineMs, copies} = book.get(taskId).record;
    let prepared: Prepared;
    try {
      prepared = await prepare(signal);
    } catch (error) {
      await runner.fail(taskId, signal, toCodedError(error));
      return;
    }
    const context = this.#context(prepared, input, priceMax, undefined);
    await runner.run({...context, deadlineMs, signal}, copies);
  }

  #context(
    prepared: Prepared,
    input: Uint8Array,
    priceMax: bigint,
    timeoutMs: number | undefined,
  ): Omit<TaskContext, "signal"> {
    const {spec, manifest, unitsMax} = prepared;
    const deadlineMs = (this.#components.clock.now() +
      (timeoutMs ?? this.#options.timeoutMsDefault)) as UnixMs;
    return {taskId: spec.nonce as TaskId, spec, manifest, input, unitsMax, priceMax, deadlineMs};
  }

  async #resume(entry: TaskEntry): Promise<void> {
    const {book, preparer, clock} = this.#components;
    const {taskId, state} = entry.record;
    // Submitted in the meantime, and running already.
    if (!isOpenTask(state) || state === "paying" || this.#running.has(taskId)) return;
    await dropCutOff(entry, book);
    const {record} = book.get(taskId);
    if (!isOpenTask(record.state)) return;
    const input = await book.input(taskId);
    if (input === undefined || clock.now() >= record.taskDeadlineMs) {
      await book.end(taskId, {kind: "fail", reason: reasonOf("DEADLINE")});
      return;
    }
    const {taskClass: name, idempotencyKey, taskDeadlineMs} = record;
    const params = JSON.parse(entry.extras.params) as Record<string, unknown>;
    const request = {name, params, input, idempotencyKey};
    this.#run(taskId, (signal) => preparer.prepareAgain(request, taskDeadlineMs, signal), input);
  }
}

type Driven = {
  readonly prepare: (signal: AbortSignal) => Promise<Prepared>;
  readonly input: Uint8Array;
  readonly signal: AbortSignal;
};
