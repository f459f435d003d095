/**
 * Feeds the replica one input at a time and performs its effects: signing table first, then the store,
 * and only then whatever is said to anyone. Inputs that wait together share one write (group commit), but a tick,
 * which is when an entry is signed, begins a group; while one is on its way to the disk the next is already
 * computed, never more.
 *
 * When a write fails nothing of its group is said. It is tried again until it works, because the replica has
 * moved on; meanwhile inputs are refused with the code of the failure and reads go on.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Effect, ReplicaInput} from "@catalyze/core/ledger/effects";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {AppendLog, Store, Write} from "@catalyze/core/ports/store";
import type {OpId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import type {LedgerMetrics} from "./ledgerMetrics.ts";
import {SavedGroups} from "./savedGroups.ts";
import {SignedLength} from "./signedLength.ts";

/** The pure state machine, as the driver sees it. */
export type ReplicaMachine = {
  step(input: ReplicaInput, nowMs: UnixMs): readonly Effect[];
  /** Time of the next tick that it wants, or `undefined` for none. */
  wantsTick(nowMs: UnixMs): number | undefined;
  /** What of the signing table still matters. */
  signingRecords(): readonly Uint8Array[];
};

export type ReplicaDriverComponents = {
  readonly replica: ReplicaMachine;
  readonly store: Store;
  readonly signingTable: AppendLog;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: LedgerMetrics;
};

export type ReplicaDriverHooks = {
  /** Called right before each step: why the input is not taken after all. */
  readonly refusal: (input: ReplicaInput) => CodedError | undefined;
  /** Called right after each step: more writes for the same batch. */
  readonly also: (effects: readonly Effect[], input: ReplicaInput) => readonly Write[];
  /** One effect whose group is on disk; `store` and `sign` are not passed on. */
  readonly perform: (effect: SpokenEffect) => void;
  readonly degraded: (error: CodedError | undefined) => void;
};

export type SpokenEffect = Exclude<Effect, {kind: "store"} | {kind: "sign"}>;

/** Inputs that may wait; a witness at full load has a few dozen. */
const QUEUE_MAX = 8_192;
/** Inputs and time of one group: bounds how long the event loop stands still. */
const GROUP_INPUTS_MAX = 512;
const GROUP_MS_MAX = 15;
/** Even a replica that always wants a tick leaves the event loop room. */
const TICK_MIN_MS = 1;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;

/** What came of an input: its effects, once they are on disk, or why it was not taken. */
export type Outcome = readonly Effect[] | CodedError;

type Waiting = {readonly input: ReplicaInput; readonly done: (outcome: Outcome) => void};

type Group = {
  readonly steps: {readonly waiting: Waiting; readonly effects: readonly Effect[]}[];
  readonly signs: Uint8Array[];
  readonly writes: Write[];
  readonly spoken: SpokenEffect[];
};

export class ReplicaDriver {
  readonly #components: ReplicaDriverComponents;
  readonly #hooks: ReplicaDriverHooks;
  readonly #stop = new AbortController();
  #queue: Waiting[] = [];
  #loop: Promise<void> | undefined;
  #cancelTick: (() => void) | undefined;
  #failure: CodedError | undefined;
  /** Ops certified in memory whose group is not on disk yet: nobody may be told of them. */
  readonly #unsaid = new Set<OpId>();
  readonly #saved = new SavedGroups();
  readonly #signed: SignedLength;

  constructor(components: ReplicaDriverComponents, hooks: ReplicaDriverHooks) {
    this.#components = components;
    this.#hooks = hooks;
    this.#signed = new SignedLength(components);
  }

  start(): void {
    this.#scheduleTick();
  }

  /** Finishes the group on its way to the disk, refuses the rest. */
  async stop(): Promise<void> {
    this.#cancelTick?.();
    this.#stop.abort(new CodedError("PEER_UNREACHABLE", {message: "The ledger node stops."}));
    await this.#loop;
    for (const {done} of this.#queue.splice(0)) done(this.#stop.signal.reason);
  }

  /** Why nothing can be written now. */
  get failure(): CodedError | undefined {
    return this.#failure;
  }

  /**
   * Resolves once everything that the replica holds now is on disk: what is read from it may be told only
   * then, since a restart would make other entries of what was never written. Rejects with the disk's code
   * while nothing can be written.
   */
  async written(): Promise<void> {
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#saved.all();
  }

  isUnsaid(op: OpId): boolean {
    return this.#unsaid.has(op);
  }

  /**
   * Takes inputs in this order, each for itself. Resolves when the last is on disk or refused, with `QUEUE_FULL`
   * or the disk's code; never rejects.
   */
  async pushAll(inputs: readonly ReplicaInput[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    if (inputs.length === 0) return outcomes;
    const {promise, resolve} = Promise.withResolvers<void>();
    let open = inputs.length;
    for (const [index, input] of inputs.entries()) {
      this.#enqueue(input, (outcome) => {
        outcomes[index] = outcome;
        open -= 1;
        if (open === 0) resolve();
      });
    }
    await promise;
    return outcomes;
  }

  #enqueue(input: ReplicaInput, done: Waiting["done"]): void {
    if (this.#stop.signal.aborted) done(this.#stop.signal.reason);
    else if (this.#failure !== undefined) done(this.#failure);
    else if (this.#queue.length >= QUEUE_MAX)
      done(new CodedError("QUEUE_FULL", {evidence: {max: QUEUE_MAX}}));
    else {
      this.#queue.push({input, done});
      this.#components.metrics.queueLength(this.#queue.length);
      this.#loop ??= this.#run();
    }
  }

  async #run(): Promise<void> {
    // Inputs that arrive in the same turn go into one group.
    await Promise.resolve();
    let saving = Promise.resolve();
    for (;;) {
      if (this.#signed.isLong) {
        // Only with nothing on its way: the short table must not know more than the store and itself.
        await saving;
        await this.#signed.shorten();
      }
      const group = this.#stop.signal.aborted ? undefined : this.#nextGroup();
      await saving;
      if (group !== undefined) saving = this.#save(group);
      else if (this.#queue.length === 0 || this.#stop.signal.aborted) break;
    }
    this.#loop = undefined;
    if (this.#queue.length > 0 && !this.#stop.signal.aborted) this.#loop = this.#run();
    this.#scheduleTick();
  }

  #nextGroup(): Group | undefined {
    if (this.#queue.length === 0) return undefined;
    const {clock} = this.#components;
    const untilMs = clock.monotonicMs() + GROUP_MS_MAX;
    const group: Group = {steps: [], signs: [], writes: [], spoken: []};
    let taken = 0;
    do {
      const waiting = this.#queue[taken];
      // What an own entry links to is on disk before that entry is signed: a crash in between would leave one on
      // which this node itself cannot go on, if nobody shows what it links to once more.
      if (waiting === undefined || (taken > 0 && waiting.input.kind === "tick")) break;
      taken += 1;
      this.#step(waiting, group);
    } while (taken < GROUP_INPUTS_MAX && clock.monotonicMs() < untilMs);
    this.#queue.splice(0, taken);
    this.#saved.take();
    return group;
  }

  #step(waiting: Waiting, group: Group): void {
    const refusal = this.#hooks.refusal(waiting.input);
    if (refusal !== undefined) {
      waiting.done(refusal);
      return;
    }
    let effects: readonly Effect[];
    try {
      effects = this.#components.replica.step(waiting.input, this.#components.clock.now());
    } catch (error) {
      // The replica refuses bad input with an effect; a throw is a bug, and must not stop the node.
      this.#components.log.error("ledger step failed", {error, kind: waiting.input.kind});
      waiting.done(toCodedError(error));
      return;
    }
    for (const effect of effects) {
      if (effect.kind === "sign") group.signs.push(effect.record);
      else if (effect.kind === "store") group.writes.push(...effect.writes);
      else group.spoken.push(effect);
      if (effect.kind === "certified") for (const op of effect.ops) this.#unsaid.add(op);
    }
    group.writes.push(...this.#hooks.also(effects, waiting.input));
    group.steps.push({waiting, effects});
  }

  /** Never rejects: ends when the group is on disk, or when the node stops first. */
  async #save(group: Group): Promise<void> {
    const {clock, metrics} = this.#components;
    const startMs = clock.monotonicMs();
    const isSaved = await this.#persist(group);
    if (!isSaved) {
      const reason = this.#failure ?? this.#stop.signal.reason;
      for (const {waiting} of group.steps) waiting.done(reason);
      this.#saved.fail(reason);
      return;
    }
    this.#saved.save();
    metrics.persisted(group.steps.length, (clock.monotonicMs() - startMs) / 1_000);
    for (const effect of group.spoken) {
      if (effect.kind === "certified") for (const op of effect.ops) this.#unsaid.delete(op);
      this.#hooks.perform(effect);
    }
    for (const {waiting, effects} of group.steps) waiting.done(effects);
    this.#scheduleTick();
    this.#signed.note(group);
  }

  async #persist({signs, writes}: Group): Promise<boolean> {
    const {signingTable, store} = this.#components;
    const isSigned =
      signs.length === 0 || (await this.#untilWritten(async () => await signingTable.append(signs)));
    if (!isSigned) return false;
    return (
      writes.length === 0 || (await this.#untilWritten(async () => await store.write(writes, {sync: true})))
    );
  }

  async #untilWritten(write: () => Promise<void>): Promise<boolean> {
    const {clock, log} = this.#components;
    for (let delayMs = RETRY_MIN_MS; ; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
      try {
        await write();
        this.#setFailure(undefined);
        return true;
      } catch (error) {
        const coded = toCodedError(error);
        if (this.#failure === undefined) log.error("ledger cannot write; nothing is sent", {error});
        this.#setFailure(coded);
      }
      try {
        await clock.sleep(delayMs, this.#stop.signal);
      } catch {
        // Stopped while the disk was full: nothing of this group was said.
        return false;
      }
    }
  }

  #setFailure(error: CodedError | undefined): void {
    const isChange = (error === undefined) !== (this.#failure === undefined);
    this.#failure = error;
    if (!isChange) return;
    // What waits was accepted before the failure was known; its senders are told now.
    if (error !== undefined) for (const {done} of this.#queue.splice(0)) done(error);
    if (error !== undefined) this.#saved.fail(error);
    this.#components.metrics.degraded(error !== undefined);
    this.#hooks.degraded(error);
  }

  #scheduleTick(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    if (this.#stop.signal.aborted) return;
    const {clock, replica} = this.#components;
    const now = clock.now();
    const atMs = replica.wantsTick(now);
    if (atMs === undefined) return;
    this.#cancelTick = clock.after(Math.max(TICK_MIN_MS, atMs - now), () => {
      // A failed disk or a stop ends the wait; the loop schedules the next tick when it is over.
      this.#enqueue({kind: "tick"}, () => {});
    });
  }
}
