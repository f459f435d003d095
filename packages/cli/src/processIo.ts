/** The real process as `Io`. A reader that goes away (`ctz task list | head`) is no failure. */
import {createInterface} from "node:readline/promises";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Io, TextSink} from "./io.ts";
import {onInterrupt} from "./signals.ts";

const COLUMNS_DEFAULT = 80;

export function processIo(): Io {
  return {
    stdout: sink(process.stdout),
    stderr: sink(process.stderr),
    stdinIsTty: process.stdin.isTTY === true,
    readStdin,
    ask,
    env: process.env,
    cwd: process.cwd(),
    now: () => Date.now(),
    onInterrupt,
  };
}

function sink(stream: NodeJS.WriteStream): TextSink {
  let isOpen = true;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    isOpen = false;
  });
  return {
    write(chunk) {
      if (isOpen) stream.write(chunk);
    },
    isTty: stream.isTTY === true,
    columns: stream.columns ?? COLUMNS_DEFAULT,
  };
}

async function readStdin(bytesMax: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > bytesMax) throw new CodedError("INPUT_TOO_LARGE", {evidence: {bytesMax}});
  }
  return Buffer.concat(chunks);
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({input: process.stdin, output: process.stderr});
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}
