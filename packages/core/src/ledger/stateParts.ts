/** What a state is made from, and what it changed over the state under it. */
import type {Cell, CellName, Totals} from "./cell.ts";
import type {Governance} from "./governance.ts";
import type {Register} from "./register.ts";
import type {SumTree} from "./sumTree.ts";
import type {Withdrawal} from "./withdrawals.ts";

/** For storage. */
export type StateChanges = {
  readonly cells: readonly Cell[];
  readonly removed: readonly CellName[];
  readonly withdrawals: readonly Withdrawal[];
  /** Both absent when they are as before. */
  readonly register: Register | undefined;
  readonly governance: Governance | undefined;
};

export type StateParts = {
  readonly cells: Iterable<Cell>;
  readonly totals: Totals;
  readonly withdrawals: Iterable<Withdrawal>;
  readonly register: Register;
  readonly governance: Governance;
  /** Over these very cells and totals, when it was made already. */
  readonly tree?: SumTree;
};
