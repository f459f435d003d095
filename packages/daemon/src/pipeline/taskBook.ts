/**
 * The requester's tasks: the record with its table of moves, and beside it what a person asks for
 * later (how it was asked, why this provider, the receipt). Each change is one atomic batch.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
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

export type TaskEntry = {readonly record: TaskRecord; readonly extras: TaskExtras};

export class TaskBook {
  readonly #store: Store;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #tasks = new Map<TaskId, TaskEntry>();
  readonly #byKey = new Map<string, TaskId>();

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
    this.#keep({record, extras});
    await this.#store.write(
      [
        {key: KEY.record + record.taskId, value: encodeTask(record)},
        {key: KEY.extras + record.taskId, value: encodeExtras(extras)},
        {key: KEY.input + record.taskId, value: input},
        ...this.#dropOldest(),
      ],
      {sync: true},
    );
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
   * Moves the record and changes the extras in one batch; `output` is written with them. Throws
   * `INTERNAL` for a move that the table does not allow: the caller's bug, never a peer's doing.
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
    const writes: Write[] = [{key: KEY.record + id, value: encodeTask(next.record)}];
    if (change.extras !== undefined) writes.push({key: KEY.extras + id, value: encodeExtras(next.extras)});
    if (change.output !== undefined) writes.push({key: KEY.output + id, value: change.output});
    if (!isOpenTask(next.record.state)) writes.push({key: KEY.input + id, value: undefined});
    await this.#store.write(writes, {sync: change.sync ?? false});
    return next.record;
  }

  async setExtras(id: TaskId, change: Partial<TaskExtras>): Promise<void> {
    const entry = this.get(id);
    const extras = {...entry.extras, ...change};
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
      this.#byKey.delete(record.idempotencyKey);
      for (const prefix of Object.values(KEY)) writes.push({key: prefix + record.taskId, value: undefined});
    }
    return writes;
  }
}
