/** Cuts received bytes into frames, each behind its length as a varint. Decodes only when asked. */
import {CodedError} from "@catalyze/core/errors/codedError";

/** Four varint bytes reach 256 MiB; a longer prefix is an attack. */
const PREFIX_BYTES_MAX = 4;

export class FrameDecoder {
  readonly #frameBytesMax: number;
  readonly #chunks: Uint8Array[] = [];
  /** Bytes of the first chunk that are used up. */
  #offset = 0;
  #length = 0;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Bytes that no frame has used yet. */
  get bytesBuffered(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /** The next whole frame, as its own copy; `undefined` until it is here. Throws `FRAME_TOO_LARGE`. */
  next(): Uint8Array | undefined {
    const prefix = this.#peek(PREFIX_BYTES_MAX);
    const prefixLength = prefix.findIndex((byte) => byte < 0x80) + 1;
    if (prefixLength === 0) {
      if (prefix.length === PREFIX_BYTES_MAX) throw new CodedError("FRAME_TOO_LARGE");
      return undefined;
    }
    let frameBytes = 0;
    for (let at = prefixLength - 1; at >= 0; at--) frameBytes = frameBytes * 128 + ((prefix[at] ?? 0) & 0x7f);
    if (frameBytes > this.#frameBytesMax) {
      throw new CodedError("FRAME_TOO_LARGE", {evidence: {bytes: frameBytes, max: this.#frameBytesMax}});
    }
    if (this.#length < prefixLength + frameBytes) return undefined;
    this.#take(prefixLength);
    return this.#take(frameBytes);
  }

  #peek(count: number): number[] {
    const bytes: number[] = [];
    let offset = this.#offset;
    for (const chunk of this.#chunks) {
      for (let at = offset; at < chunk.length && bytes.length < count; at++) bytes.push(chunk[at] ?? 0);
      if (bytes.length === count) break;
      offset = 0;
    }
    return bytes;
  }

  #take(count: number): Uint8Array {
    const out = new Uint8Array(count);
    let done = 0;
    while (done < count) {
      const chunk = this.#chunks[0] ?? new Uint8Array();
      const part = chunk.subarray(this.#offset, this.#offset + count - done);
      out.set(part, done);
      done += part.length;
      this.#offset += part.length;
      if (this.#offset < chunk.length) continue;
      this.#chunks.shift();
      this.#offset = 0;
    }
    this.#length -= count;
    return out;
  }
}

/** The frame behind its length: what `FrameDecoder` reads. A copy, so the caller may reuse its bytes. */
export function encodeFrame(frame: Uint8Array): Uint8Array {
  const prefix: number[] = [];
  let rest = frame.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) prefix.push((rest % 128) | 0x80);
  prefix.push(rest);
  const out = new Uint8Array(prefix.length + frame.length);
  out.set(prefix);
  out.set(frame, prefix.length);
  return out;
}
