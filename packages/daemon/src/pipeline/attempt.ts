/**
 * The requester's side of one attempt at one provider: steps 5, 6 and 8 of the way of a task. It moves
 * bytes and watches time; what a result is worth is decided by its caller.
 *
 * A provider speaks at least every `HEARTBEAT_MS`, so silence means death, not work: the next candidate
 * is tried `SILENCE_MS` after the last frame, or at once when the connection breaks.
 */
import type {MessageInitShape} from "@bufbuild/protobuf";
import {CodedError, codeFromPeer} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Net} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {
  type Failure,
  type TaskFrame,
  TaskFrameSchema,
  type TaskOpenSchema,
} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {LIMITS} from "@catalyze/proto/limits";
import {withDeadline} from "./deadline.ts";
import {MessageStream} from "./messageStream.ts";
import {OF_OWN_NODE} from "./ownNodeCodes.ts";

/** A working provider sends some frame at least this often. */
export const HEARTBEAT_MS = 300;
/** Six missed heartbeats: on two busy cores single ones are late, six in a row are not. */
export const SILENCE_MS = 2_000;
/** Capacity is held this long for an award (DESIGN §4, step 3); past it the answer has no use. */
const ACCEPT_MS = 2_000;
/** The payment is valid without it; the co-signature is only evidence. */
const RECEIPT_MS = 2_000;

export type AttemptHooks = {
  readonly onAccepted?: (queuePosition: number, expectedMs: number) => void;
  readonly onProgress?: (phase: string, done: number, total: number) => void;
  readonly onOutput?: (chunk: Uint8Array) => void;
};

export type AttemptRequest = {
  readonly provider: PeerId;
  readonly open: MessageInitShape<typeof TaskOpenSchema>;
  readonly input: Uint8Array;
  readonly outputBytesMax: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
};

export type Committed = {readonly commit: Signed; readonly output: Uint8Array};

export type Payment = {
  readonly voucher: Uint8Array;
  readonly auditNonce: Uint8Array;
  readonly payerSignature: Uint8Array;
};

export class Attempt {
  readonly #clock: Clock;
  readonly #net: Net;
  readonly #request: AttemptRequest;
  #stream: MessageStream<typeof TaskFrameSchema> | undefined;

  constructor(components: {readonly clock: Clock; readonly net: Net}, request: AttemptRequest) {
    this.#clock = components.clock;
    this.#net = components.net;
    this.#request = request;
  }

  /**
   * Sends the task and reads until the result commit. Throws the provider's own coded reason, or
   * `PROVIDER_DIED`, `PROVIDER_LATE`, `DEADLINE`, `RESULT_INVALID`. The stream stays open for the payment.
   */
  async run(hooks: AttemptHooks): Promise<Committed> {
    const {deadlineMs: ms, signal} = this.#request;
    try {
      return await withDeadline({clock: this.#clock, ms, code: "PROVIDER_LATE", signal}, (inner) =>
        this.#exchange(hooks, inner),
      );
    } catch (error) {
      this.#stream?.abort();
      throw asAttemptError(error);
    }
  }

  /** Hands over voucher, nonce and our half of the receipt; the provider's half, if it answers in time. */
  async pay(payment: Payment): Promise<Uint8Array | undefined> {
    const stream = this.#stream;
    if (stream === undefined) return undefined;
    try {
      await stream.send({body: {case: "payment", value: payment}});
      const reply = await this.#within(RECEIPT_MS, "PROVIDER_LATE", (signal) => stream.receive(signal));
      await stream.close();
      return reply?.body.case === "receipt" ? reply.body.value.providerSignature : undefined;
    } catch {
      // The voucher is on disk and rides with the next request: a lost acknowledgement loses nothing.
      stream.abort();
      return undefined;
    }
  }

  /** Tells the provider why its result is not paid. */
  async reject(code: ErrorCode, message: string): Promise<void> {
    try {
      await this.#stream?.send({body: {case: "rejection", value: {code, message}}});
      await this.#stream?.close();
    } catch {
      // It is gone; it keeps its own record of an unpaid result.
      this.#stream?.abort();
    }
  }

  /** Free of charge until the provider has committed. */
  async cancel(reason: string): Promise<void> {
    try {
      await this.#stream?.send({body: {case: "cancel", value: {reason}}});
    } catch {
      // Already gone: nothing runs there for us.
    }
    this.#stream?.abort();
  }

  async #exchange(hooks: AttemptHooks, signal: AbortSignal): Promise<Committed> {
    const {provider, open, input} = this.#request;
    const raw = await this.#within(
      ACCEPT_MS,
      "PEER_UNREACHABLE",
      (inner) => this.#net.open(provider, "task", inner),
      signal,
    );
    const stream = new MessageStream(raw, TaskFrameSchema, LIMITS.taskFrameBytesMax);
    this.#stream = stream;
    await stream.send({body: {case: "open", value: open}});
    const sending = this.#sendInput(stream, input);
    // A provider that refuses says why before it hangs up: what we read tells more than what we could not send.
    sending.catch(() => undefined);
    return await this.#read(stream, hooks, signal);
  }

  async #sendInput(stream: MessageStream<typeof TaskFrameSchema>, input: Uint8Array): Promise<void> {
    let at = 0;
    do {
      const data = input.subarray(at, at + LIMITS.chunkBytesMax);
      at += data.length;
      await stream.send({body: {case: "input", value: {data, last: at >= input.length}}});
    } while (at < input.length);
  }

  async #read(
    stream: MessageStream<typeof TaskFrameSchema>,
    hooks: AttemptHooks,
    signal: AbortSignal,
  ): Promise<Committed> {
    const output = new OutputCollector(this.#request.outputBytesMax);
    let isAccepted = false;
    for (;;) {
      const ms = isAccepted ? SILENCE_MS : ACCEPT_MS;
      const frame = await this.#within(ms, "PROVIDER_LATE", (inner) => stream.receive(inner), signal);
      if (frame === undefined) throw new CodedError("PROVIDER_DIED", {evidence: {provider: stream.peer}});
      if (frame.body.case === "accepted") isAccepted = true;
      const commit = onFrame(frame, output, hooks);
      if (commit !== undefined) return {commit, output: output.bytes()};
    }
  }

  async #within<T>(
    ms: number,
    code: ErrorCode,
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return await withDeadline(
      {clock: this.#clock, ms, code, ...(signal === undefined ? {} : {signal})},
      work,
    );
  }
}

/** Handles one frame; the commit ends the exchange. */
function onFrame(frame: TaskFrame, output: OutputCollector, hooks: AttemptHooks): Signed | undefined {
  const {body} = frame;
  switch (body.case) {
    case "accepted":
      hooks.onAccepted?.(body.value.queuePosition, Number(body.value.expectedMs));
      return undefined;
    case "progress":
      hooks.onProgress?.(body.value.phase.slice(0, 64), Number(body.value.done), Number(body.value.total));
      return undefined;
    case "output":
      output.add(body.value.data);
      hooks.onOutput?.(body.value.data);
      return undefined;
    case "commit":
      return body.value;
    case "failure":
      throw saidByProvider(body.value);
    default:
      throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {frame: body.case ?? "none"}});
  }
}

/** Its full disk is not ours. */
function saidByProvider({code, message, retryAfterMs}: Failure): CodedError {
  const said = codeFromPeer(code);
  const options = {
    message: message.slice(0, 300),
    ...(retryAfterMs > 0n ? {retryAfterMs: Number(retryAfterMs)} : {}),
  };
  if (!OF_OWN_NODE.has(said)) return new CodedError(said, options);
  return new CodedError("PROVIDER_REFUSED", {...options, evidence: {reason: said}});
}

class OutputCollector {
  readonly #bytesMax: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length > this.#bytesMax) {
      throw new CodedError("RESULT_INVALID", {evidence: {reason: "outputTooLarge", max: this.#bytesMax}});
    }
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#chunks));
  }
}

/** A broken stream is the provider's death; our own codes and the provider's pass unchanged. */
function asAttemptError(error: unknown): CodedError {
  if (error instanceof CodedError) {
    return error.code === "PEER_UNREACHABLE" ? new CodedError("PROVIDER_DIED", {cause: error}) : error;
  }
  return new CodedError("PROVIDER_DIED", {cause: error});
}
