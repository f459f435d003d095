/** Any thrown value to one `ErrorBody`; what is not ours is logged with its cause and shown without it. */
import {toErrorReport} from "@catalyze/api/errorReport";
import {API_VERSION} from "@catalyze/api/schema/fields";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Log} from "@catalyze/core/ports/log";
import type {FastifyReply, FastifyRequest} from "fastify";

export type FailureContext = {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly log: Log;
};

export function sendFailure(thrown: unknown, {request, reply, log}: FailureContext): void {
  const error = fromHttp(thrown);
  const report = toErrorReport(error);
  const {http} = error.row;
  if (error.code === "INTERNAL") {
    const route = request.routeOptions.url ?? "none";
    log.error("request failed", {route, requestId: request.id, error});
  }
  if (error.retryAfterMs !== undefined)
    void reply.header("retry-after", Math.ceil(error.retryAfterMs / 1000));
  if (http === 401) void reply.header("www-authenticate", "Bearer");
  // An internal message may hold anything: the log has it, the caller gets where to look.
  const shown =
    error.code === "INTERNAL"
      ? {...report, message: "An internal error.", evidence: {requestId: request.id}}
      : report;
  void reply.code(http).send({v: API_VERSION, error: shown});
}

/** The codes of fastify that a caller can cause. */
function fromHttp(thrown: unknown): CodedError {
  const {code, statusCode, message} = (thrown ?? {}) as {
    code?: string;
    statusCode?: number;
    message?: string;
  };
  if (thrown instanceof CodedError) return thrown;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new CodedError("INPUT_TOO_LARGE", {message: "The request body is too large.", cause: thrown});
  }
  if (code?.startsWith("FST_ERR_CTP") === true || statusCode === 400) {
    return new CodedError("REQUEST_INVALID", {message: message ?? "Not a request.", cause: thrown});
  }
  return toCodedError(thrown);
}
