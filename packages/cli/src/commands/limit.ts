import {CodedError} from "@catalyze/core/errors/codedError";

/** `--limit` as the API takes it: 1 to 1000. */
export function readLimit(text: string | undefined): {readonly limit?: number} {
  if (text === undefined) return {};
  const limit = Number(text);
  if (!/^\d{1,4}$/.test(text) || limit < 1 || limit > 1000) {
    throw new CodedError("USAGE", {message: `--limit: "${text}" is not a number from 1 to 1000.`});
  }
  return {limit};
}
