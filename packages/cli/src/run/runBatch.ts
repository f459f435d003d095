/** `ctz run` with several inputs: a few in flight at a time, results in order, one bar for all. */
import {writeFile} from "node:fs/promises";
import type {ApiClient} from "@catalyze/api/client/apiClient";
import {toErrorReport} from "@catalyze/api/errorReport";
import type {ErrorReport} from "@catalyze/api/schema/fields";
import type {TaskHeader, TaskView} from "@catalyze/api/schema/task";
import {throwUnlessDone} from "@catalyze/api/taskEnd";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {CommandContext} from "../context.ts";
import {ctz, duration} from "../output/format.ts";
import {ProgressBar} from "../output/progressBar.ts";
import type {BatchItem} from "./batchFile.ts";
import {resultJson, resultText, type TaskResult} from "./showOutput.ts";
import {runTask} from "./taskRun.ts";

/** Enough to keep several providers busy; the daemon queues the rest of what it is sent. */
const IN_FLIGHT_MAX = 16;

export type BatchRequest = {
  readonly header: TaskHeader;
  readonly items: readonly BatchItem[];
  readonly idempotencyKey: string;
  readonly outFile: string | undefined;
};

type ItemResult = {readonly index: number; readonly label: string} & (
  | {readonly ok: true; readonly task: TaskView; readonly result: TaskResult}
  | {readonly ok: false; readonly error: CodedError}
);

/** The exit code: 0, or that of the first task that failed. */
export async function runBatch(
  context: CommandContext,
  client: ApiClient,
  request: BatchRequest,
): Promise<number> {
  const started = context.io.now();
  const batch = new Batch(context, client, request);
  const stopListening = context.io.onInterrupt(() => batch.cancel());
  let results: readonly ItemResult[];
  try {
    results = await batch.run();
  } finally {
    stopListening();
  }
  await show(context, request, results);
  const failed = results.filter((result): result is Extract<ItemResult, {ok: false}> => !result.ok);
  const charged = results.reduce((sum, item) => sum + (item.ok ? BigInt(item.task.chargedUctz) : 0n), 0n);
  context.output.note(
    `${results.length - failed.length} done, ${failed.length} failed in ${duration(context.io.now() - started)}; charged ${ctz(charged.toString())}`,
  );
  return failed[0]?.error.row.exit ?? 0;
}

async function show(
  {output}: CommandContext,
  {outFile}: BatchRequest,
  results: readonly ItemResult[],
): Promise<void> {
  const lines = results.map(lineOf);
  if (outFile !== undefined)
    await writeFile(outFile, lines.map((line) => `${JSON.stringify({v: 1, ...line})}\n`).join(""));
  if (output.isJson) {
    const failed = results.filter(({ok}) => !ok).length;
    output.data(
      {
        done: results.length - failed,
        failed,
        ...(outFile === undefined ? {results: lines} : {file: outFile}),
      },
      () => "",
    );
    return;
  }
  if (outFile !== undefined) return;
  for (const item of results) {
    output.raw(`${output.paint(`--- ${item.label}`, "bold")}\n`);
    if (item.ok) output.raw(resultText(item.task, item.result));
    else output.failure(item.error);
  }
}

type ResultLine = {
  readonly index: number;
  readonly label: string;
  readonly ok: boolean;
  readonly taskId?: string;
  readonly chargedUctz?: string;
  readonly result?: unknown;
  readonly error?: ErrorReport;
};

function lineOf(item: ItemResult): ResultLine {
  const {index, label} = item;
  if (!item.ok) return {index, label, ok: false, error: toErrorReport(item.error)};
  const {taskId, chargedUctz} = item.task;
  return {index, label, ok: true, taskId, chargedUctz, result: resultJson(item.task, item.result)};
}

class Batch {
  readonly #context: CommandContext;
  readonly #client: ApiClient;
  readonly #request: BatchRequest;
  readonly #bar: ProgressBar;
  readonly #open = new Set<string>();
  #next = 0;
  #ended = 0;
  #isCancelled = false;

  constructor(context: CommandContext, client: ApiClient, request: BatchRequest) {
    this.#context = context;
    this.#client = client;
    this.#request = request;
    this.#bar = new ProgressBar(context.io, context.globals.quiet);
  }

  async run(): Promise<readonly ItemResult[]> {
    const {items} = this.#request;
    const results: ItemResult[] = [];
    const work = async (): Promise<void> => {
      while (this.#next < items.length) {
        const index = this.#next;
        this.#next += 1;
        results[index] = await this.#one(index);
        this.#ended += 1;
        this.#bar.update("tasks", this.#ended, items.length);
      }
    };
    await Promise.all(Array.from({length: Math.min(IN_FLIGHT_MAX, items.length)}, work));
    this.#bar.clear();
    return results;
  }

  /** Submits nothing more and cancels what is open; every item still gets its result. */
  cancel(): void {
    this.#isCancelled = true;
    this.#context.output.note("Cancelling; Ctrl-C again stops waiting.");
    for (const id of this.#open) {
      // Too late or gone: the task's own end tells.
      this.#client.call("taskCancel", {params: {id}}).catch(() => undefined);
    }
  }

  async #one(index: number): Promise<ItemResult> {
    const item = this.#request.items[index];
    const label = item?.label ?? "";
    let taskId: string | undefined;
    try {
      if (this.#isCancelled || item === undefined) throw new CodedError("TASK_CANCELLED");
      const task = await runTask(this.#client, this.#uploadOf(item, index), {
        onCreated: (id) => {
          taskId = id;
          this.#open.add(id);
        },
      });
      throwUnlessDone(task);
      return {index, label, ok: true, task, result: await this.#client.taskOutput(task.taskId)};
    } catch (error) {
      return {index, label, ok: false, error: toCodedError(error)};
    } finally {
      if (taskId !== undefined) this.#open.delete(taskId);
    }
  }

  #uploadOf(item: BatchItem, index: number): TaskHeader & {input: Uint8Array} {
    const {header, idempotencyKey} = this.#request;
    const params = {...header.params, ...item.params};
    return {...header, params, input: item.bytes, idempotencyKey: `${idempotencyKey}-${index}`};
  }
}
