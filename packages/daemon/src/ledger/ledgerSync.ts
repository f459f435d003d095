/**
 * Anti-entropy (reference/ledger 8.1): compare one vector of heads with one peer, pull what is missing.
 * On connect, after every gap, every 2 s while behind and every 5 s otherwise; one round at a time. A witness
 * that may not sign yet asks one after the other.
 */
import {CodedError, codeFromPeer, toCodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {ReplicaInput} from "@catalyze/core/ledger/effects";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {FrameStream, Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {SyncReply} from "@catalyze/proto/gen/catalyze/v1/ledger_pb";
import type {PushAll} from "./inputsAhead.ts";
import {decodeLedgerFrame, encodeLedgerFrame, type LedgerFrameInit} from "./ledgerFrame.ts";
import type {LedgerMetrics} from "./ledgerMetrics.ts";
import {PROVES_FAULT} from "./ledgerProtocol.ts";

export type LedgerSyncComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: LedgerMetrics;
  readonly pushAll: PushAll;
  /** Our vector, or that of our last checkpoint, as a request. */
  readonly request: (isFromCheckpoint: boolean) => LedgerFrameInit;
  /** Grows with everything that is taken in. */
  readonly progress: () => bigint;
  /** True when `reply` names heads that we still lack. */
  readonly isBehind: (reply: SyncReply) => boolean;
  readonly isWitness: (peer: PeerId) => boolean;
  /** This witness asks all the others what they have of its log: see core's `recovery.ts`. */
  readonly isAsking: () => boolean;
  readonly testimony: (reply: SyncReply, peer: PeerId) => ReplicaInput | undefined;
  /** True when it was busy with a beginning: then no logs are asked for. See `snapshotJoin.ts`. */
  readonly join: (signal: AbortSignal) => Promise<boolean>;
  /** Once nothing of the logs is missing: ops that no witness has listed. */
  readonly reconcile: (peer: PeerId, signal: AbortSignal) => Promise<void>;
  /** The logs of the peer that was asked do not go back to where this node stands. */
  readonly refused: () => void;
};

const ASKING_MS = 250;
const BEHIND_MS = 2_000;
const IDLE_MS = 5_000;
/** A gap seen right after a sync waits this long, so that a stream of gaps is not a stream of syncs. */
const GAP_MS = 50;
const REPLY_MS = 5_000;
/** Pages and time of one round; the next one goes on where this one ended, with another perhaps that is not so slow. */
const PAGES_MAX = 256;
const ROUND_MS = 30_000;
const ITEMS_MAX = 4_096;

export class LedgerSync {
  readonly #components: LedgerSyncComponents;
  readonly #abort = new AbortController();
  readonly #wanted = new Set<PeerId>();
  /** The last round went to one that was named. */
  #wasNamed = false;
  /** Whose turn it is to be asked. */
  #turn = 0;
  /** Who said that what this node lacks is gone there: others are asked first. */
  readonly #incomplete = new Set<PeerId>();
  #isBehind = false;
  /**
   * The last page brought nothing that could be taken in, and it did not start at the last checkpoint. What
   * that covers is the same for all, so the next request starts there.
   */
  #isStuck = false;
  #running: Promise<void> | undefined;
  /** Asked for while a round was running. */
  #isHurried = false;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #removeListener: (() => void) | undefined;

  constructor(components: LedgerSyncComponents) {
    this.#components = components;
  }

  /** True while the last peer asked knew more than we have. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  start(): void {
    const {net, isWitness} = this.#components;
    this.#removeListener = net.onPeer(({kind, peer}) => {
      if (kind === "up" && (isWitness(peer) || this.#isBehind)) this.request(peer);
      if (kind === "down") for (const set of [this.#wanted, this.#incomplete]) set.delete(peer);
    });
    this.#arm(GAP_MS);
  }

  async stop(): Promise<void> {
    this.#removeListener?.();
    this.#cancelTimer?.();
    this.#abort.abort(new CodedError("PEER_UNREACHABLE", {message: "The ledger node stops."}));
    await this.#running;
  }

  /** Something is missing: ask `peer`, or anyone. */
  request(peer: PeerId | undefined): void {
    // Bounded by the peers that are connected: `#choose` drops the others.
    if (peer !== undefined && this.#wanted.size < 64) this.#wanted.add(peer);
    if (this.#running !== undefined) this.#isHurried = true;
    this.#arm(GAP_MS);
  }

  /** The sooner of two wishes counts: a stream of gaps must not put the round off for ever. */
  #arm(delayMs: number): void {
    if (this.#abort.signal.aborted || this.#running !== undefined) return;
    const {clock} = this.#components;
    const dueMs = clock.monotonicMs() + delayMs;
    if (dueMs >= this.#dueMs) return;
    this.#cancelTimer?.();
    this.#dueMs = dueMs;
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      // Not inside `#run`: with nobody to ask that ends before it could be noted as running.
      this.#running ??= this.#run().then(() => this.#next());
    });
  }

  async #run(): Promise<void> {
    const peer = this.#choose();
    if (peer === undefined || (await this.#components.join(this.#abort.signal))) return;
    await this.#round(peer);
    if (!this.#isBehind) await this.#components.reconcile(peer, this.#abort.signal);
  }

  #next(): void {
    this.#running = undefined;
    const isHurried = this.#isHurried || this.#wanted.size > 0;
    this.#isHurried = false;
    this.#arm(isHurried ? GAP_MS : this.#restMs());
  }

  #restMs(): number {
    if (this.#components.isAsking()) return ASKING_MS;
    return this.#isBehind ? BEHIND_MS : IDLE_MS;
  }

  /**
   * Whoever was named, else a witness, else anyone; of those that may have it. After one that was named it is the
   * others' turn: who sends again and again what cannot be taken in, and answers nothing, would have every round.
   */
  #choose(): PeerId | undefined {
    const {net, random, isWitness, isAsking} = this.#components;
    const connected = new Set(net.peers().map((info) => info.peer));
    const named = this.#wasNamed ? undefined : this.#takeWanted(connected);
    this.#wasNamed = named !== undefined;
    if (named !== undefined) return named;
    const hopeful = [...connected].filter((peer) => !this.#incomplete.has(peer));
    if (hopeful.length === 0) this.#incomplete.clear();
    const asked = hopeful.length === 0 ? [...connected] : hopeful;
    const witnesses = asked.filter(isWitness);
    const from = witnesses.length > 0 ? witnesses : asked;
    if (isAsking()) return from[this.#turn++ % from.length];
    return from[Math.floor(random.float() * from.length)];
  }

  #takeWanted(connected: ReadonlySet<PeerId>): PeerId | undefined {
    for (const peer of this.#wanted) {
      this.#wanted.delete(peer);
      if (connected.has(peer)) return peer;
    }
    return undefined;
  }

  async #round(peer: PeerId): Promise<void> {
    const {net, log, clock} = this.#components;
    const controller = new AbortController();
    const onStop = () => controller.abort(this.#abort.signal.reason);
    this.#abort.signal.addEventListener("abort", onStop, {once: true});
    let cancel = () => {};
    const extend = () => {
      cancel();
      cancel = clock.after(REPLY_MS, () => controller.abort(new CodedError("PEER_UNREACHABLE")));
    };
    let stream: FrameStream | undefined;
    try {
      extend();
      stream = await net.open(peer, "ledger", controller.signal);
      const untilMs = clock.monotonicMs() + ROUND_MS;
      for (let page = 0; page < PAGES_MAX && clock.monotonicMs() < untilMs; page++) {
        extend();
        if (!(await this.#page(stream, controller.signal))) break;
      }
      await stream.close();
    } catch (error) {
      stream?.abort();
      const {code} = toCodedError(error);
      if (PROVES_FAULT.has(code)) net.penalize(peer, code);
      log.debug("ledger sync ended early", {peer, code});
    } finally {
      cancel();
      this.#abort.signal.removeEventListener("abort", onStop);
    }
  }

  #refusedBy(peer: PeerId, code: ErrorCode): false {
    if (code !== "LEDGER_INCOMPLETE") throw new CodedError(code);
    this.#isBehind = true;
    this.#incomplete.add(peer);
    this.#components.refused();
    return false;
  }

  /** One request and its answer; true when the peer has more for us. */
  async #page(stream: FrameStream, signal: AbortSignal): Promise<boolean> {
    const {request, isBehind, metrics, pushAll, progress, testimony} = this.#components;
    await stream.send(encodeLedgerFrame(request(this.#isStuck)));
    const frame = await stream.receive(signal);
    if (frame === undefined) return false;
    const body = decodeLedgerFrame(frame);
    if (body.case !== "syncReply") throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {kind: body.case}});
    const {checkpoints, entries, more, code} = body.value;
    if (code !== "") return this.#refusedBy(stream.peer, codeFromPeer(code));
    if (checkpoints.length + entries.length > ITEMS_MAX) throw new CodedError("FRAME_TOO_LARGE");
    // Entries first: a checkpoint is taken over once everything that it covers is here.
    const inputs: ReplicaInput[] = [
      ...entries.map((bytes): ReplicaInput => ({kind: "entry", bytes, from: stream.peer})),
      ...checkpoints.map((bytes): ReplicaInput => ({kind: "checkpoint", bytes, from: stream.peer})),
    ];
    const before = progress();
    const outcomes = [...(await pushAll(inputs))];
    const heard = testimony(body.value, stream.peer);
    if (heard !== undefined) outcomes.push(...(await pushAll([heard])));
    const effects = outcomes.flatMap((outcome) => {
      if (outcome instanceof CodedError) throw outcome;
      return outcome;
    });
    metrics.syncRound(entries.length);
    this.#isBehind = isBehind(body.value);
    const isFaulty = effects.some((effect) => effect.kind === "rejected" && PROVES_FAULT.has(effect.code));
    const hasProgress = progress() > before;
    this.#isStuck = this.#isBehind && !hasProgress && !this.#isStuck;
    // Without progress another page would bring the same again.
    return more && !isFaulty && hasProgress;
  }
}
