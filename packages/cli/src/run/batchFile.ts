/** The inputs of a batch: a line each. `.jsonl` lines are a text, or `{input, params}`; other lines are the text. */
import {resolve} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import {utf8} from "@catalyze/core/primitives/bytes";
import type {Io} from "../io.ts";
import {readInputFile, readTaskInput} from "./taskInput.ts";

/** Larger batches are several commands: each result is held until all before it are out. */
const TASKS_MAX = 10_000;
const FILE_BYTES_MAX = 64 * 1024 * 1024;

export type BatchItem = {
  readonly label: string;
  readonly bytes: Uint8Array;
  readonly params: Readonly<Record<string, unknown>>;
};

export async function readBatch(
  inputs: readonly string[],
  file: string | undefined,
  io: Io,
): Promise<readonly BatchItem[]> {
  const items: BatchItem[] = [];
  for (const input of inputs) items.push({...(await readTaskInput(input, io)), params: {}});
  if (file !== undefined) {
    const text = new TextDecoder().decode(await readInputFile(resolve(io.cwd, file), FILE_BYTES_MAX));
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
    for (const [index, line] of lines.entries()) {
      const label = `${file}:${index + 1}`;
      items.push(
        file.endsWith(".jsonl")
          ? await readJsonLine(line, label, io)
          : {label, bytes: utf8(line), params: {}},
      );
    }
  }
  if (items.length > TASKS_MAX)
    throw new CodedError("USAGE", {message: `A batch has at most ${TASKS_MAX} tasks.`});
  return items;
}

async function readJsonLine(line: string, label: string, io: Io): Promise<BatchItem> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new CodedError("USAGE", {message: `${label} is not JSON.`, cause: error});
  }
  if (typeof value === "string") return {label, bytes: utf8(value), params: {}};
  const {input, params} = (value ?? {}) as {input?: unknown; params?: unknown};
  if (
    typeof input !== "string" ||
    (params !== undefined && (typeof params !== "object" || params === null))
  ) {
    throw new CodedError("USAGE", {
      message: `${label} is neither a text nor {"input": text, "params": {…}}.`,
    });
  }
  const {bytes} = await readTaskInput(input, io);
  return {label, bytes, params: (params ?? {}) as Readonly<Record<string, unknown>>};
}
