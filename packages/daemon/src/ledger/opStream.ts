/** Hands signed ops to one witness: frames of many ops, one at a time, acknowledged by position. */
import {CodedError, codeFromPeer, toCodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Op} from "@catalyze/core/ledger/op";
import type {Clock} from "@catalyze/core/ports/clock";
import type {FrameStream, Net} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import {decodeLedgerFrame, encodeLedgerFrame} from "./ledgerFrame.ts";
import {PROVES_FAULT} from "./ledgerProtocol.ts";
import {opsThatFit} from "./opFrames.ts";

export type OpStreamComponents = {
  readonly net: Net;
  readonly clock: Clock;
  /** `undefined`: taken. */
  readonly onAck: (peer: PeerId, op: Op, code: ErrorCode | undefined) => void;
};

const QUEUE_MAX = 4_096;
const REPLY_MS = 5_000;

export class OpStream {
  readonly #components: OpStreamComponents;
  readonly #peer: PeerId;
  readonly #abort = new AbortController();
  readonly #queue = new Map<string, Op>();
  #running: Promise<void> | undefined;

  constructor(components: OpStreamComponents, peer: PeerId) {
    this.#components = components;
    this.#peer = peer;
  }

  /** Lost when the witness cannot be reached or the queue is full: the sender's timer sends it again. */
  send(op: Op): void {
    if (this.#abort.signal.aborted || this.#queue.size >= QUEUE_MAX) return;
    this.#queue.set(op.id, op);
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort(new CodedError("PEER_UNREACHABLE", {message: "The ledger node stops."}));
    await this.#running;
  }

  async #run(): Promise<void> {
    // Ops signed in the same turn go in one frame.
    await Promise.resolve();
    const {net, clock} = this.#components;
    const controller = new AbortController();
    const onStop = () => controller.abort(this.#abort.signal.reason);
    this.#abort.signal.addEventListener("abort", onStop, {once: true});
    let cancel = () => {};
    let stream: FrameStream | undefined;
    try {
      while (this.#queue.size > 0) {
        cancel();
        cancel = clock.after(REPLY_MS, () => controller.abort(new CodedError("PEER_UNREACHABLE")));
        stream ??= await net.open(this.#peer, "ledger", controller.signal);
        await this.#exchange(stream, controller.signal);
      }
      await stream?.close();
    } catch (error) {
      stream?.abort();
      this.#queue.clear();
      const {code} = toCodedError(error);
      if (PROVES_FAULT.has(code)) net.penalize(this.#peer, code);
    } finally {
      cancel();
      this.#abort.signal.removeEventListener("abort", onStop);
      this.#running = undefined;
    }
  }

  async #exchange(stream: FrameStream, signal: AbortSignal): Promise<void> {
    const ops = this.#take();
    await stream.send(encodeLedgerFrame({case: "opSubmit", value: {ops: ops.map((op) => op.bytes)}}));
    const frame = await stream.receive(signal);
    if (frame === undefined) throw new CodedError("PEER_UNREACHABLE");
    const body = decodeLedgerFrame(frame);
    if (body.case !== "opSubmitReply" || body.value.acks.length !== ops.length) {
      throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {kind: body.case}});
    }
    for (const [index, op] of ops.entries()) {
      const code = body.value.acks[index]?.code ?? "";
      this.#components.onAck(this.#peer, op, code === "" ? undefined : codeFromPeer(code));
    }
  }

  #take(): Op[] {
    const ops = opsThatFit(this.#queue.values());
    for (const {id} of ops) this.#queue.delete(id);
    return ops;
  }
}
