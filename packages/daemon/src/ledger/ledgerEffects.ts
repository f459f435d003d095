/**
 * What follows from one step of the replica: first the writes that belong to it (history, grades, ops that
 * leave the outbox), then, once its group is on disk, what is said to peers and to the rest of the node.
 */

import {CodedError} from "@catalyze/core/errors/codedError";
import {encodeCheckpoint} from "@catalyze/core/ledger/checkpoint";
import type {Effect, ReplicaInput} from "@catalyze/core/ledger/effects";
import {decodeFinalCheckpoint} from "@catalyze/core/ledger/finality";
import {type Committees, decodeHandover} from "@catalyze/core/ledger/handover";
import type {Op} from "@catalyze/core/ledger/op";
import {checkpointKey, KEY} from "@catalyze/core/ledger/storeKeys";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {Write} from "@catalyze/core/ports/store";
import type {CellId, OpId} from "@catalyze/core/primitives/id";
import type {AnchoredCell} from "./anchoredCell.ts";
import type {EntriesTopic} from "./entriesTopic.ts";
import type {EvidenceReporter} from "./evidenceReporter.ts";
import type {InvariantWatch} from "./invariantWatch.ts";
import type {LedgerEvents} from "./ledgerEvents.ts";
import {encodeLedgerFrame} from "./ledgerFrame.ts";
import type {LedgerMetrics} from "./ledgerMetrics.ts";
import {PROVES_FAULT} from "./ledgerProtocol.ts";
import type {LedgerSync} from "./ledgerSync.ts";
import type {OpGrades} from "./opGrades.ts";
import type {OpHistory} from "./opHistory.ts";
import type {OpSender} from "./opSender.ts";
import type {Outbox} from "./outbox.ts";
import type {PeerBudgets} from "./peerBudgets.ts";
import type {SpokenEffect} from "./replicaDriver.ts";
import type {SlotHead, Wallet} from "./wallet.ts";
import type {WitnessPushes} from "./witnessPushes.ts";

export type LedgerEffectsComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: LedgerMetrics;
  readonly budgets: PeerBudgets;
  readonly events: LedgerEvents;
  readonly outbox: Outbox;
  readonly history: OpHistory;
  readonly grades: OpGrades;
  readonly anchoredCell: AnchoredCell;
  readonly wallet: Wallet;
  readonly sender: OpSender;
  readonly reporter: EvidenceReporter;
  readonly watch: InvariantWatch;
  readonly sync: LedgerSync;
  readonly topic: EntriesTopic;
  readonly pushes: WitnessPushes;
  readonly committees: Committees;
  /** As long as the replica holds it: until some checkpoints after the one that covers it. */
  readonly op: (id: OpId) => Op | undefined;
  readonly isOwn: (op: Op) => boolean;
  readonly height: () => bigint;
  /** Where a cell's log stands in the last checkpoint. */
  readonly agreed: (cell: CellId) => SlotHead | undefined;
  /** Whether an op pays the fee in force. */
  readonly isPaid: (op: Op) => boolean;
  /** Signature checks of the last step that took the slow path. */
  readonly takeSlowChecks: () => number;
};

type Checkpointed = Extract<Effect, {kind: "checkpointed"}>;

/** A slow confirmation costs about 1.2 ms against 50 µs. */
const SLOW_CHECK_COST = 24;
/**
 * Of an op, which its sender has checked before, if it is honest: libraries make no signatures that need the
 * slow path. One is all that a stranger has, whatever it sent in one frame.
 */
const SLOW_OP_COST = 10_000;
const REJECTED_COST = 4;

export class LedgerEffects {
  readonly #components: LedgerEffectsComponents;
  /** Canonical bytes of epoch ends whose group is not on disk yet. */
  readonly #epochEnds = new Map<bigint, Uint8Array>();

  constructor(components: LedgerEffectsComponents) {
    this.#components = components;
  }

  /** A frame of many ops is taken in one by one: the rest of one that proved bad is dropped. */
  refusal(input: ReplicaInput): CodedError | undefined {
    const {budgets} = this.#components;
    const isSpent = input.kind === "op" && input.from !== undefined && budgets.isSpent(input.from);
    return isSpent ? new CodedError("PEER_BUDGET_EXHAUSTED") : undefined;
  }

  also(effects: readonly Effect[], input: ReplicaInput): Write[] {
    const {takeSlowChecks, budgets, watch} = this.#components;
    watch.saw(effects);
    const slow = takeSlowChecks();
    const from = "from" in input ? input.from : undefined;
    const cost = input.kind === "op" ? SLOW_OP_COST : SLOW_CHECK_COST;
    if (slow > 0 && from !== undefined) budgets.charge(from, slow * cost);
    return effects.flatMap((effect) => {
      if (effect.kind === "store") this.#noteHandovers(effect.writes);
      const writes = this.#components.anchoredCell.onEffect(effect);
      if (effect.kind === "certified") writes.push(...this.#writesOfCertified(effect.ops));
      if (effect.kind === "checkpointed") writes.push(...this.#writesOfCheckpoint(effect, effects));
      return writes;
    });
  }

  perform(effect: SpokenEffect): void {
    const {events, metrics, wallet, sender, sync, reporter, watch} = this.#components;
    switch (effect.kind) {
      case "broadcast":
        this.#broadcast(effect);
        break;
      case "certified":
        metrics.opsCertified(effect.ops.length);
        for (const id of effect.ops) sender.settled(id);
        wallet.settled(effect.ops);
        events.certified.emit(effect.ops);
        break;
      case "checkpointed":
        this.#checkpointed(effect);
        break;
      case "fetch":
        sync.request(effect.from);
        break;
      case "rejected":
        this.#rejected(effect);
        break;
      case "evidence":
        reporter.report(effect.what, effect.proof);
        break;
      case "violation":
        watch.violated(effect.reason);
        events.violation.emit(effect.reason);
    }
  }

  /** A step may hold several epoch ends. */
  #noteHandovers(writes: readonly Write[]): void {
    for (const {key, value} of writes) {
      if (value !== undefined && key.startsWith(KEY.handovers))
        this.#components.committees.add(decodeHandover(value));
    }
  }

  #writesOfCertified(ids: readonly OpId[]): Write[] {
    const {op, history, outbox, clock, height} = this.#components;
    const ops = ids.flatMap((id) => op(id) ?? []);
    const recorded = history.onCertified(ops, {height: height(), atMs: clock.now()});
    return [...recorded, ...ids.flatMap((id) => outbox.settle(id))];
  }

  #writesOfCheckpoint({checkpoint, ops, moves}: Checkpointed, effects: readonly Effect[]): Write[] {
    const {op, history, grades, clock, isOwn} = this.#components;
    const {height} = checkpoint;
    // From the write of this step: by now the replica may be a height further.
    const final = checkpoint.isLastOfEpoch ? writtenAt(checkpointKey(height), effects) : undefined;
    if (final !== undefined) {
      this.#epochEnds.set(height, encodeCheckpoint(decodeFinalCheckpoint(final).checkpoint));
    }
    const isOwnId = (id: OpId) => {
      const known = op(id);
      return known !== undefined && isOwn(known);
    };
    return [
      ...grades.onCheckpointed(ops, height, isOwnId),
      ...history.onCheckpoint({moves, ops}, {height, atMs: clock.now()}),
    ];
  }

  #broadcast({what, bytes}: Extract<Effect, {kind: "broadcast"}>): void {
    const frame = encodeLedgerFrame({case: what, value: bytes});
    this.#components.pushes.push(frame);
    if (what !== "consensus") this.#components.topic.publish(frame);
  }

  #checkpointed({checkpoint, ops}: Checkpointed): void {
    const {metrics, events, wallet, agreed, isPaid, topic} = this.#components;
    metrics.checkpoint(checkpoint.height, checkpoint.epoch);
    topic.update();
    // A full disk keeps them a while longer: the next checkpoint drops them.
    wallet.dropDead(agreed, isPaid).catch(() => undefined);
    events.checkpoint.emit(checkpoint, ops);
    const bytes = this.#epochEnds.get(checkpoint.height);
    this.#epochEnds.delete(checkpoint.height);
    if (bytes !== undefined) events.epochEnd.emit(bytes, checkpoint);
  }

  #rejected({code, reason, op, from}: Extract<Effect, {kind: "rejected"}>): void {
    const {metrics, budgets, net, log, wallet} = this.#components;
    metrics.inputRejected(code);
    if (from === undefined) {
      // An op of the own wallet, perhaps long after it was taken in.
      if (op !== undefined) wallet.refused(op, code, reason);
      return;
    }
    budgets.charge(from, REJECTED_COST);
    log.debug("ledger input refused", {peer: from, code, reason});
    if (PROVES_FAULT.has(code)) net.penalize(from, code);
  }
}

function writtenAt(key: string, effects: readonly Effect[]): Uint8Array | undefined {
  for (const effect of effects) {
    const write = effect.kind === "store" ? effect.writes.find((each) => each.key === key) : undefined;
    if (write !== undefined) return write.value;
  }
  return undefined;
}
