/**
 * The payee's side of money: is there a lock that pays for this job, and does this voucher pay it. Work
 * starts only against money that is already set aside, so a voucher can never bounce.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {awardedOf} from "@catalyze/core/ledger/lanes";
import type {Voucher} from "@catalyze/core/ledger/op";
import {decodeVoucher, voucherCheck} from "@catalyze/core/ledger/voucher";
import type {Quote} from "@catalyze/core/market/quote";
import type {Clock} from "@catalyze/core/ports/clock";
import type {LedgerClient, LockView} from "@catalyze/core/ports/ledger";
import type {SignatureCheck} from "@catalyze/core/ports/signer";
import type {LockId, PeerId} from "@catalyze/core/primitives/id";
import {addMs} from "@catalyze/core/task/deadlines";
import {expiryHMin, lockProblem, payerKeyOf} from "@catalyze/core/task/lockUse";
import type {Identity} from "./identity.ts";
import {KeyedQueue} from "./keyedQueue.ts";

/** The last vouchers by lock, durable before use. */
export interface VoucherRecords {
  lastReceived(lockId: LockId): Voucher | undefined;
  recordReceived(voucher: Voucher): Promise<void>;
  lastSent(lockId: LockId): Voucher | undefined;
  recordSent(voucher: Voucher): Promise<void>;
  openLocks(): readonly LockId[];
  close(lockId: LockId): Promise<void>;
}

export type IncomingPaymentsComponents = {
  readonly clock: Clock;
  readonly ledger: LedgerClient;
  readonly vouchers: VoucherRecords;
  readonly identity: Identity;
  /** Charges of paid jobs on a lock. */
  readonly creditedOn: (lockId: LockId) => bigint;
};

/**
 * The requester may be ahead of us: its replica by a gossip hop or two, its payments by those that are on
 * their way. Less than its patience for our answer.
 */
const SETTLE_MS = 1_500;
const POLL_MS = 20;

type EarlyCheck = {readonly check: SignatureCheck; readonly done: Promise<void> | undefined};

type Payer =
  | {readonly key: Uint8Array; readonly reason: undefined}
  | {readonly key: undefined; readonly reason: "unknownLock" | "notOurs" | "aboveAmount"};

export class IncomingPayments {
  readonly #components: IncomingPaymentsComponents;
  /** Maxima of jobs admitted and not settled, by lock. */
  readonly #reserved = new Map<LockId, bigint>();
  /** One voucher of a lock at a time: an older one that comes second is covered by the newer. */
  readonly #accepting = new KeyedQueue();

  constructor(components: IncomingPaymentsComponents) {
    this.#components = components;
  }

  /** Holds the job's maximum on its lock until the returned function runs. Throws `LOCK_INVALID`. */
  async reserve(lockId: LockId, quote: Quote, from: PeerId): Promise<() => void> {
    await this.#untilFree(lockId, quote, from);
    this.#reserved.set(lockId, (this.#reserved.get(lockId) ?? 0n) + quote.chargeMax);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const rest = (this.#reserved.get(lockId) ?? 0n) - quote.chargeMax;
      if (rest > 0n) this.#reserved.set(lockId, rest);
      else this.#reserved.delete(lockId);
    };
  }

  /**
   * Checks a voucher against its lock and writes it down. Throws `VOUCHER_INVALID`, `SIGNATURE_INVALID` or
   * `STORE_FULL`.
   */
  async accept(bytes: Uint8Array): Promise<Voucher> {
    const voucher = decodeVoucher(bytes);
    const early = this.#checkAhead(voucher);
    return await this.#accepting.run(voucher.lockId, () => this.#accept(voucher, early));
  }

  async #accept(voucher: Voucher, early: EarlyCheck | undefined): Promise<Voucher> {
    const {vouchers, identity} = this.#components;
    const payer = this.#payerOf(voucher);
    const last = this.#covering(voucher);
    if (last !== undefined && payer.reason !== "unknownLock") return last;
    if (payer.key === undefined) throw new CodedError("VOUCHER_INVALID", {evidence: {reason: payer.reason}});
    await early?.done;
    const check = early?.check ?? voucherCheck(identity.genesisHash, voucher, payer.key);
    const {valid} = identity.verifier.verify(check.signature, check.message, payer.key);
    if (!valid) throw new CodedError("SIGNATURE_INVALID", {evidence: {field: "voucher"}});
    await vouchers.recordReceived(voucher);
    return voucher;
  }

  /**
   * Has the signature checked while vouchers before it on its lock are still on their way to the disk. Not of
   * one that is refused or covered already: that is no work for anybody.
   */
  #checkAhead(voucher: Voucher): EarlyCheck | undefined {
    const {checks, genesisHash} = this.#components.identity;
    const {key} = this.#payerOf(voucher);
    const isWanted = () => this.#covering(voucher) === undefined;
    if (checks === undefined || key === undefined || !isWanted()) return undefined;
    const check = voucherCheck(genesisHash, voucher, key);
    return {check, done: checks.ahead([check], {sender: voucher.lockId, isWanted})};
  }

  /** One that pays as much on the lock, or more. */
  #covering({lockId, cumulative}: Voucher): Voucher | undefined {
    const last = this.#components.vouchers.lastReceived(lockId);
    return last !== undefined && last.cumulative >= cumulative ? last : undefined;
  }

  /** The key that must have signed, or why none could. */
  #payerOf({lockId, cumulative}: Voucher): Payer {
    const {ledger, identity} = this.#components;
    const lock = ledger.lockView(lockId);
    if (lock === undefined) return {key: undefined, reason: "unknownLock"};
    const {isOpen, spec} = lock;
    const key = payerKeyOf(spec);
    if (key === undefined || spec.controller !== identity.account || !isOpen)
      return {key: undefined, reason: "notOurs"};
    return cumulative > spec.amount ? {key: undefined, reason: "aboveAmount"} : {key, reason: undefined};
  }

  /** Does what has been received on the lock cover this charge too? */
  covers(lockId: LockId, charge: bigint): boolean {
    const {ledger, vouchers, creditedOn} = this.#components;
    const received = vouchers.lastReceived(lockId)?.cumulative ?? 0n;
    const lock = ledger.lockView(lockId);
    // A voucher above an award is taken to cover it.
    const awarded = lock === undefined ? 0n : awardedOf(lock);
    return received >= creditedOn(lockId) + awarded + charge;
  }

  /** The key that signs for the payer of a lock. */
  payerKey(lockId: LockId): Uint8Array | undefined {
    const lock = this.#components.ledger.lockView(lockId);
    return lock === undefined ? undefined : payerKeyOf(lock.spec);
  }

  /** Returns without a pause after the check that passed: the caller reserves in the same turn. */
  async #untilFree(lockId: LockId, quote: Quote, from: PeerId): Promise<void> {
    const {clock, ledger} = this.#components;
    const until = clock.monotonicMs() + SETTLE_MS;
    let isAsked = false;
    for (;;) {
      const problem = this.#problemOf(ledger.lockView(lockId), quote);
      if (problem === undefined) return;
      const isPassing = problem === "unknown" || problem === "amount";
      if (!isPassing || clock.monotonicMs() >= until)
        throw new CodedError("LOCK_INVALID", {evidence: {reason: problem, neededUctz: quote.chargeMax}});
      if (problem === "unknown" && !isAsked) ledger.catchUp(from);
      isAsked = true;
      await clock.sleep(POLL_MS);
    }
  }

  #problemOf(view: LockView | undefined, quote: Quote): string | undefined {
    if (view === undefined) return "unknown";
    const {identity, vouchers, ledger, clock} = this.#components;
    const {checkpointIntervalMs: checkpointMs, lockExpiryHeights} = ledger.params();
    const payerKey = payerKeyOf(view.spec);
    if (payerKey === undefined) return "authority";
    const nowMs = clock.now();
    const deadlineMs = addMs(nowMs, quote.deadlineMs);
    const lock = {
      view,
      vouchered: vouchers.lastReceived(view.id)?.cumulative ?? 0n,
      reserved: this.#reserved.get(view.id) ?? 0n,
    };
    return lockProblem(lock, {
      payer: quote.payer,
      provider: identity.account,
      providerKey: identity.accountSigner.publicKey,
      payerKey,
      legs: quote.legs,
      chargeMax: quote.chargeMax,
      expiryHMin: expiryHMin(
        deadlineMs,
        {headH: ledger.head().height, nowMs, checkpointMs},
        lockExpiryHeights,
      ),
    });
  }
}
