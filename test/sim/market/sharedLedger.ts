/**
 * A ledger of one truth for simulations of the market: core's own rules of ops and checkpoints, without
 * replication. Ops are certified one after the other after a delay; every node sees them in that order,
 * each with a delay of its own. What was submitted survives its node's crash, as an outbox would.
 */

import {CodedError} from "@catalyze/core/errors/codedError";
import {apply, votable} from "@catalyze/core/ledger/apply";
import {Tally} from "@catalyze/core/ledger/certificates";
import type {Checkpoint} from "@catalyze/core/ledger/checkpoint";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {type Genesis, genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import type {Op} from "@catalyze/core/ledger/op";
import {checkOpForm} from "@catalyze/core/ledger/opChecks";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import {committeeNow} from "@catalyze/core/ledger/register";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {SignatureVerifier} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {CellId, OpId} from "@catalyze/core/primitives/id";
import type {FakeClock} from "../fakes/fakeClock.ts";
import type {SeededRandom} from "../fakes/seededRandom.ts";

export type LedgerEvent = {readonly kind: "op"; readonly op: Op} | {readonly kind: "checkpoint"};

/** A sender tries again. */
const RETRY_MS = 200;

/** A fold of a prefix of the events. */
export class LedgerCopy {
  readonly genesis: Genesis;
  state: LedgerState;
  checkpoint: Checkpoint;
  /** Events taken. */
  cursor = 0;

  constructor(genesis: Genesis) {
    this.genesis = genesis;
    this.state = genesisState(genesis);
    this.checkpoint = genesisCheckpoint(genesis, this.state);
  }

  take(event: LedgerEvent): void {
    this.cursor += 1;
    if (event.kind === "op") {
      apply(this.state, event.op, {height: this.checkpoint.height + 1n});
      return;
    }
    const step = checkpointStep({
      base: this.state,
      parent: this.checkpoint,
      heads: [],
      timeMs: 0,
      tally: new Tally(committeeNow(this.state.register)),
      expiringClaims: () => [],
      soundCopy: () => undefined,
      prove: () => undefined,
      params: this.genesis.params,
    });
    this.state = step.state.commit();
    this.checkpoint = step.checkpoint;
  }
}

export type SharedLedgerOptions = {
  readonly genesis: Genesis;
  readonly verifier: SignatureVerifier;
  readonly certifyMinMs: number;
  readonly certifyMaxMs: number;
};

export class SharedLedger {
  readonly truth: LedgerCopy;
  readonly events: LedgerEvent[] = [];
  /** Ops on their way, by cell. */
  readonly pending = new Map<CellId, Op[]>();
  readonly lastSigned = new Map<CellId, Op>();
  readonly refused = new Map<OpId, string>();
  /** While true nothing is certified. */
  isHalted = false;
  readonly #clock: FakeClock;
  readonly #random: SeededRandom;
  readonly #options: SharedLedgerOptions;
  readonly #listeners = new Set<() => void>();
  readonly #certifiedAtMs = new Map<CellId, number>();

  constructor(clock: FakeClock, random: SeededRandom, options: SharedLedgerOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.truth = new LedgerCopy(options.genesis);
    this.#tick();
  }

  get genesis(): Genesis {
    return this.#options.genesis;
  }

  onEvent(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** In the order of the calls for one cell. */
  submit(op: Op): void {
    const {cell} = op.body;
    this.pending.set(cell, [...(this.pending.get(cell) ?? []), op]);
    this.lastSigned.set(cell, op);
    const {certifyMinMs, certifyMaxMs} = this.#options;
    const delayMs = this.#random.between(certifyMinMs, certifyMaxMs);
    const atMs = Math.max(this.#certifiedAtMs.get(cell) ?? 0, this.#clock.monotonicMs() + delayMs);
    this.#certifiedAtMs.set(cell, atMs);
    this.#clock.after(atMs - this.#clock.monotonicMs(), () => this.#certify(op));
  }

  #certify(op: Op): void {
    const {cell, seq} = op.body;
    const isNext = !this.pending.get(cell)?.some((each) => each.body.seq < seq);
    if (this.isHalted || !isNext) {
      this.#clock.after(RETRY_MS, () => this.#certify(op));
      return;
    }
    this.pending.set(
      cell,
      (this.pending.get(cell) ?? []).filter((each) => each.id !== op.id),
    );
    const problem = this.#problemOf(op);
    if (problem === undefined) this.#append({kind: "op", op});
    else {
      this.refused.set(op.id, problem);
      this.#announce();
    }
  }

  #problemOf(signed: Op): string | undefined {
    const {genesis, verifier} = this.#options;
    const hash = genesisHash(genesis);
    const {state, checkpoint} = this.truth;
    const op = decodeOp(signed.bytes);
    const form = checkOpForm(op, {
      network: networkIdOf(hash),
      genesisHash: fromHex(hash),
      verifier,
      state,
      epoch: checkpoint.epoch + 1,
    });
    if (!form.ok) return form.reason;
    const answer = votable(state, op, {height: checkpoint.height});
    return answer.ok ? undefined : answer.reason;
  }

  #tick(): void {
    this.#clock.after(this.#options.genesis.params.checkpointIntervalMs, () => {
      if (!this.isHalted) this.#append({kind: "checkpoint"});
      this.#tick();
    });
  }

  #append(event: LedgerEvent): void {
    this.truth.take(event);
    this.events.push(event);
    this.#announce();
  }

  #announce(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

export function refusal(reason: string): CodedError {
  return reason === "funds"
    ? new CodedError("FUNDS_INSUFFICIENT", {evidence: {reason}})
    : new CodedError("OP_REJECTED", {evidence: {rule: reason}});
}
