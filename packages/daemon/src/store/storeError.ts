/** Turns what LevelDB and the file system throw into codes of the table. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";

const CODES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/LEVEL_LOCKED|already held by process/, "HOME_LOCKED"],
  [/ENOSPC|EDQUOT|EFBIG|No space left|quota exceeded|File too large/i, "STORE_FULL"],
  [/LEVEL_CORRUPTION|Corruption:|EIO|Input\/output error/, "STORE_CORRUPT"],
  [/EACCES|EPERM|EROFS|ENOTDIR|EEXIST|Permission denied|Read-only|Not a directory/, "HOME_INVALID"],
];

/** Looks along the chain of causes: abstract-level wraps the cause of a failed open. */
export function storeError(thrown: unknown): CodedError {
  const seen: string[] = [];
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    if (error instanceof CodedError) return error;
    seen.push(`${(error as NodeJS.ErrnoException).code ?? ""} ${error.message}`);
  }
  const text = seen.join(" ← ");
  const code = CODES.find(([pattern]) => pattern.test(text))?.[1] ?? "INTERNAL";
  return new CodedError(code, {cause: thrown, evidence: {detail: text.slice(0, 300)}});
}
