import {CodedError} from "@catalyze/core/errors/codedError";

/** Above what a ledger op or a full verification takes. */
const ANSWER_TIMEOUT_MS = 120_000;

/** The caller gets an answer in bounded time; what was begun goes on, and its record tells how it ended. */
export async function withinLimit<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CodedError("API_TIMEOUT")), ANSWER_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
