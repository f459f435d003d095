/** The typed client of a daemon: one method over the route table, plus the two that are not plain JSON. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {fromErrorReport} from "../errorReport.ts";
import type {BodyOf, ParamsOf, QueryOf, ResponseOf, Route} from "../route.ts";
import {ROUTES, type RouteName, type Routes} from "../routes.ts";
import type {ErrorBody} from "../schema/fields.ts";
import type {TaskEvent, TaskHeader} from "../schema/task.ts";
import {readEvents} from "./readEvents.ts";
import {type ApiTarget, sendRequest, transportError} from "./request.ts";

/** Long enough for a ledger op to be certified (30 s) and the answer to come back. */
export const API_TIMEOUT_MS = 60_000;

type JsonRouteName = {[K in RouteName]: Routes[K]["kind"] extends "json" ? K : never}[RouteName];

type Part<Name extends string, Value> = [Value] extends [undefined] ? unknown : {readonly [K in Name]: Value};

export type CallInput<K extends RouteName> = Part<"params", ParamsOf<Routes[K]>> &
  Part<"body", BodyOf<Routes[K]>> & {
    readonly query?: QueryOf<Routes[K]>;
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  };

export type TaskUpload = TaskHeader & {readonly input: Uint8Array};

type CallOptions = {readonly timeoutMs?: number; readonly signal?: AbortSignal};

type Output = {readonly bytes: Uint8Array; readonly mediaType: string};

export type RunResult = Output & {
  readonly taskId: string;
  readonly chargedUctz: string;
  /** Who was paid. */
  readonly peerId: string | undefined;
};

/** A JSON answer as it came, with its version. */
export type Answer<K extends RouteName> = ResponseOf<Routes[K]> & {readonly v: 1};

export class ApiClient {
  readonly target: ApiTarget;
  readonly #timeoutMs: number;

  constructor(target: ApiTarget, timeoutMs: number = API_TIMEOUT_MS) {
    this.target = target;
    this.#timeoutMs = timeoutMs;
  }

  /** Any route that answers JSON. Throws the `CodedError` that the daemon reported. */
  async call<K extends JsonRouteName>(name: K, input: CallInput<K>): Promise<Answer<K>> {
    const route: Route = ROUTES[name];
    const {params, query, body, timeoutMs, signal} = input as LooseInput;
    const response = await sendRequest(this.target, {
      method: route.method,
      path: pathOf(route, params, query),
      timeoutMs: timeoutMs ?? this.#timeoutMs,
      signal,
      // Not ready is what /readyz has to say, not a failure of the call.
      acceptStatus: name === "readyz" ? 503 : undefined,
      ...(body === undefined
        ? {}
        : {body: JSON.stringify(body), headers: {"content-type": "application/json"}}),
    });
    return (await this.#json(response)) as Answer<K>;
  }

  /** `quote` or `taskCreate` with the input as a raw body: no base64. */
  async upload<K extends "quote" | "taskCreate">(
    name: K,
    upload: TaskUpload,
    {timeoutMs, signal}: CallOptions = {},
  ): Promise<Answer<K>> {
    const response = await this.#send(ROUTES[name], upload, {
      timeoutMs: timeoutMs ?? this.#timeoutMs,
      signal,
    });
    return (await this.#json(response)) as Answer<K>;
  }

  /**
   * One task in one request: its verified output. Throws the task's own failure, with `taskId` and
   * `chargedUctz` as evidence. Has no time limit of its own: the task has a deadline.
   */
  async run(upload: TaskUpload, {timeoutMs, signal}: CallOptions = {}): Promise<RunResult> {
    const response = await this.#send(ROUTES.taskRun, upload, {timeoutMs, signal});
    const {headers} = response;
    return {
      ...(await bytesOf(response)),
      taskId: headers.get("x-ctz-job") ?? "",
      chargedUctz: headers.get("x-ctz-cost-uctz") ?? "0",
      peerId: headers.get("x-ctz-peer") ?? undefined,
    };
  }

  /** The task's events from now on; ends after `done`. Has no time limit of its own: the task has a deadline. */
  async *taskEvents(id: string, signal?: AbortSignal): AsyncGenerator<TaskEvent> {
    const response = await sendRequest(this.target, {
      method: "GET",
      path: pathOf(ROUTES.taskEvents, {id}, undefined),
      headers: {accept: "text/event-stream"},
      timeoutMs: undefined,
      signal,
    });
    if (response.body === null) throw new CodedError("DECODE_INVALID");
    try {
      for await (const {name, data} of readEvents(response.body as ReadableStream<Uint8Array>)) {
        if (name === "error") throw fromErrorReport((data as ErrorBody).error);
        yield data as TaskEvent;
      }
    } catch (error) {
      if (error instanceof CodedError) throw error;
      throw transportError(this.target, error, {limit: undefined, signal, timeoutMs: undefined});
    }
  }

  async taskOutput(id: string): Promise<Output> {
    const response = await sendRequest(this.target, {
      method: "GET",
      path: pathOf(ROUTES.taskOutput, {id}, undefined),
      timeoutMs: this.#timeoutMs,
    });
    return await bytesOf(response);
  }

  /** The file of `ctz ledger export`, piece by piece. Throws what the daemon answered, or what broke below HTTP. */
  async *ledgerExport(): AsyncGenerator<Uint8Array> {
    const {method, path} = ROUTES.ledgerExport;
    const response = await sendRequest(this.target, {method, path, timeoutMs: undefined});
    if (response.body === null) throw new CodedError("DECODE_INVALID");
    try {
      yield* response.body as ReadableStream<Uint8Array>;
    } catch (error) {
      throw transportError(this.target, error, {limit: undefined, signal: undefined, timeoutMs: undefined});
    }
  }

  async metrics(): Promise<string> {
    const request = {method: "GET", path: ROUTES.metrics.path, timeoutMs: this.#timeoutMs};
    return await (await sendRequest(this.target, request)).text();
  }

  async #send(
    {method, path}: Pick<Route, "method" | "path">,
    {input, ...header}: TaskUpload,
    limits: {readonly timeoutMs: number | undefined; readonly signal: AbortSignal | undefined},
  ): Promise<Response> {
    return await sendRequest(this.target, {
      ...{method, path, body: input, ...limits},
      headers: {
        "content-type": "application/octet-stream",
        "ctz-task": Buffer.from(JSON.stringify(header)).toString("base64url"),
      },
    });
  }

  async #json(response: Response): Promise<unknown> {
    try {
      return await response.json();
    } catch (error) {
      throw transportError(this.target, error, {limit: undefined, signal: undefined, timeoutMs: undefined});
    }
  }
}

async function bytesOf(response: Response): Promise<Output> {
  const mediaType = response.headers.get("content-type") ?? "application/octet-stream";
  return {bytes: new Uint8Array(await response.arrayBuffer()), mediaType};
}

type LooseInput = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

function pathOf(
  route: Pick<Route, "path">,
  params: LooseInput["params"],
  query: LooseInput["query"],
): string {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params?.[name] ?? ""),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? path : `${path}?${search}`;
}
