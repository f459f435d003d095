/** Failures to JSON and back: the daemon writes what the client turns into the same `CodedError`. */
import {CodedError, codeFromPeer, type Evidence} from "@catalyze/core/errors/codedError";
import type {ErrorReport} from "./schema/fields.ts";

/** Big integers of the evidence become decimal strings. */
export function toErrorReport(error: CodedError): ErrorReport {
  const {evidence, ...report} = error.report();
  const plain: ErrorReport["evidence"] = {};
  for (const [key, value] of Object.entries(evidence)) {
    plain[key] = typeof value === "bigint" ? value.toString() : value;
  }
  return {...report, evidence: plain};
}

/** The daemon may be newer than this client: an unknown code becomes `PEER_UNKNOWN_CODE`. */
export function fromErrorReport(report: ErrorReport): CodedError {
  const evidence: Evidence = report.evidence;
  return new CodedError(codeFromPeer(report.code), {
    message: report.message,
    evidence,
    ...(report.retryAfterMs === undefined ? {} : {retryAfterMs: report.retryAfterMs}),
  });
}
