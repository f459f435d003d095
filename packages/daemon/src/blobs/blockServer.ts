/** Hands out blocks to whoever asks, within bounds; says `missing` to what is not here. */
import {create, toBinary} from "@bufbuild/protobuf";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Clock} from "@catalyze/core/ports/clock";
import type {FrameStream, Net} from "@catalyze/core/ports/net";
import {BlobFrameSchema} from "@catalyze/proto/gen/catalyze/v1/blob_pb";
import {LIMITS} from "@catalyze/proto/limits";
import type {CID} from "multiformats/cid";
import {decodeFrame} from "./blockExchange.ts";
import {type BlockStorage, parseCid, readBlock} from "./blockStorage.ts";

/** Blocks of 1 MiB that are in memory for others at once. */
const BLOCKS_AT_ONCE = 8;
const STREAMS_MAX = 64;
const CIDS_MAX = 16;
const CID_CHARS_MAX = 128;
const IDLE_MS = 60_000;

/** What an honest peer never sends. */
const FAULTS: ReadonlySet<ErrorCode> = new Set(["DECODE_INVALID", "MESSAGE_UNEXPECTED", "FRAME_TOO_LARGE"]);

export type BlockServerComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly storage: BlockStorage;
};

export class BlockServer {
  readonly #components: BlockServerComponents;
  readonly #waiting: (() => void)[] = [];
  #streams = 0;
  #busy = 0;

  constructor(components: BlockServerComponents) {
    this.#components = components;
  }

  /** Serves one stream to its end. */
  async serve(stream: FrameStream): Promise<void> {
    if (this.#streams >= STREAMS_MAX) throw new CodedError("PEER_BUDGET_EXHAUSTED");
    this.#streams += 1;
    try {
      for (
        let frame = await this.#receive(stream);
        frame !== undefined;
        frame = await this.#receive(stream)
      ) {
        for (const text of requestedIn(frame)) await this.#answer(stream, text);
      }
    } catch (error) {
      const {code} = toCodedError(error);
      if (FAULTS.has(code)) this.#components.net.penalize(stream.peer, code);
      throw error;
    } finally {
      this.#streams -= 1;
    }
  }

  async #receive(stream: FrameStream): Promise<Uint8Array | undefined> {
    const cancel = this.#components.clock.after(IDLE_MS, () => stream.abort(new Error("idle")));
    try {
      return await stream.receive();
    } finally {
      cancel();
    }
  }

  async #answer(stream: FrameStream, text: string): Promise<void> {
    const cid = parseCid(text);
    await this.#enter();
    try {
      const data = await this.#read(cid);
      const value = data === undefined ? {cid: text, missing: true} : {cid: text, data};
      const frame = toBinary(BlobFrameSchema, create(BlobFrameSchema, {body: {case: "reply", value}}));
      await this.#send(stream, frame);
    } finally {
      this.#leave();
    }
  }

  /** A reader that does not read must not hold a place for ever. */
  async #send(stream: FrameStream, frame: Uint8Array): Promise<void> {
    const cancel = this.#components.clock.after(IDLE_MS, () => stream.abort(new Error("stalled")));
    try {
      await stream.send(frame);
    } finally {
      cancel();
    }
  }

  /** A block that our disk has damaged is one that we do not have. */
  async #read(cid: CID): Promise<Uint8Array | undefined> {
    try {
      const data = await readBlock(this.#components.storage, cid);
      return data === undefined || data.length > LIMITS.blockBytesMax ? undefined : data;
    } catch {
      return undefined;
    }
  }

  async #enter(): Promise<void> {
    while (this.#busy >= BLOCKS_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#busy += 1;
  }

  #leave(): void {
    this.#busy -= 1;
    this.#waiting.shift()?.();
  }
}

function requestedIn(frame: Uint8Array): readonly string[] {
  const {body} = decodeFrame(frame);
  if (body.case !== "request") throw new CodedError("MESSAGE_UNEXPECTED");
  const {cids} = body.value;
  if (cids.length > CIDS_MAX || cids.some((text) => text.length > CID_CHARS_MAX)) {
    throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {cids: cids.length}});
  }
  return cids;
}
