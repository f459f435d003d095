import type {CodedError} from "../errors/codedError.ts";
import {ERRORS, type ErrorCode} from "../errors/table.ts";

/** Why a task, attempt or job ended badly: a code of the table and a sentence for people. */
export type EndReason = {readonly code: ErrorCode; readonly message: string};

export function reasonOf(code: ErrorCode): EndReason {
  return {code, message: ERRORS[code].message};
}

export function reasonFrom({code, message}: CodedError): EndReason {
  return {code, message};
}
