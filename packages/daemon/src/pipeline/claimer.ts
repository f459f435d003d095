/**
 * Turns received vouchers into balance: step 9. A claim costs a fee, so small sums wait, but never past
 * an epoch and never so close to a lock's expiry that a slow ledger could lose them.
 */
import {controllerShare, standingAfter} from "@catalyze/core/ledger/claims";
import type {Clock} from "@catalyze/core/ports/clock";
import type {LedgerClient, LockView} from "@catalyze/core/ports/ledger";
import type {Log} from "@catalyze/core/ports/log";
import type {LockId} from "@catalyze/core/primitives/id";
import {isPlain} from "@catalyze/core/task/lockUse";
import type {VoucherRecords} from "./incomingPayments.ts";

export type ClaimerComponents = {
  readonly clock: Clock;
  readonly ledger: LedgerClient;
  readonly vouchers: VoucherRecords;
  readonly log: Log;
};

/** Claims in flight at once: the ledger takes more, but nobody waits for them. */
const AT_ONCE_MAX = 16;
/** A claim is worth it when its fee is at most a hundredth of what it brings. */
const WORTH_FACTOR = 100n;
/** Share of a lock's life before its end in which it is claimed finally. */
const FINAL_CLAIM_SHARE = 10;

export class Claimer {
  readonly #components: ClaimerComponents;
  readonly #running = new Set<LockId>();
  #cancel: () => void = () => undefined;
  #epoch = -1;

  constructor(components: ClaimerComponents) {
    this.#components = components;
  }

  start(): void {
    const {clock, ledger} = this.#components;
    this.#cancel = clock.after(ledger.params().checkpointIntervalMs, () => {
      this.#tick();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** µCTZ owed to us by vouchers and not claimed. */
  receivable(): bigint {
    let sum = 0n;
    for (const {owed} of this.#owed()) sum += owed;
    return sum;
  }

  /** Claims all that is owed now; resolves when the ledger has certified it or refused. */
  async claimAll(): Promise<void> {
    await Promise.allSettled(this.#owed().map(({lock}) => this.#claim(lock, false)));
  }

  #tick(): void {
    const {ledger} = this.#components;
    const {height, epoch} = ledger.head();
    const {lockExpiryHeights} = ledger.params();
    const opFee = ledger.opFee();
    const marginH = BigInt(Math.ceil(lockExpiryHeights / FINAL_CLAIM_SHARE));
    const isNewEpoch = epoch !== this.#epoch;
    this.#epoch = epoch;
    for (const {lock, owed} of this.#owed()) {
      if (this.#running.size >= AT_ONCE_MAX) return;
      const isLate = height + marginH >= lock.spec.expiryH;
      const isWorth = owed >= opFee * WORTH_FACTOR;
      // The ledger takes the fee out of our share: below it there is nothing to gain, and it refuses.
      if (controllerShare(lock, lock.drawn + owed) <= opFee) continue;
      // One by hand may yet get a voucher or a verdict: only the market's are done with by then.
      if (isLate || isNewEpoch || isWorth) void this.#claim(lock, isLate && !isPlain(lock.spec));
    }
  }

  #owed(): {lock: LockView; owed: bigint}[] {
    const {ledger, vouchers} = this.#components;
    const owed: {lock: LockView; owed: bigint}[] = [];
    for (const lockId of vouchers.openLocks()) {
      const received = vouchers.lastReceived(lockId)?.cumulative ?? 0n;
      const lock = ledger.lockView(lockId);
      if (lock?.isOpen === false) this.#forget(lockId);
      if (lock?.isOpen !== true) continue;
      const more = standingAfter(lock, {cumulative: received}).drawn - lock.drawn;
      if (more > 0n) owed.push({lock, owed: more});
    }
    return owed;
  }

  #forget(lockId: LockId): void {
    const {vouchers, log} = this.#components;
    vouchers
      .close(lockId)
      .catch((error: unknown) => log.debug("a closed lock was not forgotten", {lock: lockId, error}));
  }

  async #claim(lock: LockView, isFinal: boolean): Promise<void> {
    const {ledger, vouchers, log} = this.#components;
    const voucher = vouchers.lastReceived(lock.id);
    if (voucher === undefined || this.#running.has(lock.id)) return;
    this.#running.add(lock.id);
    try {
      await ledger.submit(lock.id, {kind: "claim", cumulative: voucher.cumulative, voucher, isFinal});
    } catch (error) {
      // The op stays in the outbox, or the next tick tries again; the voucher is on disk.
      log.warn("claim not certified", {lock: lock.id, error});
    } finally {
      this.#running.delete(lock.id);
    }
  }
}
