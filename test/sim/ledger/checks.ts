/** What must hold after every step of a simulated ledger, whatever the network and the owners do. */
import type {CheckpointSummary} from "@catalyze/core/ledger/effects";
import {checkInvariants, isConserved} from "@catalyze/core/ledger/invariants";
import type {Op} from "@catalyze/core/ledger/op";
import {isResolved} from "@catalyze/core/ledger/resolved";
import {decodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {OpId} from "@catalyze/core/primitives/id";
import type {SimLedgerNode, Spoken} from "./simLedgerNode.ts";

export class Checks {
  /** Slot → the op certified there, anywhere. */
  readonly #certified = new Map<string, Op>();
  readonly #heights = new Map<bigint, CheckpointSummary>();
  readonly #signed = new Map<string, string>();
  /** In some checkpoint. */
  readonly #applied = new Set<OpId>();
  certifiedOps = 0;

  /** Ops certified anywhere so far. */
  certified(): Iterable<Op> {
    return this.#certified.values();
  }

  /** What was certified anywhere is applied, or will be: a lock that closed has no more use for a claim. */
  lostIn(view: LedgerState): OpId[] {
    const lost = [...this.#certified.values()].filter((op) => {
      const isDone = this.#applied.has(op.id) || !isResolved(view, op);
      return !isDone && op.body.payload.kind !== "claim";
    });
    return lost.map(({id}) => id);
  }

  heightMax(): bigint {
    return [...this.#heights.keys()].reduce((high, height) => (height > high ? height : high), 0n);
  }

  afterStep(node: SimLedgerNode, spoken: readonly Spoken[], records: readonly Uint8Array[]): void {
    for (const record of records) this.#checkRecord(node.index, record);
    for (const effect of spoken) {
      if (effect.kind === "violation") throw new Error(`node ${node.index}: ${effect.reason}`);
      if (effect.kind === "certified") for (const id of effect.ops) this.#checkCertified(node, id);
      if (effect.kind !== "checkpointed") continue;
      this.#checkCheckpoint(node, effect.checkpoint);
      for (const id of effect.ops) this.#applied.add(id);
    }
    const {replica} = node;
    if (replica === undefined) return;
    if (!isConserved(replica.base.totals) || !isConserved(replica.view.totals)) {
      throw new Error(`node ${node.index}: money was made or lost`);
    }
  }

  #checkCertified(node: SimLedgerNode, id: OpId): void {
    const op = node.replica?.op(id);
    // A checkpoint of the same step may have taken it in already, and its memory with it.
    if (op === undefined) return;
    const slot = `${op.body.cell}/${op.body.seq}`;
    const known = this.#certified.get(slot);
    if (known !== undefined && known.id !== id) throw new Error(`two ops are certified at slot ${slot}`);
    if (known === undefined) this.certifiedOps += 1;
    this.#certified.set(slot, op);
  }

  #checkCheckpoint(node: SimLedgerNode, checkpoint: CheckpointSummary): void {
    const known = this.#heights.get(checkpoint.height);
    if (known !== undefined && (known.hash !== checkpoint.hash || known.stateRoot !== checkpoint.stateRoot)) {
      throw new Error(`two checkpoints at height ${checkpoint.height}`);
    }
    this.#heights.set(checkpoint.height, checkpoint);
    if (node.replica === undefined) return;
    const [violation] = checkInvariants(node.replica.base, 1);
    if (violation !== undefined) throw new Error(`${violation.invariant}: ${violation.detail}`);
  }

  /** I7: never two votes for a slot in an epoch, two entries with a number, skip and finalize. */
  #checkRecord(index: number, bytes: Uint8Array): void {
    const record = decodeSigningRecord(bytes);
    if (record.kind === "consensus") {
      for (const {kind, height, iteration, hash} of record.message.votes) {
        this.#once(`${index}/${kind}/${height}/${iteration}`, hash);
        if (kind !== "notarize") this.#once(`${index}/end/${height}/${iteration}`, kind);
      }
      return;
    }
    if (record.kind === "entry") this.#once(`${index}/n/${record.entry.header.n}`, record.entry.hash);
    for (const {epoch, cell, seq, opId} of record.votes)
      this.#once(`${index}/slot/${epoch}/${cell}/${seq}`, opId);
  }

  #once(key: string, value: string): void {
    const known = this.#signed.get(key);
    if (known !== undefined && known !== value) throw new Error(`signing table contradicts itself: ${key}`);
    this.#signed.set(key, value);
  }
}

/** Applied, or nothing is left to do: claims on a lock that expired, or that was pruned since. */
export function isSettled(view: LedgerState, op: Op): boolean {
  return isResolved(view, op) || (op.body.payload.kind === "claim" && view.lock(op.body.cell) === undefined);
}
