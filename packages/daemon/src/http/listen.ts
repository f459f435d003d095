/** Binds the server: the wished port, or any free one when nobody insisted on it. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {FastifyInstance} from "fastify";

export type ListenOptions = {readonly host: string; readonly port: number; readonly isPortExplicit: boolean};

/** The URL under which this machine reaches it. */
export async function listen(app: FastifyInstance, options: ListenOptions): Promise<string> {
  const {host, port} = options;
  try {
    await app.listen({host, port});
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code !== "EADDRINUSE" && code !== "EACCES") throw bindError(error, options);
    if (options.isPortExplicit) throw bindError(error, options);
    await app.listen({host, port: 0});
  }
  const address = app.server.address();
  if (address === null || typeof address === "string")
    throw new CodedError("INTERNAL", {message: "No API address."});
  return `http://${urlHost(host)}:${address.port}`;
}

function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function bindError(error: unknown, {host, port}: ListenOptions): CodedError {
  const {code} = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    return new CodedError("PORT_IN_USE", {
      message: `Port ${port} on ${host} is taken.`,
      cause: error,
      evidence: {port},
    });
  }
  return new CodedError("CONFIG_INVALID", {
    message: `Cannot listen on ${host}:${port} (${code ?? "unknown"}).`,
    cause: error,
    evidence: {host, port},
  });
}
