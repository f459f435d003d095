/**
 * The two lanes of a lock (amendments 4 and 5): what the payer's vouchers pay, and what committees award
 * beside them. A verdict says of a task that the chain of receipts up to the voucher of `base` does not cover
 * it; a voucher above that base is taken to cover it. So for each such voucher p that the payer signed, p and
 * the awards judged at p or above are owed together, and the lock owes the most that any p gives.
 *
 * No task is paid twice, whatever the payee held back when it was judged; no award is ever lost, because p of
 * its own base counts it. Both lanes are joins (a maximum, a set), and what is owed rises with either, so the
 * order of claims does not matter.
 */
import type {Awarded} from "./op.ts";

export type Lanes = {
  /** The highest voucher that was claimed; what a free lock has drawn. */
  readonly paid: bigint;
  /** By task, then by base; none that another of its task outdoes. */
  readonly awarded: readonly Awarded[];
};

/** Tasks in dispute on one lock; one more cannot be claimed. A lock is meant for about twenty tasks. */
export const AWARDED_MAX = 16;

export function owedOf({paid, awarded}: Lanes): bigint {
  const vouchers = new Set([paid, ...awarded.map(({base}) => base)]);
  return [...vouchers].reduce((most, voucher) => {
    const owed = voucher + awardedAbove(voucher, awarded);
    return owed > most ? owed : most;
  }, 0n);
}

/** What committees awarded, whatever vouchers cover of it since. */
export function awardedOf({awarded}: Pick<Lanes, "awarded">): bigint {
  return awardedAbove(0n, awarded);
}

/** The lanes after one more voucher, and one more verdict. */
export function joined(
  {paid, awarded}: Lanes,
  claim: {readonly cumulative: bigint; readonly verdict?: Awarded},
): Lanes {
  const {cumulative, verdict} = claim;
  const vouchered = cumulative > paid ? cumulative : paid;
  if (verdict === undefined) return {paid: vouchered, awarded};
  const {taskId, amount, base} = verdict;
  return {paid: vouchered, awarded: withAward(awarded, {taskId, amount, base})};
}

function withAward(awarded: readonly Awarded[], award: Awarded): readonly Awarded[] {
  if (awarded.some((each) => outdoes(each, award))) return awarded;
  return [...awarded.filter((each) => !outdoes(award, each)), award].sort(byTask);
}

/** Counts wherever the other does, and for no less. */
function outdoes(one: Awarded, other: Awarded): boolean {
  return one.taskId === other.taskId && one.base >= other.base && one.amount >= other.amount;
}

/** Each task once. */
function awardedAbove(voucher: bigint, awarded: readonly Awarded[]): bigint {
  const byTaskId = new Map<string, bigint>();
  for (const {taskId, amount, base} of awarded) {
    const known = byTaskId.get(taskId) ?? 0n;
    if (base >= voucher && amount > known) byTaskId.set(taskId, amount);
  }
  return [...byTaskId.values()].reduce((sum, amount) => sum + amount, 0n);
}

/** Two of one task that stand side by side differ in their base. */
function byTask(left: Awarded, right: Awarded): number {
  if (left.taskId !== right.taskId) return left.taskId < right.taskId ? -1 : 1;
  return left.base < right.base ? -1 : 1;
}
