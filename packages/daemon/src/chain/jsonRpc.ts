/** One JSON-RPC call over HTTP, for what only the embedded node offers. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {isRecord} from "@catalyze/core/primitives/canonicalJson";

const TIMEOUT_MS = 10_000;

/** The result. Throws `CHAIN_UNREACHABLE` when nothing answers or the answer is an error. */
export async function jsonRpc(
  url: string,
  method: string,
  params: readonly unknown[] = [],
): Promise<unknown> {
  let answer: unknown;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {"content-type": "application/json"},
      body: JSON.stringify({jsonrpc: "2.0", id: 1, method, params}),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = await response.json();
  } catch (cause) {
    throw new CodedError("CHAIN_UNREACHABLE", {cause, evidence: {method}});
  }
  if (isRecord(answer) && "result" in answer) return answer["result"];
  const detail = isRecord(answer) ? JSON.stringify(answer["error"] ?? null).slice(0, 200) : "";
  throw new CodedError("CHAIN_UNREACHABLE", {evidence: {method, detail}});
}
