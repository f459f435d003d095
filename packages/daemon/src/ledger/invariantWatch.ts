/**
 * Watches the invariants of this node's ledger all the time, and says so in metrics: what the replica checks
 * with every step, and a recount of every cell at each epoch's end. What broke stays known until a restart.
 *
 * A violation that the replica finds stops this witness's votes. One that only the recount finds means that
 * `apply` itself is wrong: it is told to people, who know better than a node whether to go on.
 */
import type {Effect} from "@catalyze/core/ledger/effects";
import {type Invariant, invariantOf} from "@catalyze/core/ledger/invariantNames";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {Log} from "@catalyze/core/ports/log";
import type {LedgerMetrics} from "./ledgerMetrics.ts";

export type InvariantWatchComponents = {
  readonly metrics: Pick<LedgerMetrics, "invariantChecked" | "invariantBroken">;
  readonly log: Log;
  /** The agreed state. */
  readonly base: () => LedgerState;
};

/** Checked once for each checkpoint that is adopted. */
const OF_CHECKPOINT = ["I1", "I5", "I6"] as const;
const OF_RECOUNT = ["I1", "I2", "I4", "I9"] as const;

export class InvariantWatch {
  readonly #components: InvariantWatchComponents;
  readonly #broken = new Map<Invariant | "other", string>();

  readonly #check: typeof checkInvariants;

  constructor(components: InvariantWatchComponents, check = checkInvariants) {
    this.#components = components;
    this.#check = check;
  }

  /** What does not hold: the first reason of each invariant. */
  get broken(): readonly string[] {
    return [...this.#broken.values()];
  }

  /** Effects whose group is being written: what they say was checked by the replica before. */
  saw(effects: readonly Effect[]): void {
    const {metrics} = this.#components;
    for (const effect of effects) {
      if (effect.kind === "sign") metrics.invariantChecked("I7", 1);
      if (effect.kind !== "checkpointed") continue;
      for (const name of OF_CHECKPOINT) metrics.invariantChecked(name, 1);
      metrics.invariantChecked("I3", effect.ops.length);
      if (effect.checkpoint.isLastOfEpoch) this.#recount();
    }
  }

  /** The replica found that something does not hold, and has stopped voting. */
  violated(reason: string): void {
    const {log, metrics} = this.#components;
    const name = invariantOf(reason) ?? "other";
    if (!this.#broken.has(name)) this.#broken.set(name, reason);
    metrics.invariantBroken(name);
    log.error("ledger invariant broken", {reason});
  }

  #recount(): void {
    const {metrics, base} = this.#components;
    for (const name of OF_RECOUNT) metrics.invariantChecked(name, 1);
    for (const {invariant, detail} of this.#check(base())) this.violated(`${invariant}: ${detail}`);
  }
}
