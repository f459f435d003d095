/** One protobuf message a frame, over any `FrameStream`: size check, then decode, then use. */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {FrameStream} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";

export class MessageStream<Schema extends DescMessage> {
  readonly #stream: FrameStream;
  readonly #schema: Schema;
  readonly #bytesMax: number;

  constructor(stream: FrameStream, schema: Schema, bytesMax: number) {
    this.#stream = stream;
    this.#schema = schema;
    this.#bytesMax = bytesMax;
  }

  get peer(): PeerId {
    return this.#stream.peer;
  }

  async send(message: MessageInitShape<Schema>): Promise<void> {
    await this.#stream.send(toBinary(this.#schema, create(this.#schema, message)));
  }

  /** `undefined` when the other side closed. Throws `FRAME_TOO_LARGE` or `DECODE_INVALID`. */
  async receive(signal?: AbortSignal): Promise<MessageShape<Schema> | undefined> {
    const frame = await this.#stream.receive(signal);
    if (frame === undefined) return undefined;
    if (frame.length > this.#bytesMax) {
      throw new CodedError("FRAME_TOO_LARGE", {evidence: {bytes: frame.length, max: this.#bytesMax}});
    }
    try {
      return fromBinary(this.#schema, frame, {readUnknownFields: false});
    } catch (cause) {
      throw new CodedError("DECODE_INVALID", {cause, evidence: {peer: this.peer}});
    }
  }

  async close(): Promise<void> {
    await this.#stream.close();
  }

  abort(reason?: Error): void {
    this.#stream.abort(reason);
  }
}
