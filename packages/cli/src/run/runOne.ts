/** `ctz run` with one input: progress, text as it comes, Ctrl-C that cancels, and what it cost. */
import {writeFile} from "node:fs/promises";
import type {ApiClient, TaskUpload} from "@catalyze/api/client/apiClient";
import type {TaskEvent, TaskView} from "@catalyze/api/schema/task";
import {throwUnlessDone} from "@catalyze/api/taskEnd";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {CommandContext} from "../context.ts";
import {ctz, duration, shortId} from "../output/format.ts";
import {oneLine, plainText} from "../output/plainText.ts";
import {ProgressBar} from "../output/progressBar.ts";
import {resultJson, resultText} from "./showOutput.ts";
import {runTask} from "./taskRun.ts";

export type RunOneRequest = {
  readonly upload: TaskUpload;
  /** Absolute; the raw output goes there instead of to stdout. */
  readonly outFile: string | undefined;
  /** The output's bytes to stdout, as they are. */
  readonly isRaw: boolean;
};

export async function runOne(
  context: CommandContext,
  client: ApiClient,
  request: RunOneRequest,
): Promise<void> {
  const view = new RunView(context, request);
  const stopListening = context.io.onInterrupt(() => void cancel(context, client, view.taskId));
  let task: TaskView;
  try {
    task = await runTask(client, request.upload, view);
  } finally {
    stopListening();
    view.end();
  }
  throwUnlessDone(task);
  await showResult(context, {client, task, view, request});
}

async function cancel(
  {output}: CommandContext,
  client: ApiClient,
  taskId: string | undefined,
): Promise<void> {
  output.note("Cancelling; Ctrl-C again stops waiting.");
  if (taskId === undefined) return;
  try {
    await client.call("taskCancel", {params: {id: taskId}});
  } catch (error) {
    // Its own end, or the daemon's, comes through the event stream.
    output.note(toCodedError(error).message);
  }
}

type Shown = {
  readonly client: ApiClient;
  readonly task: TaskView;
  readonly view: RunView;
  readonly request: RunOneRequest;
};

async function showResult({output, io}: CommandContext, {client, task, view, request}: Shown): Promise<void> {
  const result = await client.taskOutput(task.taskId);
  if (request.outFile !== undefined) await writeOutput(request.outFile, result.bytes);
  if (output.isJson) {
    const where =
      request.outFile === undefined ? {result: resultJson(task, result)} : {file: request.outFile};
    output.data({...task, ...where}, () => "");
  } else if (request.outFile !== undefined)
    output.note(`wrote ${result.bytes.length} bytes to ${request.outFile}`);
  else if (request.isRaw) output.raw(result.bytes);
  else if (view.hasStreamed) output.raw("\n");
  else output.raw(forPlace(resultText(task, result), io.stdout.isTty));
  output.note(summary(task));
}

/** A program gets what was signed; a terminal gets what cannot harm it. */
function forPlace(text: string | Uint8Array, isTty: boolean): string | Uint8Array {
  return isTty && typeof text === "string" ? plainText(text) : text;
}

async function writeOutput(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code === "ENOSPC") throw new CodedError("STORE_FULL", {cause: error});
    throw new CodedError("USAGE", {message: `Cannot write ${path} (${code ?? "unknown"}).`, cause: error});
  }
}

function summary({
  taskId,
  peerId,
  createdAtMs,
  endedAtMs,
  chargedUctz,
  maxPriceUctz,
  reason,
  attempts,
}: TaskView): string {
  const took = endedAtMs === undefined ? "" : ` in ${duration(endedAtMs - createdAtMs)}`;
  const tries = attempts.length > 1 ? ` after ${attempts.length} attempts` : "";
  const why = reason === undefined ? "" : ` (${oneLine(reason)})`;
  return `${peerId === undefined ? "done" : `by ${shortId(peerId)}`}${took}${tries}${why}; charged ${ctz(chargedUctz)} of at most ${ctz(maxPriceUctz)}; task ${taskId}`;
}

/** What a person sees while the task runs. */
class RunView {
  taskId: string | undefined;
  /** Output is on the terminal already. */
  hasStreamed = false;
  readonly #context: CommandContext;
  readonly #bar: ProgressBar;
  readonly #streams: boolean;
  readonly #decoder = new TextDecoder();
  #phase = "submitted";

  constructor(context: CommandContext, {outFile, isRaw}: RunOneRequest) {
    this.#context = context;
    this.#bar = new ProgressBar(context.io, context.globals.quiet || context.globals.json);
    // Only a terminal shows text before it is verified: a program reads what is final.
    this.#streams = context.io.stdout.isTty && outFile === undefined && !isRaw && !context.globals.json;
  }

  onCreated(taskId: string): void {
    this.taskId = taskId;
  }

  onEvent(event: TaskEvent): void {
    if (event.type === "phase") {
      this.#phase = event.phase;
      this.#bar.update(event.phase, 0, undefined);
    } else if (event.type === "progress") {
      this.#bar.update(event.phase, event.done, event.total);
    } else if (event.type === "attempt") this.#attempt(event);
    else if (event.type === "output") this.#text(event.chunk);
    else if (event.type === "reset" && this.hasStreamed) {
      this.#context.output.raw("\n");
      this.#context.output.note("That output is void; another provider starts again.");
      this.hasStreamed = false;
    }
  }

  end(): void {
    this.#bar.clear();
  }

  #attempt({attempt}: Extract<TaskEvent, {type: "attempt"}>): void {
    this.#bar.clear();
    if (attempt.failure === undefined) return;
    const {code, message} = attempt.failure;
    this.#context.output.note(
      `${shortId(attempt.peerId)}: ${oneLine(message)} [${code}] Not charged; trying on.`,
    );
  }

  #text(chunk: string): void {
    if (!this.#streams) {
      this.#bar.update(this.#phase, 0, undefined);
      return;
    }
    this.#bar.clear();
    const text = plainText(this.#decoder.decode(Buffer.from(chunk, "base64"), {stream: true}));
    this.hasStreamed = true;
    this.#context.output.raw(text);
  }
}
