/**
 * Hands ops in as a client does, over one stream to each witness, and waits until the witness that an op was
 * handed to has it certified on its disk. An owner's ops all go to one witness, so that none overtakes another.
 */
import {performance} from "node:perf_hooks";
import {setTimeout as sleep} from "node:timers/promises";
import type {Op} from "@catalyze/core/ledger/op";
import type {FrameStream} from "@catalyze/core/ports/net";
import type {CellId, OpId} from "@catalyze/core/primitives/id";
import {decodeLedgerFrame, encodeLedgerFrame} from "@catalyze/daemon/ledger/ledgerFrame";
import type {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import type {Target} from "./member.ts";
import type {Pacer} from "./pacer.ts";

const OPS_PER_FRAME = 256;
/** Frames on their way to a witness at once, so that it never waits for its client. */
const WINDOW = 8;
const CERTIFY_MS_MAX = 120_000;
const PACE_MS = 20;
/** Until another process has its order. */
const PACER_MS = 1_000;

/** Who runs the witnesses. */
export type Source = {
  witnesses(): readonly Target[];
  client(): Promise<Libp2pNet>;
};

type Waiting = {readonly startMs: number; readonly done: (ms: number) => void};

export class OpFeeder {
  readonly #net: Libp2pNet;
  readonly #lines: Line[] = [];
  readonly #waiting = new Map<OpId, Waiting>();

  private constructor(net: Libp2pNet) {
    this.#net = net;
  }

  /** To the witnesses; `teller` is who must know that an op is certified, when it is not whoever took it. */
  static async open(source: Source, teller?: Target): Promise<OpFeeder> {
    const feeder = new OpFeeder(await source.client());
    for (const target of source.witnesses()) {
      feeder.#lines.push(new Line(target, await feeder.#net.open(target.peer, "ledger")));
      if (teller === undefined) feeder.#listen(target);
    }
    if (teller !== undefined) feeder.#listen(teller);
    return feeder;
  }

  #listen({certified}: Target): void {
    certified.add((ids) => this.#certified(ids));
  }

  /** The witness is gone: nothing more is handed to it. */
  drop(target: Target): void {
    const index = this.#lines.findIndex((line) => line.target === target);
    this.#lines.splice(index, 1)[0]?.close();
  }

  /** As fast as they are taken. Resolves when the last is certified. */
  async certify(ops: readonly Op[]): Promise<void> {
    const nowMs = performance.now();
    const certified = this.#watch(ops, () => nowMs);
    const homes = this.#byLine(ops);
    await Promise.all([...homes].map(([line, own]) => line.sendAll(own)));
    await certified;
  }

  /**
   * Evenly at this rate, whatever comes back. How long each op took, in ms, from when it was due: the nodes
   * share this thread, and what they keep from being sent in time has waited too.
   */
  async pace(ops: readonly Op[], perSecond: number): Promise<number[]> {
    const latencies: number[] = [];
    const sent: Promise<unknown>[] = [];
    const startMs = performance.now();
    const dueMs = (index: number) => startMs + (index * 1_000) / perSecond;
    let at = 0;
    while (at < ops.length) {
      let due = at;
      while (due < ops.length && dueMs(due) <= performance.now()) due += 1;
      const batch = ops.slice(at, due);
      const first = at;
      at = due;
      const each = (ms: number) => latencies.push(ms);
      if (batch.length > 0) sent.push(this.#watch(batch, (index) => dueMs(first + index), each));
      const homes = this.#byLine(batch);
      for (const [line, own] of homes) sent.push(line.send(own));
      await sleep(PACE_MS / 4);
    }
    await Promise.all(sent);
    return latencies;
  }

  /** The same, with a client in another process in the place of this one. */
  async paceFrom(pacer: Pacer, ops: readonly Op[], perSecond: number): Promise<number[]> {
    const startMs = performance.now() + PACER_MS;
    const startNs = process.hrtime.bigint() + BigInt(PACER_MS) * 1_000_000n;
    const latencies: number[] = [];
    const certified = this.#watch(
      ops,
      (index) => startMs + (index * 1_000) / perSecond,
      (ms) => latencies.push(ms),
    );
    const paced = ops.map((op) => ({to: this.#lines.indexOf(this.#lineOf(op.body.cell)), bytes: op.bytes}));
    await Promise.all([pacer.send({ops: paced, perSecond, startNs}), certified]);
    return latencies;
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.close();
    await this.#net.stop();
  }

  #byLine(ops: readonly Op[]): Map<Line, Op[]> {
    const found = new Map<Line, Op[]>();
    for (const op of ops) {
      const line = this.#lineOf(op.body.cell);
      const own = found.get(line);
      if (own === undefined) found.set(line, [op]);
      else own.push(op);
    }
    return found;
  }

  #lineOf(cell: CellId): Line {
    // The first bytes of an account id are as good as random.
    return this.#lines[Number.parseInt(cell.slice(0, 8), 16) % this.#lines.length]!;
  }

  #certified(ids: readonly OpId[]): void {
    const nowMs = performance.now();
    for (const id of ids) {
      const waiting = this.#waiting.get(id);
      if (waiting === undefined) continue;
      this.#waiting.delete(id);
      waiting.done(nowMs - waiting.startMs);
    }
  }

  async #watch(
    ops: readonly Op[],
    startMs: (index: number) => number,
    each: (ms: number) => void = () => {},
  ): Promise<void> {
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    let left = ops.length;
    const timer = setTimeout(() => reject(new Error(`${left} ops were not certified`)), CERTIFY_MS_MAX);
    const done = (ms: number) => {
      each(ms);
      left -= 1;
      if (left === 0) resolve();
    };
    for (const [index, {id}] of ops.entries()) this.#waiting.set(id, {startMs: startMs(index), done});
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** One stream to one witness; answers come in the order of the frames. */
class Line {
  readonly target: Target;
  readonly #stream: FrameStream;
  readonly #unanswered: {readonly resolve: () => void; readonly reject: (error: unknown) => void}[] = [];

  constructor(target: Target, stream: FrameStream) {
    this.target = target;
    this.#stream = stream;
    this.#read().catch((error: unknown) => {
      for (const {reject} of this.#unanswered.splice(0)) reject(error);
    });
  }

  async sendAll(ops: readonly Op[]): Promise<void> {
    const pending = new Set<Promise<void>>();
    for (let at = 0; at < ops.length; at += OPS_PER_FRAME) {
      const sent = this.send(ops.slice(at, at + OPS_PER_FRAME)).finally(() => pending.delete(sent));
      pending.add(sent);
      if (pending.size >= WINDOW) await Promise.race(pending);
    }
    await Promise.all(pending);
  }

  /** Resolves when the witness has taken every op in; rejects when it refused one. */
  async send(ops: readonly Op[]): Promise<void> {
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    this.#unanswered.push({resolve, reject});
    const frame = encodeLedgerFrame({case: "opSubmit", value: {ops: ops.map(({bytes}) => bytes)}});
    await Promise.all([this.#stream.send(frame), promise]);
  }

  close(): void {
    this.#stream.abort();
  }

  async #read(): Promise<void> {
    for (;;) {
      const frame = await this.#stream.receive();
      if (frame === undefined) throw new Error("the witness closed the stream");
      const body = decodeLedgerFrame(frame);
      const acks = body.case === "opSubmitReply" ? body.value.acks : [];
      const refused = acks.find(({code}) => code !== "");
      const first = this.#unanswered.shift();
      if (refused === undefined) first?.resolve();
      else first?.reject(new Error(`the witness refused: ${refused.code} ${refused.message}`));
    }
  }
}
