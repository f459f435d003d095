import type {CodedError} from "../errors/codedError.ts";
import {ERRORS, type ErrorCode} from "../errors/table.ts";

/** Why a task, attempt or job ended badly: a code of the table and a sentence for people. */
export type EndReason = {readonly code: ErrorCode; readonly message: string};

const MESSAGE_CHARS_MAX = 1_000;

export function reasonOf(code: ErrorCode): EndReason {
  return {code, message: ERRORS[code].message};
}

/** The record keeps the figures too: a reason without them sends its reader to look for what is gone. */
export function reasonFrom({code, message, evidence}: CodedError): EndReason {
  const figures = Object.entries(evidence).map(([name, value]) => `${name} ${value}`);
  const text = figures.length === 0 ? message : `${message} (${figures.join(", ")})`;
  return {code, message: text.slice(0, MESSAGE_CHARS_MAX)};
}
