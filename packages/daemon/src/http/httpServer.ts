/**
 * The HTTP door of the daemon, over the route table. It listens before the node is ready: until a facade
 * is set, routes answer `STARTING`, `/healthz` 200, `/readyz` 503 with the phase.
 */
import {Readable} from "node:stream";
import {ASSET_ROUTES} from "@catalyze/api/assetRoutes";
import {LOCK_ROUTES} from "@catalyze/api/lockRoutes";
import {MONEY_ROUTES} from "@catalyze/api/moneyRoutes";
import type {Route} from "@catalyze/api/route";
import {ROUTES} from "@catalyze/api/routes";
import {API_VERSION} from "@catalyze/api/schema/fields";
import type {TaskEvent, TaskView} from "@catalyze/api/schema/task";
import {throwUnlessDone} from "@catalyze/api/taskEnd";
import {validate} from "@catalyze/api/validate";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Log} from "@catalyze/core/ports/log";
import type {TaskId} from "@catalyze/core/primitives/id";
import {type FastifyInstance, type FastifyReply, type FastifyRequest, fastify} from "fastify";
import type {Metrics} from "../observe/metrics.ts";
import type {ConfigStore} from "../options/configStore.ts";
import {checkInput} from "./checkInput.ts";
import {writeEventStream} from "./eventStream.ts";
import {sendFailure} from "./failures.ts";
import {Guard} from "./guard.ts";
import {HANDLERS, type HandledRoute, type HandlerContext, type HandlerInput} from "./handlers.ts";
import {listen} from "./listen.ts";
import type {NodeFacade, TaskOutput} from "./nodeFacade.ts";
import {readTaskRequest, TASK_BODY_BYTES_MAX} from "./taskRequest.ts";
import {withinLimit} from "./withinLimit.ts";

/** Bodies other than a task's are a few fields. */
const BODY_BYTES_MAX = 64 * 1024;
/** Time to send the whole request; 16 MiB over loopback takes well under a second. */
const RECEIVE_TIMEOUT_MS = 30_000;
const CONNECTIONS_MAX = 256;
const STREAMS_MAX = 128;
/** Each reads the whole store once. */
const EXPORTS_MAX = 2;
/** Their answers show the ledger. */
const LEDGER_ROUTES: ReadonlySet<string> = new Set(
  Object.keys({status: true, ...MONEY_ROUTES, ...ASSET_ROUTES, ...LOCK_ROUTES}),
);

export type HttpServerComponents = {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly config: ConfigStore;
};

export type HttpServerOptions = {
  readonly version: string;
  readonly token: string;
  readonly host: string;
  readonly port: number;
  /** False: another free port is taken when this one is busy. */
  readonly isPortExplicit: boolean;
  readonly onShutdown: () => void;
};

export class HttpServer {
  /** For tests: requests without a socket. */
  readonly app: FastifyInstance;
  readonly #components: HttpServerComponents;
  readonly #options: HttpServerOptions;
  readonly #guard: Guard;
  readonly #stopping = new AbortController();
  #facade: NodeFacade | undefined;
  #phase = "starting";
  #streams = 0;
  #exports = 0;

  constructor(components: HttpServerComponents, options: HttpServerOptions) {
    this.#components = components;
    this.#options = options;
    this.#guard = new Guard({apiHost: options.host, token: options.token});
    this.app = fastify({
      logger: false,
      bodyLimit: BODY_BYTES_MAX,
      requestTimeout: RECEIVE_TIMEOUT_MS,
      forceCloseConnections: true,
      return503OnClosing: false,
    });
    this.app.server.maxConnections = CONNECTIONS_MAX;
    this.#prepare();
  }

  /** Binds and returns the URL. Throws `PORT_IN_USE` for a stated port that is taken. */
  async start(): Promise<string> {
    return await listen(this.app, this.#options);
  }

  /** What `/healthz`, `/readyz` and `STARTING` say until there is a facade, and while it stops. */
  setPhase(phase: string): void {
    this.#phase = phase;
  }

  /** From here on routes answer; `undefined` takes the node away again, for the drain's end. */
  setFacade(facade: NodeFacade | undefined): void {
    this.#facade = facade;
  }

  /** Ends streams, closes connections; resolves when the port is free. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.app.close();
  }

  #prepare(): void {
    const {app} = this;
    const {log, metrics} = this.#components;
    app.addContentTypeParser("application/octet-stream", {parseAs: "buffer"}, (_request, body, done) =>
      done(null, body),
    );
    app.setErrorHandler((error, request, reply) => sendFailure(error, {request, reply, log}));
    app.setNotFoundHandler((request, reply) => {
      const error = new CodedError("NOT_FOUND", {
        message: `No route ${request.method} ${request.url.slice(0, 200)}.`,
      });
      sendFailure(error, {request, reply, log});
    });
    app.addHook("onRequest", async (request) => {
      this.#guard.checkPlace(headOf(request));
    });
    app.addHook("onResponse", async (request, reply) => {
      const route = request.routeOptions.url ?? "none";
      metrics.apiRequest(route, reply.statusCode, reply.elapsedTime / 1000);
    });
    for (const name of Object.keys(HANDLERS) as HandledRoute[]) this.#addJson(name);
    this.#addHealth();
    this.#addTaskStreams();
    this.#addLedgerExport();
  }

  #add(route: Route, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): void {
    this.app.route({
      method: route.method,
      url: route.path.replace(/\{(\w+)\}/g, ":$1"),
      bodyLimit: route.rawHeader === undefined ? BODY_BYTES_MAX : TASK_BODY_BYTES_MAX,
      onRequest: async (request) => {
        if (route.auth) this.#guard.checkToken(headOf(request));
      },
      handler,
    });
  }

  #addJson(name: HandledRoute): void {
    const route: Route = ROUTES[name];
    const handle = HANDLERS[name] as (context: HandlerContext, input: HandlerInput<never>) => Promise<object>;
    this.#add(route, async (request, reply) => {
      const input = checkInput(route, request);
      const context: HandlerContext = {
        facade: () => this.#ready(),
        config: this.#components.config,
        // The stop closes connections: the answer leaves first.
        requestShutdown: () => reply.raw.once("close", () => this.#options.onShutdown()),
      };
      const answer = await withinLimit(
        this.#told(name, handle(context, input as unknown as HandlerInput<never>)),
      );
      return await reply.code(route.status).send({v: API_VERSION, ...answer});
    });
  }

  /** What an answer shows of the ledger is on disk when it leaves: a crash could make another of it. */
  async #told(name: HandledRoute, work: Promise<object>): Promise<object> {
    const answer = await work;
    if (LEDGER_ROUTES.has(name)) await this.#ready().written();
    return answer;
  }

  #addHealth(): void {
    this.#add(ROUTES.healthz, async () => ({
      v: API_VERSION,
      ok: true,
      version: this.#options.version,
      phase: this.#facade?.readiness().phase ?? this.#phase,
    }));
    this.#add(ROUTES.readyz, async (_request, reply) => {
      const readiness = this.#facade?.readiness() ?? {isReady: false, phase: this.#phase};
      return await reply.code(readiness.isReady ? 200 : 503).send({v: API_VERSION, ...readiness});
    });
    this.#add(ROUTES.metrics, async (_request, reply) => {
      const {body, mediaType} = await this.#components.metrics.text();
      return await reply.type(mediaType).send(body);
    });
  }

  #addTaskStreams(): void {
    this.#add(ROUTES.taskRun, async (request, reply) => {
      const wanted = readTaskRequest(ROUTES.taskRun as Route, request.body, request.headers["ctz-task"]);
      const {tasks} = this.#ready();
      const {signal, release} = this.#watch(reply);
      try {
        const {taskId} = await withinLimit(tasks.create(wanted));
        const task = await tasks.ended(taskId as TaskId, signal);
        if (task.state === "open") {
          // Nobody is left to hear of it, and without a key nobody could ask for it again.
          if (wanted.idempotencyKey === undefined && !this.#stopping.signal.aborted)
            await tasks.cancel(taskId as TaskId);
          throw new CodedError("STARTING", {
            message: "The daemon is stopping; the task goes on when it is back.",
            evidence: {taskId},
          });
        }
        throwUnlessDone(task);
        return await sendOutput(reply.headers(headersOf(task)), await tasks.output(taskId as TaskId));
      } finally {
        release();
      }
    });
    this.#add(ROUTES.taskOutput, async (request, reply) => {
      const {id} = validate(ROUTES.taskOutput.params, request.params, {where: "path"});
      return await sendOutput(reply, await withinLimit(this.#ready().tasks.output(id as TaskId)));
    });
    this.#add(ROUTES.taskEvents, async (request, reply) => {
      const {id} = validate(ROUTES.taskEvents.params, request.params, {where: "path"});
      if (this.#streams >= STREAMS_MAX)
        throw new CodedError("QUEUE_FULL", {evidence: {streamsMax: STREAMS_MAX}});
      this.#streams += 1;
      const {signal, release} = this.#watch(reply);
      try {
        await writeEventStream<TaskEvent>({
          events: this.#ready().tasks.events(id as TaskId, signal),
          nameOf: ({type}) => type,
          signal,
          onFirst: () => reply.hijack().raw,
        });
      } finally {
        release();
        this.#streams -= 1;
      }
      return reply;
    });
  }

  #addLedgerExport(): void {
    this.#add(ROUTES.ledgerExport, async (_request, reply) => {
      if (this.#exports >= EXPORTS_MAX)
        throw new CodedError("QUEUE_FULL", {evidence: {exportsMax: EXPORTS_MAX}});
      const pieces = Readable.from(this.#ready().ledger.export(), {objectMode: false});
      this.#exports += 1;
      pieces.once("close", () => {
        this.#exports -= 1;
      });
      return await reply.type("application/octet-stream").send(pieces);
    });
  }

  /** Aborts when the caller hangs up or the server stops, until released. */
  #watch({raw}: FastifyReply): {readonly signal: AbortSignal; release(): void} {
    const closed = new AbortController();
    const close = (): void => closed.abort();
    raw.on("close", close);
    const signal = AbortSignal.any([closed.signal, this.#stopping.signal]);
    return {signal, release: () => raw.off("close", close)};
  }

  #ready(): NodeFacade {
    if (this.#facade !== undefined) return this.#facade;
    throw new CodedError("STARTING", {
      message: `The daemon is not ready: ${this.#phase}.`,
      evidence: {phase: this.#phase},
      retryAfterMs: 500,
    });
  }
}

async function sendOutput(reply: FastifyReply, {bytes, mediaType}: TaskOutput): Promise<FastifyReply> {
  return await reply.type(mediaType).send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** What a caller that gets nothing but bytes may want to know. */
function headersOf({taskId, peerId, chargedUctz}: TaskView): Record<string, string> {
  return {
    "x-ctz-job": taskId,
    "x-ctz-cost-uctz": chargedUctz,
    "x-ctz-receipt": ROUTES.taskReceipt.path.replace("{id}", taskId),
    ...(peerId === undefined ? {} : {"x-ctz-peer": peerId}),
  };
}

function headOf(request: FastifyRequest): {
  host: string | undefined;
  origin: string | undefined;
  authorization: string | undefined;
} {
  const {host, origin, authorization} = request.headers;
  return {host, origin, authorization};
}
