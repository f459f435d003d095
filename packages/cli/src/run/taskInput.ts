/** What a person gives as input: `-` is stdin, `@path` a file, anything else the text itself. */
import {readFile, stat} from "node:fs/promises";
import {resolve} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import {utf8} from "@catalyze/core/primitives/bytes";
import {LIMITS} from "@catalyze/proto/limits";
import type {Io} from "../io.ts";

export type TaskInput = {readonly label: string; readonly bytes: Uint8Array};

export async function readTaskInput(text: string, io: Io): Promise<TaskInput> {
  if (text === "-") return {label: "stdin", bytes: await io.readStdin(LIMITS.inputBytesMax)};
  if (text.startsWith("@"))
    return {
      label: text.slice(1),
      bytes: await readInputFile(resolve(io.cwd, text.slice(1)), LIMITS.inputBytesMax),
    };
  return {label: "text", bytes: checkSize(utf8(text), LIMITS.inputBytesMax)};
}

/** Looks at the size before it reads. Throws `USAGE` or `INPUT_TOO_LARGE`. */
export async function readInputFile(path: string, bytesMax: number): Promise<Uint8Array> {
  try {
    const {size} = await stat(path);
    if (size > bytesMax) throw new CodedError("INPUT_TOO_LARGE", {evidence: {bytes: size, bytesMax}});
    return checkSize(await readFile(path), bytesMax);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const {code} = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : `the system says ${code ?? "no"}`;
    throw new CodedError("USAGE", {message: `Cannot read ${path}: ${why}.`, cause: error});
  }
}

function checkSize(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.length > bytesMax)
    throw new CodedError("INPUT_TOO_LARGE", {evidence: {bytes: bytes.length, bytesMax}});
  return bytes;
}
