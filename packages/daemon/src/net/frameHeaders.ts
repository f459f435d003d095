/** Follows the frames of a Yamux connection by their headers alone. */

/** Version, type, two bytes of flags, four of the stream and four of the length. */
const HEADER_BYTES = 12;
const TYPE_AT = 1;
const LENGTH_AT = 8;
/** Other types use the length for something else and carry no bytes. */
const DATA = 0;

export class FrameHeaders {
  readonly #bytesMax: number;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  /** Bytes of the frame under way that are still to come. */
  #left = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The next bytes, cut anywhere. False once a frame promises more than `bytesMax`. */
  read(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at);
        this.#left -= skipped;
        at += skipped;
        continue;
      }
      const part = bytes.subarray(at, at + HEADER_BYTES - this.#headerLength);
      this.#header.set(part, this.#headerLength);
      this.#headerLength += part.length;
      at += part.length;
      if (this.#headerLength < HEADER_BYTES) continue;
      this.#headerLength = 0;
      if (this.#header[TYPE_AT] !== DATA) continue;
      this.#left = new DataView(this.#header.buffer).getUint32(LENGTH_AT);
      if (this.#left > this.#bytesMax) return false;
    }
    return true;
  }
}
