/**
 * The port's frame stream over a libp2p stream: varint length, then the frame.
 *
 * `lpStream` does the framing but reads without back pressure: it resets the stream once 4 MiB lie
 * unread. So received and delivered bytes are counted here, and the stream is paused (the muxer then
 * grants the sender no window) while too much waits.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {FrameStream} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {Stream} from "@libp2p/interface";
import {type LengthPrefixedStream, lpStream} from "@libp2p/utils";
import {netError} from "./netError.ts";

/** Unread bytes at which the sender is made to wait; one whole frame must always fit. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** Above the muxer's window, which may still arrive after a pause. */
const BUFFER_SLACK_BYTES = 4 * 1024 * 1024;
/** Charged for each queued frame, so that a flood of empty ones is bounded too. */
const FRAME_COST_BYTES = 64;
/** Four varint bytes reach 256 MiB; a longer prefix is an attack. */
const PREFIX_BYTES_MAX = 4;

export class Libp2pStream implements FrameStream {
  readonly peer: PeerId;
  readonly #stream: Stream;
  readonly #lp: LengthPrefixedStream<Stream>;
  readonly #frameBytesMax: number;
  readonly #unreadBytesMax: number;
  readonly #frames: Uint8Array[] = [];
  readonly #waiting = new Set<() => void>();
  #bytesReceived = 0;
  /** Bytes of whole frames, prefixes included, taken off the stream. */
  #bytesParsed = 0;
  /** Of those, the ones not yet handed to the caller. */
  #bytesQueued = 0;
  #isRemoteDone = false;
  #end: {readonly error: CodedError | undefined} | undefined;

  constructor(stream: Stream, peer: PeerId, frameBytesMax: number) {
    this.peer = peer;
    this.#stream = stream;
    this.#frameBytesMax = frameBytesMax;
    this.#unreadBytesMax = Math.max(UNREAD_BYTES_MAX, frameBytesMax + PREFIX_BYTES_MAX);
    stream.addEventListener("message", (event) => {
      this.#bytesReceived += event.data.byteLength;
      this.#regulate();
    });
    this.#isRemoteDone = stream.remoteWriteStatus === "closed" && stream.status === "open";
    stream.addEventListener("remoteCloseWrite", () => {
      this.#isRemoteDone = true;
    });
    this.#lp = lpStream(stream, {
      maxDataLength: frameBytesMax,
      maxLengthLength: PREFIX_BYTES_MAX,
      maxBufferSize: this.#unreadBytesMax + BUFFER_SLACK_BYTES,
      lengthDecoder: (data) => decodePrefix(data.subarray()),
    });
    void this.#pump();
  }

  async send(frame: Uint8Array): Promise<void> {
    if (frame.length > this.#frameBytesMax) {
      throw new CodedError("FRAME_TOO_LARGE", {evidence: {bytes: frame.length, max: this.#frameBytesMax}});
    }
    try {
      await this.#lp.write(frame);
    } catch (error) {
      throw netError(error, {peer: this.peer});
    }
  }

  async receive(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      signal?.throwIfAborted();
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        this.#bytesQueued -= frame.length + FRAME_COST_BYTES;
        this.#regulate();
        return frame;
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return undefined;
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
    this.#finish(new CodedError("PEER_UNREACHABLE", {evidence: {peer: this.peer, reason: "aborted"}}));
    this.#frames.length = 0;
    this.#stream.abort(reason ?? new Error("aborted"));
  }

  /** Nothing further is read: what still comes is dropped, and the stream ends with our close. */
  async release(): Promise<void> {
    if (this.#end !== undefined) return;
    await this.#stream.closeRead();
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        const frame = plain((await this.#lp.read()).subarray());
        this.#bytesParsed += prefixBytes(frame.length) + frame.length;
        this.#bytesQueued += frame.length + FRAME_COST_BYTES;
        this.#frames.push(frame);
        this.#regulate();
        this.#wake();
      }
    } catch (error) {
      const isClean = this.#isRemoteDone && this.#bytesParsed === this.#bytesReceived;
      const failure = isClean ? undefined : netError(error, {peer: this.peer});
      this.#finish(failure);
      if (failure !== undefined) this.#stream.abort(failure);
    }
  }

  #finish(error: CodedError | undefined): void {
    this.#end ??= {error};
    this.#wake();
  }

  #regulate(): void {
    const unread = this.#bytesReceived - this.#bytesParsed + this.#bytesQueued;
    const {readStatus} = this.#stream;
    if (unread > this.#unreadBytesMax && readStatus === "readable") this.#stream.pause();
    else if (unread <= this.#unreadBytesMax && readStatus === "paused") this.#stream.resume();
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

/** Sockets hand out Buffers, whose `slice()` shares memory where that of a Uint8Array copies. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A `RangeError` asks the reader for one more byte. */
function decodePrefix(bytes: Uint8Array): number {
  let value = 0;
  for (const [index, byte] of bytes.entries()) {
    if (index >= PREFIX_BYTES_MAX) break;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value;
  }
  if (bytes.length < PREFIX_BYTES_MAX) throw new RangeError("incomplete");
  throw new CodedError("FRAME_TOO_LARGE", {evidence: {reason: "lengthPrefix"}});
}

function prefixBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest >= 0x80; rest /= 128) bytes += 1;
  return bytes;
}
