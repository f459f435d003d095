/**
 * Our side of every ledger stream that a peer opens: pushes from witnesses, op submissions, requests for
 * a page, a cell or a part of the snapshot. Each frame is paid from the peer's budget, checked for size, decoded and used, in that order;
 * a frame that is provably wrong costs the peer standing and ends the stream.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {ReplicaInput} from "@catalyze/core/ledger/effects";
import type {FrameStream, Net} from "@catalyze/core/ports/net";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import {LIMITS} from "@catalyze/proto/limits";
import type {Push, PushAll} from "./inputsAhead.ts";
import {
  decodeLedgerFrame,
  encodeLedgerFrame,
  type LedgerFrameBody,
  type LedgerFrameInit,
} from "./ledgerFrame.ts";
import type {PeerBudgets} from "./peerBudgets.ts";
import type {PendingAnswers} from "./pendingAnswers.ts";
import type {Outcome} from "./replicaDriver.ts";

export type LedgerProtocolComponents = {
  readonly net: Net;
  readonly budgets: PeerBudgets;
  readonly push: Push;
  readonly pushAll: PushAll;
  readonly isWitness: (peer: PeerId) => boolean;
  readonly answer: (request: LedgerRequest) => Promise<LedgerFrameInit>;
  readonly pending: Pick<PendingAnswers, "costOf" | "compare" | "fetch">;
  readonly anchorSignature: (bytes: Uint8Array, from: PeerId) => void;
};

export type LedgerRequest = Extract<
  LedgerFrameBody,
  {case: "syncRequest" | "cellRequest" | "snapshotHeadRequest" | "snapshotChunkRequest"}
>;

/** One push stream, one wallet and one sync at a time are three; the rest is slack for reconnects. */
const STREAMS_PER_PEER_MAX = 8;
/** Pushes of one stream that may wait for the disk at once. */
const WINDOW_MAX = 32;
const OPS_PER_FRAME_MAX = 512;
/**
 * Ops of one stream under way at once: while the signatures of one frame are checked and those of another wait for
 * the disk the next is read. A frame counts for some, however few it brings.
 */
const SUBMITTED_OPS_MAX = 4 * OPS_PER_FRAME_MAX;
const SUBMISSION_OPS_MIN = 64;
const ANCHOR_SIGNATURE_BYTES_MAX = 4 * 1024;
const SYNC_COST = 10;
/** A MiB from the disk, sealed and sent: some milliseconds. */
const SNAPSHOT_COST = 60;
const BYTES_PER_UNIT = 512;

export class LedgerProtocol {
  readonly #components: LedgerProtocolComponents;
  readonly #streams = new Map<PeerId, Set<FrameStream>>();
  #unhandle: (() => void) | undefined;

  constructor(components: LedgerProtocolComponents) {
    this.#components = components;
  }

  start(): void {
    this.#unhandle = this.#components.net.handle("ledger", (stream) => this.#serve(stream));
  }

  stop(): void {
    this.#unhandle?.();
    for (const streams of this.#streams.values()) for (const stream of streams) stream.abort();
  }

  async #serve(stream: FrameStream): Promise<void> {
    const {peer} = stream;
    const streams = this.#streams.get(peer) ?? new Set();
    if (streams.size >= STREAMS_PER_PEER_MAX) {
      stream.abort(new CodedError("PEER_BUDGET_EXHAUSTED"));
      return;
    }
    this.#streams.set(peer, streams.add(stream));
    try {
      await this.#read(stream);
      await stream.close();
    } catch (error) {
      const {code} = toCodedError(error);
      if (PROVES_FAULT.has(code)) this.#components.net.penalize(peer, code);
      stream.abort(error instanceof Error ? error : undefined);
    } finally {
      streams.delete(stream);
      if (streams.size === 0) this.#streams.delete(peer);
    }
  }

  async #read(stream: FrameStream): Promise<void> {
    const pushes = new UnderWay(WINDOW_MAX);
    const submissions = new UnderWay(SUBMITTED_OPS_MAX);
    let answer = Promise.resolve();
    for (;;) {
      const frame = await stream.receive();
      if (frame === undefined) break;
      // Taken before decoding: even reading garbage is paid for.
      this.#pay(stream.peer, 1 + frame.length / BYTES_PER_UNIT);
      const body = decodeLedgerFrame(frame);
      if (body.case === "entry" || body.case === "consensus" || body.case === "checkpoint") {
        await pushes.add(this.#push(body.case, body.value, stream.peer));
      } else if (body.case === "opSubmit") {
        const {ops} = body.value;
        const reply = this.#submit(ops, stream.peer);
        answer = this.#answer(reply, stream, answer);
        await submissions.add(answer, Math.max(SUBMISSION_OPS_MIN, ops.length));
      } else {
        // Answers come in the order of the requests.
        await submissions.all();
        await this.#handle(body, stream);
      }
    }
    await Promise.all([pushes.all(), submissions.all()]);
  }

  /** Never rejects: what cannot be answered ends the stream. */
  async #answer(
    reply: Promise<LedgerFrameInit>,
    stream: FrameStream,
    before: Promise<unknown>,
  ): Promise<void> {
    try {
      const [init] = await Promise.all([reply, before]);
      await stream.send(encodeLedgerFrame(init));
    } catch (error) {
      stream.abort(toCodedError(error));
    }
  }

  async #push(kind: "entry" | "consensus" | "checkpoint", bytes: Uint8Array, from: PeerId): Promise<void> {
    try {
      await this.#components.push({kind, bytes, from});
    } catch {
      // Our queue or our disk is full: the sender is not at fault, and sync brings it later.
    }
  }

  async #handle(body: LedgerFrameBody, stream: FrameStream): Promise<void> {
    switch (body.case) {
      case "syncRequest":
      case "cellRequest":
        this.#pay(stream.peer, SYNC_COST);
        return await stream.send(encodeLedgerFrame(await this.#components.answer(body)));
      case "snapshotHeadRequest":
      case "snapshotChunkRequest":
        this.#pay(stream.peer, SNAPSHOT_COST);
        return await stream.send(encodeLedgerFrame(await this.#components.answer(body)));
      case "pendingCompare":
        this.#pay(stream.peer, this.#components.pending.costOf(body.value));
        return await stream.send(encodeLedgerFrame(this.#components.pending.compare(body.value)));
      case "pendingFetch":
        this.#pay(stream.peer, this.#components.pending.costOf(body.value) + body.value.keys.length);
        return await stream.send(encodeLedgerFrame(this.#components.pending.fetch(body.value)));
      case "anchorSignature":
        return this.#anchorSignature(body.value, stream.peer);
      default:
        throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {kind: body.case}});
    }
  }

  #anchorSignature(bytes: Uint8Array, from: PeerId): void {
    if (bytes.length > ANCHOR_SIGNATURE_BYTES_MAX) throw new CodedError("FRAME_TOO_LARGE");
    if (!this.#components.isWitness(from))
      throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {kind: "anchorSignature"}});
    this.#components.anchorSignature(bytes, from);
  }

  #submit(ops: readonly Uint8Array[], from: PeerId): Promise<LedgerFrameInit> {
    if (ops.length > OPS_PER_FRAME_MAX)
      throw new CodedError("FRAME_TOO_LARGE", {evidence: {ops: ops.length}});
    return this.#submitted(ops, from);
  }

  async #submitted(ops: readonly Uint8Array[], from: PeerId): Promise<LedgerFrameInit> {
    const isPaid = this.#components.budgets.take(from, ops.length);
    if (!isPaid) return replyOf(ops.map(() => refusal("PEER_BUDGET_EXHAUSTED")));
    const fitting = ops.filter(isFitting);
    const outcomes = await this.#components.pushAll(
      fitting.map((bytes): ReplicaInput => ({kind: "op", bytes, from})),
    );
    const acks = outcomes.map(ackOf).values();
    return replyOf(ops.map((bytes) => (isFitting(bytes) ? acks.next().value : undefined) ?? TOO_LARGE));
  }

  #pay(peer: PeerId, cost: number): void {
    if (!this.#components.budgets.take(peer, cost)) {
      throw new CodedError("PEER_BUDGET_EXHAUSTED", {evidence: {cost: Math.ceil(cost)}});
    }
  }
}

/** Work of one stream that goes on while its next frame is read, until it weighs so much. */
class UnderWay {
  readonly #max: number;
  readonly #open = new Set<Promise<void>>();
  #weight = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Takes work that never rejects; resolves when there is room for more. */
  async add(work: Promise<void>, weight = 1): Promise<void> {
    this.#weight += weight;
    const open = work.finally(() => {
      this.#open.delete(open);
      this.#weight -= weight;
    });
    this.#open.add(open);
    while (this.#weight >= this.#max) await Promise.race(this.#open);
  }

  /** Ends with all that is under way now. */
  async all(): Promise<void> {
    await Promise.all(this.#open);
  }
}

/** Codes that only a peer that breaks the protocol can cause. */
export const PROVES_FAULT: ReadonlySet<ErrorCode> = new Set([
  "DECODE_INVALID",
  "SIGNATURE_INVALID",
  "FRAME_TOO_LARGE",
  "MESSAGE_UNEXPECTED",
  "SNAPSHOT_INVALID",
]);

type Ack = {readonly opId: Uint8Array; readonly code: string; readonly message: string};

const TAKEN: Ack = {opId: new Uint8Array(), code: "", message: ""};
const TOO_LARGE = refusal("FRAME_TOO_LARGE");

function isFitting({length}: Uint8Array): boolean {
  return length <= LIMITS.evidenceOpBytesMax;
}

function ackOf(outcome: Outcome): Ack {
  if (outcome instanceof CodedError) return refusal(outcome.code);
  const rejected = outcome.find((effect) => effect.kind === "rejected");
  if (rejected === undefined) return TAKEN;
  const {op, code, reason} = rejected;
  return {opId: op === undefined ? new Uint8Array() : fromHex(op), code, message: reason};
}

function refusal(code: ErrorCode): Ack {
  return {opId: new Uint8Array(), code, message: ""};
}

function replyOf(acks: readonly Ack[]): LedgerFrameInit {
  return {case: "opSubmitReply", value: {acks: [...acks]}};
}
