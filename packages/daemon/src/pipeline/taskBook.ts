/**
 * The requester's tasks: the record with its table of moves, and beside it what a person asks for
 * later (how it was asked, why this provider, the receipt). Each change is one atomic batch.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Store, Write} from "@catalyze/core/ports/store";
import type {TaskId} from "@catalyze/core/primitives/id";
import type {TaskRecord} from "@catalyze/core/task/task";
import {decodeTask, encodeTask} from "@catalyze/core/task/taskCodec";
import {isOpenTask, move, type TaskEvent} from "@catalyze/core/task/taskState";
import {decodeExtras, encodeExtras, type TaskExtras} from "./taskExtras.ts";

const KEY = {record: "task/", extras: "task-extras/", input: "task-input/", output: "task-output/"} as const;
/** Ended tasks kept with their outputs; older ones go, their money stays in the ledger. */
const KEPT_MAX = 1_000;
const RETRY_MS = 1_000;
/**
 * Moves after which nothing is said or promised to anybody before the next move: that one writes the
 * whole record. A crash in between goes on from the move before.
 */
const SILENT: ReadonlySet<TaskEvent["kind"]> = new Set(["price", "award", "accept"]);

export type TaskEntry = {readonly record: TaskRecord; readonly extras: TaskExtras};

export class TaskBook {
  readonly #store: Store;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #tasks = new Map<TaskId, TaskEntry>();
  readonly #byKey = new Map<string, TaskId>();
  readonly #adding = new Map<TaskId, Promise<void>>();
  /** Ended while the disk was full. */
  readonly #unwritten = new Set<TaskId>();
  /** Extras changed in memory since they were written. */
  readonly #extrasBehind = new Set<TaskId>();
  #cancelRetry: () => void = () => undefined;

  constructor(components: {readonly store: Store; readonly clock: Clock}) {
    this.#store = components.store;
    this.#clock = components.clock;
  }

  async start(): Promise<void> {
    const extras = new Map(await this.#store.range(KEY.extras));
    const entries: TaskEntry[] = [];
    for (const [, bytes] of await this.#store.range(KEY.record)) {
      const record = decodeTask(bytes);
      const beside = extras.get(KEY.extras + record.taskId);
      if (beside === undefined) throw new CodedError("STORE_CORRUPT", {evidence: {task: record.taskId}});
      entries.push({record, extras: decodeExtras(beside)});
    }
    entries.sort((left, right) => left.record.submittedAtMs - right.record.submittedAtMs);
    for (const entry of entries) this.#keep(entry);
  }

  /** On disk when it resolves: the task is acknowledged. */
  async add(record: TaskRecord, extras: TaskExtras, input: Uint8Array): Promise<void> {
    const {taskId} = record;
    this.#keep({record, extras});
    const adding = this.#write(record, extras, input).finally(() => this.#adding.delete(taskId));
    this.#adding.set(taskId, adding);
    await adding;
  }

  /** Whether a task is still on its way to the disk. */
  isAdding(id: TaskId): boolean {
    return this.#adding.has(id);
  }

  /** Resolves once the task is on disk; rejects with what kept it from there, and then it is gone. */
  async added(id: TaskId): Promise<void> {
    await this.#adding.get(id);
  }

  async #write(record: TaskRecord, extras: TaskExtras, input: Uint8Array): Promise<void> {
    const {taskId, idempotencyKey} = record;
    const writes: Write[] = [
      {key: KEY.record + taskId, value: encodeTask(record)},
      {key: KEY.extras + taskId, value: encodeExtras(extras)},
      {key: KEY.input + taskId, value: input},
    ];
    try {
      await this.#store.write([...writes, ...this.#dropOldest()], {sync: true});
    } catch (error) {
      // Nothing was acknowledged: the same key may be tried again.
      this.#tasks.delete(taskId);
      this.#byKey.delete(idempotencyKey);
      throw error;
    }
  }

  /** Throws `TASK_NOT_FOUND`. */
  get(id: TaskId): TaskEntry {
    const entry = this.#tasks.get(id);
    if (entry === undefined) throw new CodedError("TASK_NOT_FOUND", {evidence: {task: id}});
    return entry;
  }

  byIdempotencyKey(key: string): TaskEntry | undefined {
    const id = this.#byKey.get(key);
    return id === undefined ? undefined : this.#tasks.get(id);
  }

  /** Newest first. */
  list(): readonly TaskEntry[] {
    return [...this.#tasks.values()].reverse();
  }

  async input(id: TaskId): Promise<Uint8Array | undefined> {
    return await this.#store.get(KEY.input + id);
  }

  async output(id: TaskId): Promise<Uint8Array | undefined> {
    return await this.#store.get(KEY.output + id);
  }

  /**
   * Moves the record and changes the extras in one batch; `output` is written with them. Nothing has
   * changed when it throws. Throws `INTERNAL` for a move that the table does not allow: the caller's
   * bug, never a peer's doing.
   */
  async move(
    id: TaskId,
    event: TaskEvent,
    change: {
      readonly extras?: Partial<TaskExtras>;
      readonly output?: Uint8Array;
      readonly sync?: boolean;
    } = {},
  ): Promise<TaskRecord> {
    const entry = this.get(id);
    const result = move(entry.record, event, this.#clock.now());
    if (result.kind === "illegal") {
      throw new CodedError("INTERNAL", {
        message: `Illegal move of a task: ${result.reason}`,
        evidence: {event: event.kind},
      });
    }
    const next = {record: result.record, extras: {...entry.extras, ...change.extras}};
    this.#tasks.set(id, next);
    if (change.extras !== undefined) this.#extrasBehind.add(id);
    if (SILENT.has(event.kind)) return next.record;
    const writes = writesOf(id, next, this.#extrasBehind.has(id));
    if (change.output !== undefined) writes.push({key: KEY.output + id, value: change.output});
    try {
      await this.#store.write(writes, {sync: change.sync ?? false});
      this.#extrasBehind.delete(id);
    } catch (error) {
      if (this.#tasks.get(id) === next) this.#tasks.set(id, entry);
      throw error;
    }
    return next.record;
  }

  /**
   * Ends a task, also on a full disk: it has ended for everybody who asks, and is written as soon as
   * there is room.
   */
  async end(id: TaskId, event: Extract<TaskEvent, {kind: "fail" | "cancel"}>): Promise<void> {
    try {
      await this.move(id, event, {sync: true});
    } catch (error) {
      if (toCodedError(error).code !== "STORE_FULL") throw error;
      const entry = this.get(id);
      const result = move(entry.record, event, this.#clock.now());
      if (result.kind === "illegal") return;
      this.#tasks.set(id, {...entry, record: result.record});
      this.#unwritten.add(id);
      this.#writeLater();
    }
  }

  stop(): void {
    this.#cancelRetry();
  }

  #writeLater(): void {
    this.#cancelRetry();
    this.#cancelRetry = this.#clock.after(RETRY_MS, () => {
      const entries = [...this.#unwritten].flatMap((id) => writesOf(id, this.get(id), true));
      this.#store.write(entries, {sync: true}).then(
        () => this.#unwritten.clear(),
        // Still full, or gone: the next try says the same, and a restart goes on from the older record.
        () => this.#writeLater(),
      );
    });
  }

  async setExtras(id: TaskId, change: Partial<TaskExtras>): Promise<void> {
    const entry = this.get(id);
    const extras = {...entry.extras, ...change};
    // What a person may want to know later: in memory even when the disk has no room for it.
    this.#tasks.set(id, {...entry, extras});
    await this.#store.write([{key: KEY.extras + id, value: encodeExtras(extras)}]);
  }

  #keep(entry: TaskEntry): void {
    this.#tasks.set(entry.record.taskId, entry);
    this.#byKey.set(entry.record.idempotencyKey, entry.record.taskId);
  }

  #dropOldest(): Write[] {
    const writes: Write[] = [];
    for (const {record} of this.#tasks.values()) {
      if (this.#tasks.size <= KEPT_MAX) break;
      if (isOpenTask(record.state)) continue;
      this.#tasks.delete(record.taskId);
      this.#unwritten.delete(record.taskId);
      this.#byKey.delete(record.idempotencyKey);
      for (const prefix of Object.values(KEY)) writes.push({key: prefix + record.taskId, value: undefined});
    }
    return writes;
  }
}

function writesOf(id: TaskId, {record, extras}: TaskEntry, isWithExtras: boolean): Write[] {
  const writes: Write[] = [{key: KEY.record + id, value: encodeTask(record)}];
  if (isWithExtras) writes.push({key: KEY.extras + id, value: encodeExtras(extras)});
  if (!isOpenTask(record.state)) writes.push({key: KEY.input + id, value: undefined});
  return writes;
}
