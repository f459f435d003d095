/** The tasks of the demo: real models on the samples of the repository. */
import {readFile} from "node:fs/promises";
import {join} from "node:path";
import {fromErrorReport} from "@catalyze/api/errorReport";
import type {TaskHeader, TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import {utf8} from "@catalyze/core/primitives/bytes";
import {decodeVectors, nearestNeighbours, renderOutput} from "@catalyze/core/task/output";
import type {DemoNode} from "./node.ts";
import type {Teller} from "./telling.ts";

export type Samples = {
  readonly page: Uint8Array;
  readonly notice: Uint8Array;
  readonly speech: Uint8Array;
  readonly sentences: Uint8Array;
};

export async function readSamples(folder: string): Promise<Samples> {
  const read = async (name: string) => new Uint8Array(await readFile(join(folder, name)));
  return {
    page: await read("page.png"),
    notice: await read("notice.png"),
    speech: await read("speech.wav"),
    sentences: await read("sentences.txt"),
  };
}

/** Most that any task of the demo may cost. */
const MAX_PRICE = {maxPriceUctz: "1000000"};

export type Piece = {readonly what: string; readonly header: TaskHeader; readonly input: Uint8Array};

export function pieces(samples: Samples): readonly Piece[] {
  const text = (prompt: string, seed: number): Piece => ({
    what: `a story from "${prompt}"`,
    header: {...MAX_PRICE, taskClass: "text", params: {maxTokens: 120, temperature: 0.6, seed}},
    input: utf8(prompt),
  });
  const plain = (what: string, taskClass: string, input: Uint8Array): Piece => ({
    what,
    header: {...MAX_PRICE, taskClass},
    input,
  });
  return [
    plain("the text of a page image", "ocr", samples.page),
    plain("which sentences mean the same", "embed", samples.sentences),
    plain("where somebody speaks in a recording", "vad", samples.speech),
    text("The whale ", 7),
    text("Call me ", 11),
  ];
}

export function ocrPiece(samples: Samples, timeoutMs = 60_000): Piece {
  return {
    what: "the text of a notice",
    header: {...MAX_PRICE, taskClass: "ocr", timeoutMs},
    input: samples.notice,
  };
}

export function vadPiece(samples: Samples, header: Partial<TaskHeader> = {}): Piece {
  return {
    what: "speech in the recording",
    header: {...MAX_PRICE, taskClass: "vad", ...header},
    input: samples.speech,
  };
}

/** Runs a piece and tells what came of it. Throws when it failed: the demo is only done when all of it held. */
export async function perform(node: DemoNode, piece: Piece, teller: Teller): Promise<TaskView> {
  let task = await node.run(piece.header, piece.input);
  if (hasLostExecutor(task)) {
    teller.say(`${piece.what}: an executor died and nobody else could take over; once more`);
    task = await node.run(piece.header, piece.input);
  }
  requireDone(task);
  teller.task(piece.what, task, await resultText(node, task, piece));
  return task;
}

/** A middleware, say, is asked once: the death of one executor fails the task. */
function hasLostExecutor({state, attempts}: TaskView): boolean {
  return state === "failed" && attempts.some(({failure}) => failure?.code === "EXECUTOR_CRASHED");
}

export function requireDone(task: TaskView): void {
  if (task.state === "done") return;
  const {taskId, state, failure} = task;
  const {code, message, evidence} =
    failure === undefined ? new CodedError("TASK_CANCELLED") : fromErrorReport(failure);
  throw new CodedError(code, {message: `Task ${taskId} ended as ${state}: ${message}`, evidence});
}

async function resultText(node: DemoNode, task: TaskView, piece: Piece): Promise<string> {
  const {bytes} = await node.client.taskOutput(task.taskId);
  if (task.kind === undefined) return `${bytes.length} bytes`;
  if (task.kind !== "embed") return renderOutput({kind: task.kind}, bytes).trim();
  const lines = new TextDecoder().decode(piece.input).trim().split("\n");
  const closest = nearestNeighbours(decodeVectors(bytes)).reduce((best, each) =>
    each.similarity > best.similarity ? each : best,
  );
  return `"${lines[closest.index]}" is closest to "${lines[closest.neighbour]}" (${closest.similarity.toFixed(3)})`;
}
