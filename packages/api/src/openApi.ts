/** The OpenAPI 3.1 document of the route table; `npm run gen` writes it to docs/openapi.json. */
import type {TObject, TSchema} from "typebox";
import type {Route} from "./route.ts";
import {ROUTES} from "./routes.ts";
import {ErrorBody, LegView} from "./schema/fields.ts";
import {AskView, CandidateView, ModelView, PeerView, RejectedView} from "./schema/market.ts";
import {AnchorView, CheckpointView, WitnessView} from "./schema/money.ts";
import {ConfigEntry} from "./schema/node.ts";
import {AttemptView, TaskBody, TaskView} from "./schema/task.ts";

type Json = Record<string, unknown>;

/** Schemas that several routes share: said once, referred to by name. */
const NAMED: Readonly<Record<string, TSchema>> = {
  ErrorBody,
  TaskBody,
  TaskView,
  AttemptView,
  CandidateView,
  RejectedView,
  LegView,
  AskView,
  PeerView,
  ModelView,
  WitnessView,
  AnchorView,
  CheckpointView,
  ConfigEntry,
};
const NAME_OF = new Map<unknown, string>(Object.entries(NAMED).map(([name, schema]) => [schema, name]));

/** Named schemas inside `value` become references. */
function withReferences(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const name = NAME_OF.get(value);
  return name === undefined ? inside(value) : {$ref: `#/components/schemas/${name}`};
}

function inside(value: object): unknown {
  if (Array.isArray(value)) return value.map(withReferences);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withReferences(item)]));
}

export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(ROUTES) as [string, Route][]) {
    paths[route.path] = {...paths[route.path], [route.method.toLowerCase()]: operation(name, route)};
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Catalyze daemon",
      version,
      description:
        "Loopback API of one daemon. Amounts are decimal strings of µCTZ. Every JSON answer has `v: 1`. Every failure is one `ErrorBody`.",
    },
    servers: [{url: "http://127.0.0.1:5150"}],
    security: [{token: []}],
    paths: withReferences(paths) as Json,
    components: {
      securitySchemes: {
        token: {type: "http", scheme: "bearer", description: "The text of <home>/api.token."},
      },
      schemas: Object.fromEntries(Object.entries(NAMED).map(([name, schema]) => [name, inside(schema)])),
    },
  };
}

function operation(name: string, route: Route): Json {
  return {
    operationId: name,
    summary: route.summary,
    ...(route.auth ? {} : {security: []}),
    ...parameters(route),
    ...(route.body === undefined ? {} : {requestBody: {required: true, content: requestContent(route)}}),
    responses: {
      [route.status]: {description: "Done", content: responseContent(route)},
      default: {
        description: "A refusal or failure",
        content: {"application/json": {schema: ErrorBody}},
      },
    },
  };
}

function parameters(route: Route): Json {
  const rows = [...fieldsOf(route.params, "path"), ...fieldsOf(route.query, "query")];
  if (route.rawHeader !== undefined) {
    rows.push({
      name: "ctz-task",
      in: "header",
      required: false,
      description: "With a raw body: everything but the input, as base64url JSON",
      schema: {type: "string"},
    });
  }
  return rows.length === 0 ? {} : {parameters: rows};
}

function fieldsOf(schema: TObject | undefined, place: "path" | "query"): Json[] {
  if (schema === undefined) return [];
  const required: readonly string[] = schema.required ?? [];
  return Object.entries(schema.properties as Record<string, TSchema>).map(([name, field]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: field,
  }));
}

function requestContent(route: Route): Json {
  const raw = route.rawHeader === undefined ? {} : {"application/octet-stream": {schema: {type: "string"}}};
  return {"application/json": {schema: route.body}, ...raw};
}

function responseContent(route: Route): Json {
  if (route.kind === "text") return {"text/plain": {schema: {type: "string"}}};
  if (route.kind === "bytes") return {"application/octet-stream": {schema: {type: "string"}}};
  if (route.kind === "events") return {"text/event-stream": {schema: route.response}};
  const versioned = {type: "object", required: ["v"], properties: {v: {type: "integer", const: 1}}};
  return {"application/json": {schema: {allOf: [versioned, route.response]}}};
}
