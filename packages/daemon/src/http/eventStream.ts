/** One server-sent event stream: backpressure kept, comments against idle timeouts, a coded error as last event. */
import type {ServerResponse} from "node:http";
import {toErrorReport} from "@catalyze/api/errorReport";
import {API_VERSION} from "@catalyze/api/schema/fields";
import {toCodedError} from "@catalyze/core/errors/codedError";

/** Below the 60 s after which proxies drop a silent connection. */
const COMMENT_INTERVAL_MS = 15_000;

export type EventStreamOptions<Event> = {
  readonly events: AsyncIterable<Event>;
  readonly nameOf: (event: Event) => string;
  readonly signal: AbortSignal;
  /** Runs once the first event is there, before anything is written: after it only events can follow. */
  readonly onFirst: () => ServerResponse;
};

/** Throws what the source throws before its first event, so that a wrong id is a plain 404. */
export async function writeEventStream<Event>(options: EventStreamOptions<Event>): Promise<void> {
  const {events, nameOf, signal} = options;
  const iterator = events[Symbol.asyncIterator]();
  let next = await iterator.next();
  const response = options.onFirst();
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    connection: "keep-alive",
  });
  const comments = setInterval(() => response.write(": still here\n\n"), COMMENT_INTERVAL_MS);
  try {
    while (next.done !== true && !signal.aborted) {
      await writeEvent(response, nameOf(next.value), next.value, signal);
      next = await iterator.next();
    }
  } catch (error) {
    const report = toErrorReport(toCodedError(error));
    if (!signal.aborted) await writeEvent(response, "error", {v: API_VERSION, error: report}, signal);
  } finally {
    clearInterval(comments);
    await iterator.return?.();
    response.end();
  }
}

async function writeEvent(
  response: ServerResponse,
  name: string,
  data: unknown,
  signal: AbortSignal,
): Promise<void> {
  const hasRoom = response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  if (hasRoom || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    response.on("drain", done);
    signal.addEventListener("abort", done);
  });
}
