/**
 * A route is a value: server, typed client, OpenAPI and docs all read the same row. Path parameters are
 * written `{name}`.
 */
import {type Static, type TObject, type TSchema, Type} from "typebox";

/** Of a list: at most so many items. */
export const limit = Type.Optional(Type.Integer({minimum: 1, maximum: 1000}));

export type RouteKind =
  /** JSON in, JSON out; every object answered has `"v": 1`. */
  | "json"
  /** Server-sent events; `response` is one event's data. */
  | "events"
  /** Raw bytes out. */
  | "bytes"
  /** Plain text out. */
  | "text";

export type Route = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly summary: string;
  /** A bearer token is needed. */
  readonly auth: boolean;
  readonly kind: RouteKind;
  readonly status: number;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TObject;
  /** The body may instead be raw bytes, with this schema as base64url JSON in the `ctz-task` header. */
  readonly rawHeader?: TObject;
  readonly response: TSchema;
};

type PartOf<R, Name extends string> = R extends {readonly [K in Name]: infer S extends TSchema}
  ? Static<S>
  : undefined;

export type ParamsOf<R> = PartOf<R, "params">;
export type QueryOf<R> = PartOf<R, "query">;
export type BodyOf<R> = PartOf<R, "body">;
export type ResponseOf<R> = PartOf<R, "response">;

type Spec = Omit<Route, "auth" | "kind" | "status"> & Partial<Pick<Route, "auth" | "kind" | "status">>;
type WithDefaults<S> = Omit<S, "auth" | "kind" | "status"> &
  Pick<Route, "auth" | "status"> & {
    readonly kind: S extends {readonly kind: infer Kind extends RouteKind} ? Kind : "json";
  };

/** A row of the table; auth is on, kind JSON and status 200 unless it says otherwise. */
export function route<const S extends Spec>(spec: S): WithDefaults<S> {
  const row = {...spec, auth: spec.auth ?? true, kind: spec.kind ?? "json", status: spec.status ?? 200};
  return row as unknown as WithDefaults<S>;
}
