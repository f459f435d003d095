/** The part of the simulated bank that keeps what providers answer for with their stake. */
import type {Payload} from "@catalyze/core/ledger/op";
import type {CellId, LockId} from "@catalyze/core/primitives/id";

type AcceptPayload = Extract<Payload, {kind: "accept"}>;
type Accepted = Pick<AcceptPayload, "lockId" | "value" | "untilH"> & {
  readonly cell: CellId;
  readonly sinceH: bigint;
};

/** Height of the checkpoint that closed a lock; `undefined` while it is open, or not opened yet. */
type ClosedH = (lock: LockId) => bigint | undefined;

export class BankAccepts {
  #accepted: readonly Accepted[] = [];
  readonly #closedH: ClosedH;

  constructor(closedH: ClosedH) {
    this.#closedH = closedH;
  }

  /** A lock that is accepted again stands for the higher value, until the later height. */
  note(cell: CellId, {lockId, value, untilH}: AcceptPayload, height: bigint): void {
    if (untilH <= height) return;
    const known = this.#accepted.find(
      (each) =>
        each.cell === cell && each.lockId === lockId && each.untilH >= height && this.#isOpen(each, height),
    );
    const next = {
      ...{cell, lockId, sinceH: height},
      value: known !== undefined && known.value > value ? known.value : value,
      untilH: known !== undefined && known.untilH > untilH ? known.untilH : untilH,
    };
    this.#accepted = [...this.#accepted.filter((each) => each !== known), next];
  }

  /** Of an account, by accepts that had not ended when the ordered ops of this height act. */
  boundOf(cell: CellId, height: bigint): bigint {
    return this.#accepted
      .filter((each) => each.cell === cell && each.untilH > height && this.#isOpen(each, height))
      .reduce((sum, {value}) => sum + value, 0n);
  }

  /** No checkpoint before this height ended it with its lock: one after those ops, also of a lock closed before. */
  #isOpen({lockId, sinceH}: Accepted, height: bigint): boolean {
    const closedH = this.#closedH(lockId);
    return closedH === undefined || closedH >= height || sinceH >= height;
  }
}
