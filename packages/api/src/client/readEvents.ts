/** Server-sent events out of a byte stream: one JSON value per event. */
import {CodedError} from "@catalyze/core/errors/codedError";

/** One event holds at most one output chunk as base64; beyond this the stream is not ours. */
const EVENT_CHARS_MAX = 32 * 1024 * 1024;

export type ServerEvent = {readonly name: string; readonly data: unknown};

export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, {stream: true});
    if (rest.length > EVENT_CHARS_MAX) throw new CodedError("FRAME_TOO_LARGE");
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event !== undefined) yield event;
    }
  }
}

/** `undefined` for a comment: the server sends them to keep the stream open. */
function parseBlock(block: string): ServerEvent | undefined {
  let name = "message";
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data += line.slice(5).trim();
  }
  if (data === "") return undefined;
  try {
    return {name, data: JSON.parse(data)};
  } catch (error) {
    throw new CodedError("DECODE_INVALID", {cause: error});
  }
}
