/**
 * Keeps sending every op of the outbox, always the same bytes, until it is certified (reference/ledger
 * 5.1): to one witness at once, after 500 ms to all of them, then again and again.
 */
import {ERRORS, type ErrorCode} from "@catalyze/core/errors/table";
import type {Op} from "@catalyze/core/ledger/op";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import type {OpId, PeerId} from "@catalyze/core/primitives/id";
import {OpStream} from "./opStream.ts";
import type {WitnessPeers} from "./witnessPeers.ts";

export type OpSenderComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly witnesses: WitnessPeers;
  /** Then a hand-over to the own replica comes first. */
  readonly isSelfWitness: () => boolean;
  readonly pending: () => readonly Op[];
  /** To the own replica; a witness votes for it there. */
  readonly deliver: (op: Op) => void;
  /** So much weight refused that no quorum is left for it. */
  readonly refused: (op: Op, code: ErrorCode) => void;
};

const ESCALATE_MS = 500;
const RESEND_MS = 2_000;
/** One refusal may mean that the witness has not seen yet what the op rests on; it is asked again. */
const REFUSALS_MIN = 2;

type Sent = {atMs: number; isEscalated: boolean; readonly refusals: Map<PeerId, number>};

export class OpSender {
  readonly #components: OpSenderComponents;
  readonly #streams = new Map<PeerId, OpStream>();
  readonly #sent = new Map<OpId, Sent>();
  #first: PeerId | undefined;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(components: OpSenderComponents) {
    this.#components = components;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    await Promise.all([...this.#streams.values()].map((stream) => stream.stop()));
  }

  /** First hand-over: the node itself when it is a witness, else one witness. */
  send(op: Op): void {
    if (this.#isStopped) return;
    this.#sent.set(op.id, {
      atMs: this.#components.clock.monotonicMs(),
      isEscalated: false,
      refusals: new Map(),
    });
    const first = this.#components.isSelfWitness() ? undefined : this.#firstWitness();
    if (first !== undefined) this.#streamTo(first).send(op);
    this.#arm();
  }

  /** Everything in the outbox, at start and when a witness appears. */
  sendAll(): void {
    for (const op of this.#components.pending()) {
      this.#components.deliver(op);
      this.send(op);
    }
  }

  settled(id: OpId): void {
    this.#sent.delete(id);
  }

  #firstWitness(): PeerId | undefined {
    const {net, random, witnesses} = this.#components;
    const connected = new Set(net.peers().map(({peer}) => peer));
    const all = witnesses.others().map(({peer}) => peer);
    if (this.#first !== undefined && connected.has(this.#first) && all.includes(this.#first))
      return this.#first;
    const near = all.filter((peer) => connected.has(peer));
    const from = near.length > 0 ? near : all;
    this.#first = from[Math.floor(random.float() * from.length)];
    return this.#first;
  }

  #arm(): void {
    if (this.#cancelTimer !== undefined || this.#isStopped || this.#sent.size === 0) return;
    this.#cancelTimer = this.#components.clock.after(ESCALATE_MS, () => {
      this.#cancelTimer = undefined;
      this.#resend();
      this.#arm();
    });
  }

  #resend(): void {
    const {clock, pending, deliver, witnesses} = this.#components;
    this.#dropOthers();
    const now = clock.monotonicMs();
    const ops = pending();
    const live = new Set(ops.map((op) => op.id));
    for (const id of this.#sent.keys()) if (!live.has(id)) this.#sent.delete(id);
    for (const op of ops) {
      const sent = this.#sent.get(op.id);
      if (sent === undefined) continue;
      if (now - sent.atMs < (sent.isEscalated ? RESEND_MS : ESCALATE_MS)) continue;
      sent.atMs = now;
      sent.isEscalated = true;
      // The first one did not get it certified: another comes first next time.
      this.#first = undefined;
      deliver(op);
      for (const {peer} of witnesses.others()) this.#streamTo(peer).send(op);
    }
  }

  #streamTo(peer: PeerId): OpStream {
    const known = this.#streams.get(peer);
    if (known !== undefined) return known;
    const {net, clock} = this.#components;
    const onAck = (from: PeerId, op: Op, code: ErrorCode | undefined) => this.#onAck(from, op, code);
    const stream = new OpStream({net, clock, onAck}, peer);
    this.#streams.set(peer, stream);
    return stream;
  }

  /** Streams to who is no witness any more. */
  #dropOthers(): void {
    for (const [peer, stream] of this.#streams) {
      if (this.#components.witnesses.isMember(peer)) continue;
      this.#streams.delete(peer);
      stream.stop().catch(() => undefined);
    }
  }

  #onAck(peer: PeerId, op: Op, code: ErrorCode | undefined): void {
    const sent = this.#sent.get(op.id);
    if (sent === undefined) return;
    if (code === undefined || ERRORS[code].retryable) {
      sent.refusals.delete(peer);
      return;
    }
    sent.refusals.set(peer, (sent.refusals.get(peer) ?? 0) + 1);
    const {witnesses, refused} = this.#components;
    const {totalWeight, quorum} = witnesses.committee;
    const refusing = witnesses
      .others()
      .filter(({peer: each}) => (sent.refusals.get(each) ?? 0) >= REFUSALS_MIN);
    const weight = refusing.reduce((sum, witness) => sum + witness.weight, 0);
    if (totalWeight - weight < quorum) refused(op, code);
  }
}
