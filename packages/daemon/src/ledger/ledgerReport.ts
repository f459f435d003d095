/** The full recount of the agreed state behind `ctz ledger verify`. */
import type {Totals} from "@catalyze/core/ledger/cell";
import {leafOf, treasuryLeaf} from "@catalyze/core/ledger/cellCodec";
import type {Checkpoint} from "@catalyze/core/ledger/checkpoint";
import {checkInvariants, isConserved, type Violation} from "@catalyze/core/ledger/invariants";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {SumTree} from "@catalyze/core/ledger/sumTree";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {Hash} from "@catalyze/core/primitives/id";

export type LedgerCheck = {readonly name: string; readonly ok: boolean; readonly detail: string};

export type LedgerReport = {
  readonly ok: boolean;
  readonly height: bigint;
  readonly epoch: number;
  readonly stateRoot: Hash;
  readonly totals: Totals;
  readonly accounts: number;
  readonly locksOpen: number;
  readonly checks: readonly LedgerCheck[];
};

export function ledgerReport(base: LedgerState, checkpoint: Checkpoint): LedgerReport {
  const violations = checkInvariants(base);
  const root = toHex(recomputedTree(base).root());
  const accounts = count(base.accounts(), () => true);
  const checks = [
    {
      name: "conservation",
      ok: isConserved(base.totals),
      detail: "accounts + locks + stake + treasury + pots = deposited + minted − burned − withdrawn",
    },
    ...(["I1", "I2", "I4", "I9"] as const).map((name) => invariantCheck(name, violations)),
    {
      name: "state root",
      ok: root === checkpoint.stateRoot,
      detail: `${root} from ${accounts} accounts and every other cell`,
    },
    {
      name: "checkpoint totals",
      ok: sameTotals(base.totals, checkpoint.totals),
      detail: "the state's totals are those of the checkpoint",
    },
  ];
  return {
    ok: checks.every(({ok}) => ok),
    height: checkpoint.height,
    epoch: checkpoint.epoch,
    stateRoot: checkpoint.stateRoot,
    totals: base.totals,
    accounts,
    locksOpen: count(base.locks(), (lock) => !lock.isClosed),
    checks,
  };
}

const INVARIANTS = {
  I1: "sums of all cells equal the totals and the tree",
  I2: "no bucket is negative",
  I4: "a lock pays at most its amount and closes once",
  I9: "of each asset there is what was issued and not burned",
} as const;

function invariantCheck(name: Violation["invariant"], violations: readonly Violation[]): LedgerCheck {
  const found = violations.filter(({invariant}) => invariant === name);
  return {name, ok: found.length === 0, detail: found[0]?.detail ?? INVARIANTS[name]};
}

function sameTotals(left: Totals, right: Totals): boolean {
  return Object.entries(left).every(([name, value]) => right[name as keyof Totals] === value);
}

function recomputedTree(base: LedgerState): SumTree {
  const treasury = treasuryLeaf(base.totals.treasury);
  const leaves = [treasury, ...[...base.cells()].map(leafOf)];
  return SumTree.EMPTY.with(leaves.map((leaf) => ({id: leaf.id, leaf})));
}

function count<T>(items: Iterable<T>, isCounted: (item: T) => boolean): number {
  let total = 0;
  for (const item of items) if (isCounted(item)) total += 1;
  return total;
}
