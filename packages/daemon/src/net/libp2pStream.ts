/**
 * The port's frame stream over a libp2p stream: varint length, then the frame.
 *
 * The library's `lpStream` and `pbStream` have the same framing but read without back pressure (the
 * stream is reset once 4 MiB lie unread) and spend 90 µs on an empty frame, a cheap way to burn a peer's
 * CPU. So frames are cut here, when asked for, and the stream is paused while too much waits: the muxer
 * then grants the sender no window.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {FrameStream} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {Stream} from "@libp2p/interface";
import {encodeFrame, FrameDecoder} from "./frameDecoder.ts";
import {netError} from "./netError.ts";

/** Unread bytes at which the sender is made to wait; one whole frame and its prefix must always fit. */
const UNREAD_BYTES_MAX = 1024 * 1024;
const PREFIX_BYTES = 16;

export class Libp2pStream implements FrameStream {
  readonly peer: PeerId;
  readonly #stream: Stream;
  readonly #frameBytesMax: number;
  readonly #unreadBytesMax: number;
  readonly #decoder: FrameDecoder;
  readonly #waiting = new Set<() => void>();
  /** The other side said that it is done: what is not here yet is in the stream's own buffer. */
  #isRemoteDone: boolean;
  #failure: CodedError | undefined;

  constructor(stream: Stream, peer: PeerId, frameBytesMax: number) {
    this.peer = peer;
    this.#stream = stream;
    this.#frameBytesMax = frameBytesMax;
    this.#unreadBytesMax = Math.max(UNREAD_BYTES_MAX, frameBytesMax + PREFIX_BYTES);
    this.#decoder = new FrameDecoder(frameBytesMax);
    this.#isRemoteDone = stream.remoteWriteStatus === "closed" && stream.status === "open";
    if (stream.status !== "open") this.#fail(new Error("stream is not open"));
    this.#listen();
  }

  async send(frame: Uint8Array): Promise<void> {
    if (frame.length > this.#frameBytesMax) {
      throw new CodedError("FRAME_TOO_LARGE", {evidence: {bytes: frame.length, max: this.#frameBytesMax}});
    }
    if (this.#failure !== undefined) throw this.#failure;
    try {
      if (!this.#stream.send(encodeFrame(frame))) await drained(this.#stream);
    } catch (error) {
      throw netError(error, {peer: this.peer});
    }
  }

  async receive(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      signal?.throwIfAborted();
      const frame = this.#next();
      this.#regulate();
      if (frame !== undefined) return frame;
      if (this.#isRemoteDone && this.#stream.readBufferLength === 0) {
        if (this.#decoder.bytesBuffered === 0) return undefined;
        this.#fail(new Error("ended inside a frame"));
      }
      if (this.#failure !== undefined) throw this.#failure;
      await this.#wait(signal);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#stream.close();
    } catch (error) {
      throw netError(error, {peer: this.peer});
    }
  }

  abort(reason?: Error): void {
    this.#fail(new CodedError("PEER_UNREACHABLE", {evidence: {peer: this.peer, reason: "aborted"}}));
    this.#stream.abort(reason ?? new Error("aborted"));
  }

  /** Nothing further is read: what still comes is dropped. */
  async release(): Promise<void> {
    await this.#stream.closeRead();
  }

  #listen(): void {
    this.#stream.addEventListener("message", ({data}) => {
      for (const chunk of data instanceof Uint8Array ? [data] : data) this.#decoder.push(chunk);
      this.#regulate();
      this.#wake();
    });
    this.#stream.addEventListener("remoteCloseWrite", () => {
      this.#isRemoteDone = true;
      this.#wake();
    });
    this.#stream.addEventListener("close", ({error}) => {
      if (error !== undefined || !this.#isRemoteDone) this.#fail(error ?? new Error("connection closed"));
      this.#wake();
    });
  }

  #next(): Uint8Array | undefined {
    if (this.#failure?.evidence["reason"] === "aborted") return undefined;
    try {
      return this.#decoder.next();
    } catch (error) {
      const failure = netError(error, {peer: this.peer});
      this.#fail(failure);
      this.#stream.abort(failure);
      throw failure;
    }
  }

  /** The first failure stands; frames that arrived whole before it can still be read. */
  #fail(reason: Error): void {
    this.#failure ??= netError(reason, {peer: this.peer});
    this.#wake();
  }

  #regulate(): void {
    const unread = this.#decoder.bytesBuffered;
    const {readStatus} = this.#stream;
    if (unread > this.#unreadBytesMax && readStatus === "readable") this.#stream.pause();
    else if (unread < this.#unreadBytesMax / 2 && readStatus === "paused") this.#stream.resume();
    else if (unread <= this.#frameBytesMax + PREFIX_BYTES && readStatus === "paused") this.#stream.resume();
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake, {once: true});
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

/** Resolves when the stream takes more bytes. */
function drained(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      stream.removeEventListener("drain", onDrain);
      stream.removeEventListener("close", onClose);
    };
    const onDrain = () => {
      settle();
      resolve();
    };
    const onClose = ({error}: {readonly error?: Error}) => {
      settle();
      reject(error ?? new Error("stream closed"));
    };
    stream.addEventListener("drain", onDrain);
    stream.addEventListener("close", onClose);
  });
}
