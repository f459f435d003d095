import type {Route} from "@catalyze/api/route";
import {validate} from "@catalyze/api/validate";
import type {FastifyRequest} from "fastify";

/** What a JSON route takes, checked by its schemas. Throws `REQUEST_INVALID`. Raw bytes stay as they came. */
export function checkInput(route: Route, request: FastifyRequest): Record<string, unknown> {
  const {params, query, body, rawHeader} = route;
  return {
    params: params === undefined ? undefined : validate(params, request.params, {where: "path"}),
    query: query === undefined ? undefined : validate(query, request.query, {where: "query", isText: true}),
    body:
      body === undefined || rawHeader !== undefined
        ? request.body
        : validate(body, request.body, {where: "body"}),
    taskHeader: request.headers["ctz-task"],
  };
}
