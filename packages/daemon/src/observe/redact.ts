/** What a log line may hold: secrets by name, payloads and byte arrays never, big integers as text. */
import {CodedError} from "@catalyze/core/errors/codedError";

const SECRET = /token|passphrase|password|secret|privatekey|authorization|cookie|mnemonic/i;
/** What people send and get back; our own counts of it (`inputBytes`) are fine. */
const PAYLOAD = /^(prompt|input|output|result|text|body|params)$/i;

const DEPTH_MAX = 4;
const ITEMS_MAX = 50;
const TEXT_MAX = 2000;

export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) out[key] = redactField(key, value, 0);
  return out;
}

function redactField(key: string, value: unknown, depth: number): unknown {
  if (SECRET.test(key) || PAYLOAD.test(key)) return "[redacted]";
  return redactValue(value, depth);
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "string") return value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}…` : value;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (value instanceof Error) return errorFields(value, depth);
  if (depth >= DEPTH_MAX) return "…";
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => redactValue(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, ITEMS_MAX)
      .map(([key, item]) => [key, redactField(key, item, depth + 1)]),
  );
}

function errorFields(error: Error, depth: number): Record<string, unknown> {
  const fields: Record<string, unknown> = {name: error.name, message: error.message};
  if (error instanceof CodedError) {
    fields["code"] = error.code;
    fields["evidence"] = redactValue(error.evidence, depth + 1);
  } else {
    fields["stack"] = error.stack?.slice(0, TEXT_MAX);
  }
  if (error.cause !== undefined && depth < DEPTH_MAX) fields["cause"] = redactValue(error.cause, depth + 1);
  return fields;
}
