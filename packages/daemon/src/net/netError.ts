/** What libp2p throws, as codes of the table. */
import {CodedError} from "@catalyze/core/errors/codedError";

/** `evidence` names what was tried; the text of a remote peer is never part of it. */
export function netError(thrown: unknown, evidence: Readonly<Record<string, string>>): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const reason = thrown instanceof Error ? thrown.name : "unknown";
  return new CodedError("PEER_UNREACHABLE", {cause: thrown, evidence: {...evidence, reason}});
}

/** A listen address that is taken is the operator's matter, not the network's. */
export function startError(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const texts: string[] = [];
  collectTexts(thrown, texts, 0);
  const text = texts.join(" ");
  if (/EADDRINUSE/.test(text)) return new CodedError("PORT_IN_USE", {cause: thrown});
  return new CodedError("INTERNAL", {cause: thrown, evidence: {detail: text.slice(0, 300)}});
}

function collectTexts(thrown: unknown, texts: string[], depth: number): void {
  if (!(thrown instanceof Error) || depth > 4) return;
  texts.push(`${(thrown as NodeJS.ErrnoException).code ?? ""} ${thrown.message}`);
  collectTexts(thrown.cause, texts, depth + 1);
  if (thrown instanceof AggregateError) {
    for (const inner of thrown.errors.slice(0, 8)) collectTexts(inner, texts, depth + 1);
  }
}
