/** One HTTP request to a daemon: token, time limit, and failures back as the `CodedError` that the daemon threw. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {fromErrorReport} from "../errorReport.ts";
import type {ErrorBody} from "../schema/fields.ts";

export type ApiTarget = {
  /** Such as `http://127.0.0.1:5150`. */
  readonly url: string;
  readonly token: string | undefined;
};

export type ApiRequest = {
  readonly method: string;
  readonly path: string;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A status that is an answer although it is no 2xx. */
  readonly acceptStatus?: number | undefined;
};

/** Resolves for every 2xx. Throws `DAEMON_UNREACHABLE`, `API_TIMEOUT`, or what the daemon answered. */
export async function sendRequest(target: ApiTarget, request: ApiRequest): Promise<Response> {
  const {timeoutMs, signal} = request;
  const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const signals = [limit, signal].filter((item): item is AbortSignal => item !== undefined);
  let response: Response;
  try {
    response = await fetch(`${target.url}${request.path}`, {
      method: request.method,
      headers: {
        ...(target.token === undefined ? {} : {authorization: `Bearer ${target.token}`}),
        ...request.headers,
      },
      redirect: "error",
      ...(request.body === undefined ? {} : {body: request.body as NonNullable<RequestInit["body"]>}),
      ...(signals.length === 0 ? {} : {signal: AbortSignal.any(signals)}),
    });
  } catch (error) {
    throw transportError(target, error, {limit, signal, timeoutMs});
  }
  if (!response.ok && response.status !== request.acceptStatus) throw await errorOf(response);
  return response;
}

type Limits = {
  limit: AbortSignal | undefined;
  signal: AbortSignal | undefined;
  timeoutMs: number | undefined;
};

/** What broke below HTTP. An abort by the caller stays the caller's own reason. */
export function transportError(
  target: ApiTarget,
  error: unknown,
  {limit, signal, timeoutMs}: Limits,
): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (limit?.aborted === true) {
    return new CodedError("API_TIMEOUT", {cause: error, evidence: {timeoutMs: timeoutMs ?? 0}});
  }
  return new CodedError("DAEMON_UNREACHABLE", {
    message: `No daemon answers at ${target.url}.`,
    evidence: {url: target.url},
    cause: error,
  });
}

async function errorOf(response: Response): Promise<CodedError> {
  try {
    const body = (await response.json()) as Partial<ErrorBody>;
    if (typeof body.error?.code === "string") return fromErrorReport(body.error);
  } catch {
    // Not our JSON: something else listens there; said below.
  }
  return new CodedError("DAEMON_UNREACHABLE", {
    message: `What listens there is not a daemon of ours: HTTP ${response.status}.`,
    evidence: {url: response.url, status: response.status},
  });
}
