/** A result for a person and for a program: by the kind of its bundle, else as text or bytes. */
import type {TaskView} from "@catalyze/api/schema/task";
import {outputJson, renderOutput} from "@catalyze/core/task/output";

export type TaskResult = {readonly bytes: Uint8Array; readonly mediaType: string};

/** Text that ends with a newline, or the bytes themselves where no text is meant. */
export function resultText(
  {kind}: Pick<TaskView, "kind">,
  {bytes, mediaType}: TaskResult,
): string | Uint8Array {
  if (kind !== undefined) return withNewline(renderOutput({kind}, bytes));
  if (mediaType.startsWith("text/") || mediaType.startsWith("application/json")) {
    return withNewline(new TextDecoder().decode(bytes));
  }
  return bytes;
}

/** What `--json` shows. */
export function resultJson({kind}: Pick<TaskView, "kind">, {bytes, mediaType}: TaskResult): unknown {
  if (kind !== undefined) return outputJson({kind}, bytes);
  if (mediaType.startsWith("application/json")) return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  if (mediaType.startsWith("text/")) return {text: new TextDecoder().decode(bytes)};
  return {base64: Buffer.from(bytes).toString("base64")};
}

function withNewline(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
