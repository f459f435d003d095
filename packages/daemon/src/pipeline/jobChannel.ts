/**
 * The provider's end of a task stream: sends in order, speaks at least every `HEARTBEAT_MS` while work
 * goes on, and turns a cancel or a vanished requester into an aborted signal.
 */
import type {MessageInitShape} from "@bufbuild/protobuf";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Clock} from "@catalyze/core/ports/clock";
import type {FrameStream} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import {type TaskFrame, TaskFrameSchema} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {LIMITS} from "@catalyze/proto/limits";
import {HEARTBEAT_MS} from "./attempt.ts";
import {withDeadline} from "./deadline.ts";
import {MessageStream} from "./messageStream.ts";

export type JobPhase = {readonly phase: string; readonly done: number; readonly total: number};

type Body = NonNullable<MessageInitShape<typeof TaskFrameSchema>["body"]>;

/** A requester that does not take output this fast is not reading: it loses the job, not our memory. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;

export class JobChannel {
  readonly #clock: Clock;
  readonly #stream: MessageStream<typeof TaskFrameSchema>;
  #sending: Promise<void> = Promise.resolve();
  #unsentBytes = 0;
  #pending: Promise<TaskFrame | undefined> | undefined;

  constructor(clock: Clock, stream: FrameStream) {
    this.#clock = clock;
    this.#stream = new MessageStream(stream, TaskFrameSchema, LIMITS.taskFrameBytesMax);
  }

  get peer(): PeerId {
    return this.#stream.peer;
  }

  /** In order of the calls. Rejects once the stream is broken. */
  send(body: Body): Promise<void> {
    this.#sending = this.#sending.then(() => this.#stream.send({body}));
    // Each caller that cares awaits the returned promise; the chain itself must not count as unhandled.
    this.#sending.catch(() => undefined);
    return this.#sending;
  }

  /** Queues output without waiting; throws `QUEUE_FULL` when the requester does not read. */
  sendOutput(data: Uint8Array): void {
    this.#unsentBytes += data.length;
    if (this.#unsentBytes > UNSENT_BYTES_MAX)
      throw new CodedError("QUEUE_FULL", {evidence: {unsent: this.#unsentBytes}});
    for (let at = 0; at < data.length; at += LIMITS.chunkBytesMax) {
      const chunk = data.subarray(at, at + LIMITS.chunkBytesMax);
      void this.send({case: "output", value: {data: chunk}}).then(
        () => {
          this.#unsentBytes -= chunk.length;
        },
        () => undefined,
      );
    }
  }

  /** The next frame; `undefined` when the requester closed. */
  async receive(ms: number): Promise<TaskFrame | undefined> {
    const pending = this.#next();
    const frame = await withDeadline({clock: this.#clock, ms, code: "PEER_UNREACHABLE"}, () => pending);
    this.#pending = undefined;
    return frame;
  }

  /** Heartbeats until the returned function runs; `onBroken` when the requester is gone. */
  beat(phase: () => JobPhase, onBroken: () => void): () => void {
    let cancel: () => void = () => undefined;
    const schedule = () => {
      cancel = this.#clock.after(HEARTBEAT_MS, () => {
        const {phase: name, done, total} = phase();
        const value = {phase: name, done: BigInt(Math.trunc(done)), total: BigInt(Math.trunc(total))};
        this.send({case: "progress", value}).catch(onBroken);
        schedule();
      });
    };
    schedule();
    return () => cancel();
  }

  /**
   * Runs `work` with heartbeats. Its signal aborts with `TASK_CANCELLED` when the requester cancels or
   * goes away; any other frame before the commit is out of turn.
   */
  async whileWorking<T>(phase: () => JobPhase, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const gone = new AbortController();
    let isWorking = true;
    const end = (code: ErrorCode) => {
      if (isWorking) gone.abort(new CodedError(code));
    };
    // One read is always pending; a frame that comes after the work is left for `receive`.
    this.#next().then(
      (frame) =>
        end(frame === undefined || frame.body.case === "cancel" ? "TASK_CANCELLED" : "MESSAGE_UNEXPECTED"),
      () => end("TASK_CANCELLED"),
    );
    const stopBeat = this.beat(phase, () => end("TASK_CANCELLED"));
    try {
      return await work(gone.signal);
    } finally {
      isWorking = false;
      stopBeat();
    }
  }

  async close(): Promise<void> {
    await this.#stream.close();
  }

  abort(): void {
    this.#stream.abort();
  }

  #next(): Promise<TaskFrame | undefined> {
    if (this.#pending === undefined) {
      this.#pending = this.#stream.receive();
      this.#pending.catch(() => undefined);
    }
    return this.#pending;
  }
}
