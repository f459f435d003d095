/**
 * Which lock pays a task (DESIGN §13, Lock use): the open one whose payee, split table and authority are
 * those of the quote and whose free remainder suffices, else a new one. Locks are never topped up.
 */
import {CodedError} from "../errors/codedError.ts";
import {joined, owedOf} from "../ledger/lanes.ts";
import type {LockSpec, SplitLeg} from "../ledger/op.ts";
import {type Leg, splitOf} from "../market/legs.ts";
import type {LockView} from "../ports/ledger.ts";
import {equalBytes} from "../primitives/bytes.ts";
import type {AccountId, Hash} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";

/** A lock holds this many maxima, if a tenth of the balance covers them. */
export const LOCK_TASKS = 20n;
export const LOCK_BALANCE_SHARE = 10n;

export type LockState = {
  readonly view: LockView;
  /** The last voucher sent, cumulative µCTZ. */
  readonly vouchered: bigint;
  /** Sum of the charge maxima of tasks that run on it unpaid. */
  readonly reserved: bigint;
};

export type LockTerms = {
  readonly payer: AccountId;
  readonly provider: AccountId;
  readonly providerKey: Uint8Array;
  /** The payer's key, which signs vouchers. */
  readonly payerKey: Uint8Array;
  readonly legs: readonly Leg[];
  readonly chargeMax: bigint;
  /** The lock must outlive this height. */
  readonly expiryHMin: bigint;
};

/** What a lock can still promise: amount − what both lanes owe − maxima of running tasks. Never negative. */
export function freeOf({view, vouchered, reserved}: LockState): bigint {
  const owed = owedOf(joined(view, {cumulative: vouchered}));
  const free = view.spec.amount - owed - reserved;
  return free > 0n ? free : 0n;
}

/** The payer's key, when the lock obeys its vouchers. */
export function payerKeyOf(spec: LockSpec): Uint8Array | undefined {
  return spec.authority.kind === "key" ? undefined : voucherKeyOf(spec);
}

/** The key whose vouchers the lock obeys; `undefined` for locks that no voucher pays. */
export function voucherKeyOf({authority}: LockSpec): Uint8Array | undefined {
  return "key" in authority ? authority.key : undefined;
}

/**
 * All of it to the payee, but for the pots of seeds. The market never uses such a lock, because its splits have a
 * burned fee in them; and nobody pays by hand on one of the market, where a voucher stands for receipts.
 */
export function isPlain({split, controller}: Pick<LockSpec, "split" | "controller">): boolean {
  return (
    split.length > 0 &&
    split.every(({target}) => target.kind === "pot" || (target.kind === "cell" && target.cell === controller))
  );
}

/** Of the locks that fit, the one that expires first, then the one with the least left, then by id. */
export function chooseLock(locks: readonly LockState[], terms: LockTerms): LockState | undefined {
  return locks.filter((lock) => lockProblem(lock, terms) === undefined).sort(compareLocks)[0];
}

/** Why this lock cannot pay this task; `undefined` when it can. The provider checks with the same rule. */
export function lockProblem(lock: LockState, terms: LockTerms): string | undefined {
  const {isOpen, payer, spec} = lock.view;
  if (!isOpen) return "closed";
  if (payer !== terms.payer) return "payer";
  if (spec.controller !== terms.provider || !equalBytes(spec.controllerKey, terms.providerKey))
    return "payee";
  const key = payerKeyOf(spec);
  if (key === undefined || !equalBytes(key, terms.payerKey)) return "authority";
  if (!isSplitEqual(spec.split, splitOf(terms.legs))) return "split";
  if (spec.expiryH < terms.expiryHMin) return "expiry";
  return freeOf(lock) < terms.chargeMax ? "amount" : undefined;
}

/** max(chargeMax, min(20 × chargeMax, balance / 10)). Throws `FUNDS_INSUFFICIENT`. */
export function lockSize(chargeMax: bigint, balance: bigint, fee: bigint): bigint {
  if (balance < chargeMax + fee) {
    throw new CodedError("FUNDS_INSUFFICIENT", {
      evidence: {balanceUctz: balance, neededUctz: chargeMax + fee},
    });
  }
  const wanted = least(LOCK_TASKS * chargeMax, balance / LOCK_BALANCE_SHARE);
  return wanted > chargeMax ? wanted : chargeMax;
}

/** The lock to open for these terms. `tag` is free; `expiryH` comes from `lockExpiryH`. */
export function lockSpecFor(
  terms: LockTerms,
  {amount, expiryH, tag}: {readonly amount: bigint; readonly expiryH: bigint; readonly tag: Hash},
): LockSpec {
  return {
    controller: terms.provider,
    controllerKey: terms.providerKey,
    amount,
    tag,
    authority: {kind: "payer", key: terms.payerKey},
    split: splitOf(terms.legs),
    expiryH,
    refundTo: terms.payer,
  };
}

export type HeightClock = {
  readonly headH: bigint;
  readonly nowMs: UnixMs;
  readonly checkpointMs: number;
};

/**
 * The first height at which a lock may expire that is still used for this task: deadline + half of the
 * network's lock margin, for verification at another provider and for the claim. The other half is the
 * time in which one lock serves more tasks. Heights come no faster than `checkpointMs`.
 */
export function expiryHMin(deadlineMs: UnixMs, clock: HeightClock, lockHeights: number): bigint {
  return clock.headH + heightsUntil(deadlineMs, clock) + BigInt(Math.ceil(lockHeights / 2));
}

/** When a new lock expires: `lockHeights` (720, or 120 in the demo) past the task's deadline. */
export function lockExpiryH(deadlineMs: UnixMs, clock: HeightClock, lockHeights: number): bigint {
  return clock.headH + heightsUntil(deadlineMs, clock) + BigInt(lockHeights);
}

function heightsUntil(timeMs: UnixMs, {nowMs, checkpointMs}: HeightClock): bigint {
  return BigInt(Math.ceil(Math.max(0, timeMs - nowMs) / checkpointMs));
}

export function isSplitEqual(left: readonly SplitLeg[], right: readonly SplitLeg[]): boolean {
  return left.length === right.length && left.every((leg, index) => splitKey(leg) === splitKey(right[index]));
}

function splitKey(leg: SplitLeg | undefined): string {
  if (leg === undefined) return "";
  const {target, bps} = leg;
  return `${target.kind}/${target.kind === "cell" ? target.cell : ""}/${bps}`;
}

function compareLocks(left: LockState, right: LockState): number {
  return (
    compare(left.view.spec.expiryH, right.view.spec.expiryH) ||
    compare(freeOf(left), freeOf(right)) ||
    (left.view.id < right.view.id ? -1 : left.view.id > right.view.id ? 1 : 0)
  );
}

function compare(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
