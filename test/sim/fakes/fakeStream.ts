/**
 * Two ends of a stream between simulated nodes. Frames arrive in order, each with its own delay; a sender
 * waits once `WINDOW_BYTES` are unread, as over TCP.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {FrameStream} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {FakeClock} from "./fakeClock.ts";

const WINDOW_BYTES = 1024 * 1024;

type Waiter = {readonly resolve: () => void; readonly reject: (reason: Error) => void};

/** One direction. */
class FakePipe {
  readonly #clock: FakeClock;
  readonly #delayMs: () => number;
  readonly #arrived: Uint8Array[] = [];
  readonly #senders: Waiter[] = [];
  readonly #receivers: Waiter[] = [];
  #lastArrivalMs = 0;
  #bytesUnread = 0;
  #isEnded = false;
  #isEndSent = false;
  broken: CodedError | undefined;

  constructor(clock: FakeClock, delayMs: () => number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  async send(frame: Uint8Array): Promise<void> {
    if (this.broken !== undefined) throw this.broken;
    if (this.#isEndSent) throw new CodedError("PEER_UNREACHABLE", {evidence: {reason: "streamClosed"}});
    const copy = frame.slice();
    this.#bytesUnread += copy.length;
    this.#later(() => {
      this.#arrived.push(copy);
      wake(this.#receivers);
    });
    while (this.#bytesUnread > WINDOW_BYTES) await this.#wait(this.#senders);
  }

  end(): void {
    if (this.#isEndSent || this.broken !== undefined) return;
    this.#isEndSent = true;
    this.#later(() => {
      this.#isEnded = true;
      wake(this.#receivers);
    });
  }

  async receive(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.broken !== undefined) throw this.broken;
      const frame = this.#arrived.shift();
      if (frame !== undefined) {
        this.#bytesUnread -= frame.length;
        wake(this.#senders);
        return frame;
      }
      if (this.#isEnded) return undefined;
      await this.#wait(this.#receivers, signal);
    }
  }

  break(reason: CodedError): void {
    if (this.broken !== undefined) return;
    this.broken = reason;
    this.#arrived.length = 0;
    wake(this.#senders);
    wake(this.#receivers);
  }

  #later(deliver: () => void): void {
    const arrivalMs = Math.max(this.#lastArrivalMs, this.#clock.monotonicMs() + this.#delayMs());
    this.#lastArrivalMs = arrivalMs;
    this.#clock.after(arrivalMs - this.#clock.monotonicMs(), () => {
      if (this.broken === undefined) deliver();
    });
  }

  #wait(waiters: Waiter[], signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, {once: true});
      const settle = () => signal?.removeEventListener("abort", onAbort);
      waiters.push({
        resolve: () => {
          settle();
          resolve();
        },
        reject,
      });
    });
  }
}

export type FakeLink = {
  readonly clock: FakeClock;
  readonly delayMs: () => number;
  readonly frameBytesMax: number;
  /** True when this frame breaks the stream instead of arriving. */
  readonly isBreaking: () => boolean;
};

export class FakeStream implements FrameStream {
  readonly peer: PeerId;
  readonly #link: FakeLink;
  readonly #incoming: FakePipe;
  readonly #outgoing: FakePipe;
  #isClosed = false;

  constructor(peer: PeerId, link: FakeLink, pipes: {incoming: FakePipe; outgoing: FakePipe}) {
    this.peer = peer;
    this.#link = link;
    this.#incoming = pipes.incoming;
    this.#outgoing = pipes.outgoing;
  }

  async send(frame: Uint8Array): Promise<void> {
    if (frame.length > this.#link.frameBytesMax) throw new CodedError("FRAME_TOO_LARGE");
    await this.sendUnchecked(frame);
  }

  /** What a hostile peer does: no size check on the sending side. */
  async sendUnchecked(frame: Uint8Array): Promise<void> {
    if (this.#link.isBreaking()) this.breakNow("streamBroke");
    await this.#outgoing.send(frame);
  }

  async receive(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const frame = await this.#incoming.receive(signal);
    if (frame !== undefined && frame.length > this.#link.frameBytesMax) {
      this.breakNow("frameTooLarge");
      throw new CodedError("FRAME_TOO_LARGE", {evidence: {bytes: frame.length}});
    }
    return frame;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#outgoing.end();
  }

  abort(): void {
    this.breakNow("aborted");
  }

  /** Both ways, at both ends, at once. */
  breakNow(reason: string): void {
    const error = new CodedError("PEER_UNREACHABLE", {evidence: {reason, peer: this.peer}});
    this.#incoming.break(error);
    this.#outgoing.break(error);
  }

  /** Nothing more will come or go: the network may forget it. */
  get isOver(): boolean {
    return this.#outgoing.broken !== undefined || this.#isClosed;
  }
}

export function fakeStreamPair(left: PeerId, right: PeerId, link: FakeLink): [FakeStream, FakeStream] {
  const toRight = new FakePipe(link.clock, link.delayMs);
  const toLeft = new FakePipe(link.clock, link.delayMs);
  return [
    new FakeStream(right, link, {incoming: toLeft, outgoing: toRight}),
    new FakeStream(left, link, {incoming: toRight, outgoing: toLeft}),
  ];
}

function wake(waiters: Waiter[]): void {
  for (const waiter of waiters.splice(0)) waiter.resolve();
}
