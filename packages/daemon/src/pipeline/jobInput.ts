/** The provider's end of an input: in chunks, within a size and a time, with heartbeats meanwhile. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import {LIMITS} from "@catalyze/proto/limits";
import type {JobChannel} from "./jobChannel.ts";

/** A requester on a slow line sends 16 MiB in this time at 1.2 Mbit/s. */
const INPUT_MS = 110_000;

/** Throws `TASK_CANCELLED`, `INPUT_TOO_LARGE` or `MESSAGE_UNEXPECTED`. */
export async function receiveInput(channel: JobChannel, clock: Clock): Promise<Uint8Array> {
  // The requester's patience is for a dead peer, not for its own slow line.
  const stopBeat = channel.beat(
    () => ({phase: "receiving", done: 0, total: 0}),
    // The read below fails then, too.
    () => undefined,
  );
  try {
    return await collect(channel, clock);
  } finally {
    stopBeat();
  }
}

async function collect(channel: JobChannel, clock: Clock): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const untilMs = clock.monotonicMs() + INPUT_MS;
  let length = 0;
  for (;;) {
    const frame = await channel.receive(Math.max(0, untilMs - clock.monotonicMs()));
    if (frame?.body.case === "cancel" || frame === undefined) throw new CodedError("TASK_CANCELLED");
    if (frame.body.case !== "input")
      throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {frame: frame.body.case ?? ""}});
    const {data, last} = frame.body.value;
    // Only an input of no bytes has an empty chunk: others would only fill our memory.
    if (data.length === 0 && !last) throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {frame: "empty"}});
    length += data.length;
    if (length > LIMITS.inputBytesMax) throw new CodedError("INPUT_TOO_LARGE", {evidence: {bytes: length}});
    chunks.push(data);
    if (last) return new Uint8Array(Buffer.concat(chunks));
  }
}
