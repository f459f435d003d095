/**
 * The door to the requester's side: takes tasks, keeps them running across restarts, cancels them. A task
 * is acknowledged once it is on disk; from then on it ends, whatever happens to this process.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {decodeVoucher} from "@catalyze/core/ledger/voucher";
import type {AskBook} from "@catalyze/core/market/askBook";
import type {RouteResult} from "@catalyze/core/market/route";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Random} from "@catalyze/core/ports/random";
import {fromHex, fromUtf8, toHex} from "@catalyze/core/primitives/bytes";
import {decodeCanonicalJson} from "@catalyze/core/primitives/canonicalJson";
import type {PeerId, TaskClass, TaskId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {reasonOf} from "@catalyze/core/task/endReason";
import type {Manifest} from "@catalyze/core/task/manifest";
import {encodeParams} from "@catalyze/core/task/params";
import {buildSpec, hashSpec, type TaskSpec} from "@catalyze/core/task/spec";
import {isOpenAttempt, isOpenTask, submitTask} from "@catalyze/core/task/taskState";
import {unitsMax as unitsMaxOf} from "@catalyze/core/task/units";
import type {Catalog} from "./catalog.ts";
import type {Identity} from "./identity.ts";
import type {OutgoingPayments} from "./outgoingPayments.ts";
import type {Settlement} from "./settlement.ts";
import type {TaskBook, TaskEntry} from "./taskBook.ts";
import type {TaskContext} from "./taskContext.ts";
import type {TaskEvents} from "./taskEvents.ts";
import type {RouteKind} from "./taskExtras.ts";
import type {TaskRunner} from "./taskRunner.ts";
import type {TermsFinder} from "./termsFinder.ts";

export type TaskServiceComponents = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly identity: Identity;
  readonly catalog: Catalog;
  readonly asks: AskBook;
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

export type TaskSubmission = {
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly input: Uint8Array;
  readonly priceMax: bigint;
  readonly isPriceDefault: boolean;
  readonly copies: 1 | 2;
  readonly route: Exclude<RouteKind, "own">;
  readonly timeoutMs: number | undefined;
  readonly idempotencyKey: string | undefined;
};

/** What a name and an input come to, before anything is promised. */
export type Prepared = {
  readonly spec: TaskSpec;
  readonly manifest: Manifest;
  readonly unitsMax: bigint;
  readonly idempotencyKey: string;
};

/** The signal's reason when this node stops: open tasks stay open and go on at the next start. */
const STOPPING = "STARTING";

export class TaskService {
  readonly #components: TaskServiceComponents;
  readonly #options: TaskServiceOptions;
  readonly #running = new Map<TaskId, {abort: AbortController; done: Promise<void>}>();

  constructor(components: TaskServiceComponents, options: TaskServiceOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** Takes up what was open when the node last stopped. */
  async start(): Promise<void> {
    const {book, payments, log} = this.#components;
    for (const entry of book.list()) {
      for (const {voucher} of entry.extras.receipts) {
        if (voucher !== "") await payments.restore(decodeVoucher(fromHex(voucher)));
      }
      if (!isOpenTask(entry.record.state)) continue;
      await this.#resume(entry).catch((error: unknown) =>
        log.warn("a task could not be resumed", {task: entry.record.taskId, error}),
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
  }

  get openCount(): number {
    return this.#running.size;
  }

  /** Throws what cannot start: `TASK_CLASS_UNKNOWN`, `INPUT_INVALID`, `IDEMPOTENCY_CONFLICT`, `QUEUE_FULL`. */
  async create(submission: TaskSubmission): Promise<{readonly taskId: TaskId; readonly isNew: boolean}> {
    const {book, identity, clock} = this.#components;
    const prepared = await this.prepare(submission);
    const {spec, manifest, unitsMax, idempotencyKey} = prepared;
    const taskHash = hashSpec(spec);
    const known = book.byIdempotencyKey(idempotencyKey);
    if (known !== undefined) {
      if (known.record.taskHash !== taskHash) throw new CodedError("IDEMPOTENCY_CONFLICT");
      return {taskId: known.record.taskId, isNew: false};
    }
    if (this.#running.size >= this.#options.openMax) throw new CodedError("QUEUE_FULL", {retryAfterMs: 500});
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
    await book.add(
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
    this.#drive(book.get(taskId), prepared, input);
    return {taskId, isNew: true};
  }

  /** Resolves the class and bounds the work. Throws as `create`. */
  async prepare(
    submission: Pick<TaskSubmission, "name" | "params" | "input" | "idempotencyKey">,
  ): Promise<Prepared> {
    const {identity, random} = this.#components;
    const taskClass = await this.#resolve(submission.name);
    const manifest = await this.#manifestOf(taskClass);
    const params = encodeParams(manifest.kind, submission.params);
    const unitsMax = unitsMaxOf(manifest, params, submission.input);
    const idempotencyKey = submission.idempotencyKey ?? toHex(random.bytes(16));
    const json = decodeCanonicalJson(params);
    const spec = buildSpec({
      taskClass,
      params: json,
      input: submission.input,
      payer: identity.account,
      idempotencyKey,
    });
    return {spec, manifest, unitsMax, idempotencyKey};
  }

  /** The ranked list for a task that nobody runs. */
  async quote(
    submission: TaskSubmission,
  ): Promise<{readonly prepared: Prepared; readonly result: RouteResult}> {
    const {finder} = this.#components;
    const prepared = await this.prepare(submission);
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

  /** Resolves when the task has ended; at once when it has. */
  async ended(id: TaskId): Promise<TaskEntry> {
    await this.#running.get(id)?.done;
    return this.#components.book.get(id);
  }

  #drive({record}: TaskEntry, prepared: Prepared, input: Uint8Array): void {
    const {runner} = this.#components;
    const abort = new AbortController();
    const context: TaskContext = {
      ...this.#context(prepared, input, record.priceMax, undefined),
      deadlineMs: record.taskDeadlineMs,
      signal: abort.signal,
    };
    const done = runner.run(context, record.copies).finally(() => this.#running.delete(record.taskId));
    this.#running.set(record.taskId, {abort, done});
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

  async #resume({record, extras}: TaskEntry): Promise<void> {
    const {book, settlement} = this.#components;
    const owed = record.attempts.filter(
      ({state}) => state === "committed" || state === "verifying" || state === "paying",
    );
    if (owed.length > 0 && record.copies === 1) {
      for (const {attemptId, peer} of owed) await settlement.payStored(record.taskId, attemptId, peer);
      return;
    }
    for (const attempt of record.attempts) {
      if (!isOpenAttempt(attempt.state) || attempt.state === "paying") continue;
      const reason = {...reasonOf("PROVIDER_DIED"), message: "This node restarted while the attempt ran."};
      await book.move(
        record.taskId,
        {kind: "attemptFailed", attemptId: attempt.attemptId, reason},
        {extras: {receipts: []}},
      );
    }
    const input = await book.input(record.taskId);
    if (input === undefined || this.#components.clock.now() >= record.taskDeadlineMs) {
      await book.move(record.taskId, {kind: "fail", reason: reasonOf("DEADLINE")}, {sync: true});
      return;
    }
    const params = JSON.parse(extras.params) as Record<string, unknown>;
    const {idempotencyKey} = record;
    // In the background: the class may be known only once peers are back.
    void this.prepare({name: record.taskClass, params, input, idempotencyKey}).then(
      (prepared) => this.#drive(book.get(record.taskId), prepared, input),
      (error: unknown) =>
        book.move(record.taskId, {
          kind: "fail",
          reason: {code: toCodedError(error).code, message: toCodedError(error).message},
        }),
    );
  }

  /** An alias, class or bundle id as the user wrote it; asks of unknown classes are looked into first. */
  async #resolve(name: string): Promise<TaskClass> {
    const {catalog} = this.#components;
    const known = catalog.resolve(name);
    if (known !== undefined) return known;
    await this.#learn();
    const learned = catalog.resolve(name);
    if (learned === undefined)
      throw new CodedError("TASK_CLASS_UNKNOWN", {evidence: {name: name.slice(0, 80)}});
    return learned;
  }

  async #manifestOf(taskClass: TaskClass): Promise<Manifest> {
    const {catalog, asks, clock} = this.#components;
    const sources = asks.live(taskClass, clock.now()).map(({ask}) => ask.peer);
    const manifest = await catalog.manifestOf(taskClass, sources);
    if (manifest === undefined) throw new CodedError("TASK_CLASS_UNKNOWN", {evidence: {taskClass}});
    return manifest;
  }

  /** Manifests behind live asks, so that their aliases are known. */
  async #learn(): Promise<void> {
    const {catalog, asks, clock, log} = this.#components;
    const sources = new Map<TaskClass, PeerId[]>();
    for (const {ask} of asks.all(clock.now()))
      sources.set(ask.taskClass, [...(sources.get(ask.taskClass) ?? []), ask.peer]);
    await Promise.all(
      [...sources]
        .slice(0, CLASSES_LEARNED_MAX)
        .map(([taskClass, peers]) =>
          catalog
            .manifestOf(taskClass, peers)
            .catch((error: unknown) => log.debug("manifest not fetched", {taskClass, error})),
        ),
    );
  }
}

const CLASSES_LEARNED_MAX = 64;
