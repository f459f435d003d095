/** The whole HTTP surface of the daemon, one row a route. */
import {Type} from "typebox";
import {ASSET_ROUTES} from "./assetRoutes.ts";
import {LOCK_ROUTES} from "./lockRoutes.ts";
import {MONEY_ROUTES} from "./moneyRoutes.ts";
import {limit, route} from "./route.ts";
import {Done, TaskIdText} from "./schema/fields.ts";
import {AskList, ModelAddBody, ModelList, ModelView, PeerList, QuoteView} from "./schema/market.ts";
import {
  ConfigEntry,
  ConfigList,
  ConfigSetBody,
  Health,
  NodeInfo,
  NodeWhy,
  Readiness,
  StatusView,
} from "./schema/node.ts";
import {
  ReceiptView,
  TaskBody,
  TaskCreated,
  TaskEvent,
  TaskExplanation,
  TaskHeader,
  TaskList,
  TaskState,
  TaskView,
} from "./schema/task.ts";

const taskParams = Type.Object({id: TaskIdText});
const keyParams = Type.Object({key: Type.String({minLength: 1, maxLength: 64})});

export const ROUTES = {
  healthz: route({
    method: "GET",
    path: "/healthz",
    summary: "The process answers",
    auth: false,
    response: Health,
  }),
  readyz: route({
    method: "GET",
    path: "/readyz",
    summary: "200 once the node takes tasks, else 503 with its phase",
    auth: false,
    response: Readiness,
  }),
  metrics: route({
    method: "GET",
    path: "/metrics",
    summary: "Prometheus metrics",
    auth: false,
    kind: "text",
    response: Type.String(),
  }),
  status: route({
    method: "GET",
    path: "/api/v1/status",
    summary: "The node in one answer",
    response: StatusView,
  }),
  taskCreate: route({
    method: "POST",
    path: "/api/v1/tasks",
    summary: "Submit a task; the same idempotency key gives the same task",
    status: 202,
    body: TaskBody,
    rawHeader: TaskHeader,
    response: TaskCreated,
  }),
  taskRun: route({
    method: "POST",
    path: "/api/v1/run",
    summary:
      "Submit a task, wait for its end, answer its verified output; hanging up cancels it unless it has an idempotency key",
    kind: "bytes",
    body: TaskBody,
    rawHeader: TaskHeader,
    response: Type.String({contentEncoding: "binary"}),
  }),
  taskList: route({
    method: "GET",
    path: "/api/v1/tasks",
    summary: "Tasks of this node, newest first",
    query: Type.Object({state: Type.Optional(TaskState), limit}),
    response: TaskList,
  }),
  taskShow: route({
    method: "GET",
    path: "/api/v1/tasks/{id}",
    summary: "One task with its attempts",
    params: taskParams,
    response: TaskView,
  }),
  taskEvents: route({
    method: "GET",
    path: "/api/v1/tasks/{id}/events",
    summary: "Progress and output as they come; ends with `done`",
    kind: "events",
    params: taskParams,
    response: TaskEvent,
  }),
  taskOutput: route({
    method: "GET",
    path: "/api/v1/tasks/{id}/output",
    summary: "The verified output",
    kind: "bytes",
    params: taskParams,
    response: Type.String({contentEncoding: "binary"}),
  }),
  taskCancel: route({
    method: "POST",
    path: "/api/v1/tasks/{id}/cancel",
    summary: "Cancel a task; free of charge until a result was committed",
    params: taskParams,
    response: TaskView,
  }),
  taskExplain: route({
    method: "GET",
    path: "/api/v1/tasks/{id}/explain",
    summary: "Ranked candidates, rejections and attempts with reasons",
    params: taskParams,
    response: TaskExplanation,
  }),
  taskReceipt: route({
    method: "GET",
    path: "/api/v1/tasks/{id}/receipt",
    summary: "What ran, for how much, and how the payment splits",
    params: taskParams,
    response: ReceiptView,
  }),
  quote: route({
    method: "POST",
    path: "/api/v1/quote",
    summary: "What a task would cost and who would run it; spends nothing",
    body: TaskBody,
    rawHeader: TaskHeader,
    response: QuoteView,
  }),
  asks: route({
    method: "GET",
    path: "/api/v1/asks",
    summary: "Live asks heard by this node",
    query: Type.Object({taskClass: Type.Optional(Type.String({maxLength: 256}))}),
    response: AskList,
  }),
  peers: route({method: "GET", path: "/api/v1/peers", summary: "Connected peers", response: PeerList}),
  ...MONEY_ROUTES,
  ...ASSET_ROUTES,
  ...LOCK_ROUTES,
  models: route({method: "GET", path: "/api/v1/models", summary: "Models known here", response: ModelList}),
  modelAdd: route({
    method: "POST",
    path: "/api/v1/models",
    summary: "Sign a bundle from files of this machine and, as a provider, sell it",
    body: ModelAddBody,
    response: ModelView,
  }),
  nodeInfo: route({
    method: "GET",
    path: "/api/v1/node",
    summary: "What this node runs on and sells",
    response: NodeInfo,
  }),
  nodeWhy: route({
    method: "GET",
    path: "/api/v1/node/why",
    summary: "Why this node earns or does not",
    response: NodeWhy,
  }),
  configList: route({
    method: "GET",
    path: "/api/v1/config",
    summary: "Every setting and its origin",
    response: ConfigList,
  }),
  configGet: route({
    method: "GET",
    path: "/api/v1/config/{key}",
    summary: "One setting",
    params: keyParams,
    response: ConfigEntry,
  }),
  configSet: route({
    method: "PUT",
    path: "/api/v1/config/{key}",
    summary: "Write one setting to the configuration file",
    params: keyParams,
    body: ConfigSetBody,
    response: ConfigEntry,
  }),
  shutdown: route({
    method: "POST",
    path: "/api/v1/shutdown",
    summary: "Drain and stop the daemon",
    status: 202,
    response: Done,
  }),
} as const;

export type RouteName = keyof typeof ROUTES;
export type Routes = typeof ROUTES;
