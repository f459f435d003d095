/** A failure for a person: what, who is at fault, whether to try again, what to do. */
import {toErrorReport} from "@catalyze/api/errorReport";
import type {ErrorReport} from "@catalyze/api/schema/fields";
import type {CodedError} from "@catalyze/core/errors/codedError";
import {ctz, duration} from "./format.ts";
import {oneLine} from "./plainText.ts";
import type {Paint} from "./style.ts";

const AT_FAULT: Readonly<Record<string, string>> = {
  client: "the request",
  router: "no provider fits now",
  provider: "the provider",
  network: "the network",
  policy: "a rule of yours or of the node",
  ledger: "the ledger",
  chain: "the chain",
  node: "this node",
};

export function failureText(error: CodedError, paint: Paint): string {
  return reportText(toErrorReport(error), paint);
}

/** Also for the failure inside a task or an attempt. */
export function reportText(report: ErrorReport, paint: Paint): string {
  const lines = [
    `${paint("error:", "red")} ${oneLine(report.message)} [${report.code}]`,
    `  at fault: ${AT_FAULT[report.actor] ?? report.actor} (${report.phase})`,
    `  try again: ${retryText(report)}`,
    `  what to do: ${report.hint}`,
  ];
  const evidence = Object.entries(report.evidence).map(([key, value]) => evidenceText(key, value));
  if (evidence.length > 0) lines.push(`  evidence: ${evidence.join(", ")}`);
  return `${lines.join("\n")}\n`;
}

function retryText({retryable, retryAfterMs}: ErrorReport): string {
  if (!retryable) return "no, it would fail the same way";
  return retryAfterMs === undefined ? "yes" : `yes, after ${duration(retryAfterMs)}`;
}

function evidenceText(key: string, value: string | number | boolean): string {
  if (key.endsWith("Uctz") && /^\d+$/.test(String(value))) return `${key.slice(0, -4)} ${ctz(String(value))}`;
  return `${key} ${oneLine(String(value))}`;
}
