/**
 * Locks by hand: one account sets money aside for another, and says with vouchers, or by a clock, how much of
 * it is paid. Only plain locks, all of which goes to the payee: those of the market are the market's.
 */
import type {
  LockAcceptBody,
  LockClaimBody,
  LockClaimedView,
  LockList,
  LockNoticeBody,
  LockNoticeView,
  LockOpenBody,
  LockOpenedView,
  LockPayBody,
  LockTakeBody,
  LockView,
  VoucherView,
} from "@catalyze/api/schema/lock";
import type {OpView} from "@catalyze/api/schema/money";
import {CodedError} from "@catalyze/core/errors/codedError";
import {acceptedOf} from "@catalyze/core/ledger/accept";
import type {LockCell} from "@catalyze/core/ledger/cell";
import {allowance, type Claim, controllerShare, standingAfter} from "@catalyze/core/ledger/claims";
import {owedOf} from "@catalyze/core/ledger/lanes";
import {NOTICE_HEIGHTS_MIN} from "@catalyze/core/ledger/notice";
import type {SplitTarget, Verdict, Voucher} from "@catalyze/core/ledger/op";
import {claimSigners} from "@catalyze/core/ledger/payouts";
import {verifyVerdict} from "@catalyze/core/ledger/verdict";
import {readVerdict} from "@catalyze/core/ledger/verdictCodec";
import {
  CONTEXT_START,
  decodeVoucher,
  encodeVoucher,
  signVoucher,
  verifyVoucher,
} from "@catalyze/core/ledger/voucher";
import {formatCtz} from "@catalyze/core/primitives/amount";
import {ByteReader} from "@catalyze/core/primitives/binary";
import {equalBytes} from "@catalyze/core/primitives/bytes";
import type {AccountId, LockId} from "@catalyze/core/primitives/id";
import {isPlain, voucherKeyOf} from "@catalyze/core/task/lockUse";
import type {LocksFacade} from "../http/nodeFacade.ts";
import {readUctz} from "../http/taskRequest.ts";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {Identity} from "../pipeline/identity.ts";
import type {VoucherRecords} from "../pipeline/incomingPayments.ts";
import {heightIn, opView, timeAt} from "./ledgerViews.ts";
import {lockSpecOf} from "./lockTerms.ts";
import {lockView} from "./lockView.ts";
import {openLock} from "./openLock.ts";

export type LockDoorComponents = {
  readonly ledger: LedgerNode;
  readonly vouchers: VoucherRecords;
  readonly identity: Identity;
};

export class LockDoor implements LocksFacade {
  readonly #components: LockDoorComponents;

  constructor(components: LockDoorComponents) {
    this.#components = components;
  }

  async list({limit, isAll}: {readonly limit: number; readonly isAll: boolean}): Promise<LockList> {
    const {ledger} = this.#components;
    const locks = [...ledger.certifiedState().locks()]
      .filter((lock) => this.#concerns(lock) && (isAll || !lock.isClosed))
      .toSorted(byExpiry)
      .slice(0, limit);
    return {height: ledger.head().height.toString(), locks: locks.map((lock) => this.#view(lock))};
  }

  async open(body: LockOpenBody): Promise<LockOpenedView> {
    const {ledger, identity} = this.#components;
    return await openLock(lockSpecOf(body, {ledger, identity}), ledger);
  }

  async pay(id: LockId, {totalUctz}: LockPayBody): Promise<VoucherView> {
    const {vouchers, identity} = this.#components;
    const lock = this.#open(id);
    const {amount} = lock.spec;
    const key = voucherKeyOf(lock.spec);
    if (key === undefined)
      throw new CodedError("REQUEST_INVALID", {message: "A clock pays on this lock, and no voucher."});
    if (!equalBytes(key, identity.accountSigner.publicKey))
      throw new CodedError("LOCK_NOT_YOURS", {message: "Vouchers of another account pay on this lock."});
    const total = readUctz(totalUctz);
    const last = vouchers.lastSent(id);
    if (last !== undefined && last.cumulative === total) return voucherView(last);
    // A higher voucher is taken to cover what was awarded, so it must.
    const least = greater(last?.cumulative ?? 0n, lock.awarded.length > 0 ? owedOf(lock) : 0n);
    if (total <= (last?.cumulative ?? 0n) || total < least || total > amount) throw badTotal(least, amount);
    const contextHash = last?.contextHash ?? CONTEXT_START;
    const body = {lockId: id, cumulative: total, contextHash};
    const voucher = signVoucher(body, identity.accountSigner, identity.genesisHash);
    await vouchers.recordSent(voucher);
    return voucherView(voucher);
  }

  async take({voucher}: LockTakeBody): Promise<LockView> {
    return this.#view(await this.#taken(voucher));
  }

  async claim(id: LockId, {voucher, verdict, isFinal = false}: LockClaimBody): Promise<LockClaimedView> {
    const {ledger} = this.#components;
    if (voucher !== undefined && (await this.#taken(voucher)).id !== id)
      throw new CodedError("VOUCHER_INVALID", {message: "That voucher is for another lock."});
    const lock = this.#payable(id);
    const judged = verdict === undefined ? undefined : this.#verdict(lock, verdict);
    const claim = this.#claimOf(lock, isFinal, judged);
    const {drawn} = standingAfter(lock, claim);
    const fee = ledger.opFee();
    if (drawn <= lock.drawn && !isFinal) throw new CodedError("NOTHING_TO_CLAIM");
    if (drawn > lock.drawn && controllerShare(lock, drawn) < fee)
      throw new CodedError("NOTHING_TO_CLAIM", {message: "What could be drawn is less than the fee for it."});
    const receipt = await ledger.submit(id, {kind: "claim", ...claim});
    const after = ledger.certifiedState().lock(id) ?? lock;
    return {...opView(receipt, ledger, drawn > lock.drawn ? fee : 0n), lock: this.#view(after)};
  }

  async notice(id: LockId, {afterMs}: LockNoticeBody): Promise<LockNoticeView> {
    const {ledger, identity} = this.#components;
    const lock = this.#open(id);
    if (lock.payer !== identity.account)
      throw new CodedError("LOCK_NOT_YOURS", {message: "Only who pays on a lock gives notice of it."});
    if (lock.spec.authority.kind !== "clock")
      throw new CodedError("REQUEST_INVALID", {
        message: "This lock has no clock: nothing is paid but by vouchers.",
      });
    // The checkpoint that acts on it is the next one.
    const earliest = ledger.head().height + 1n + NOTICE_HEIGHTS_MIN;
    const endH = greater(afterMs === undefined ? 0n : heightIn(ledger, afterMs), earliest);
    if (endH >= lock.endH)
      throw new CodedError("REQUEST_INVALID", {
        message: `The clock stops at height ${lock.endH} anyway: notice can only bring that forward.`,
      });
    const wish = {kind: "notice", lockId: id, endH} as const;
    const view = opView(await ledger.submit(identity.account, {kind: "govern", wish}), ledger);
    return {...view, endHeight: endH.toString(), endsAtMs: timeAt(ledger, endH)};
  }

  async accept(id: LockId, {valueUctz}: LockAcceptBody): Promise<OpView> {
    const {ledger, identity} = this.#components;
    const lock = this.#payable(id);
    const value = readUctz(valueUctz);
    if (value === 0n) throw new CodedError("AMOUNT_INVALID", {evidence: {valueUctz}});
    const account = ledger.certifiedState().account(identity.account);
    const others = account?.accepts.filter(({lockId}) => lockId !== id) ?? [];
    const free = (account?.staked.executor ?? 0n) - (account?.leaving ?? 0n) - acceptedOf({accepts: others});
    if (value > free)
      throw new CodedError("FUNDS_INSUFFICIENT", {
        message: "Less executor stake than that is free: `ctz wallet stake <amount>` stakes more.",
        evidence: {neededUctz: value, freeUctz: free},
      });
    const payload = {kind: "accept", lockId: id, value, untilH: lock.expiryH} as const;
    return opView(await ledger.submit(identity.account, payload), ledger);
  }

  #view(lock: LockCell): LockView {
    return lockView(lock, this.#components);
  }

  #concerns({payer, spec}: LockCell): boolean {
    const {account, accountSigner} = this.#components.identity;
    const {controller, refundTo, authority} = spec;
    if ([payer, controller, refundTo].includes(account)) return true;
    if (authority.kind === "controller" && authority.payees?.some((each) => isCell(each, account)))
      return true;
    const voucherKey = voucherKeyOf(spec);
    const keys = [...claimSigners(spec).keys, ...(voucherKey === undefined ? [] : [voucherKey])];
    return keys.some((key) => equalBytes(key, accountSigner.publicKey));
  }

  /** Throws `LOCK_UNKNOWN`, `LOCK_CLOSED`, `REQUEST_INVALID`. */
  #open(id: LockId): LockCell {
    const {ledger} = this.#components;
    const lock = ledger.certifiedState().lock(id);
    if (lock === undefined) throw new CodedError("LOCK_UNKNOWN", {evidence: {lockId: id}});
    if (lock.isClosed || lock.expiryH <= ledger.head().height)
      throw new CodedError("LOCK_CLOSED", {evidence: {lockId: id}});
    if (lock.spec.authority.kind === "controller")
      throw new CodedError("REQUEST_INVALID", {
        message: "What its judges sign pays on this lock, and nothing else: `ctz lock award`.",
      });
    if (!isPlain(lock.spec))
      throw new CodedError("REQUEST_INVALID", {
        message:
          "Others have a share in this lock: the market opened it, and pays and claims on it by itself.",
      });
    return lock;
  }

  /** The same, and this account is its payee. */
  #payable(id: LockId): LockCell {
    const {account, accountSigner} = this.#components.identity;
    const lock = this.#open(id);
    const {controller, controllerKey} = lock.spec;
    if (controller === account && equalBytes(controllerKey, accountSigner.publicKey)) return lock;
    throw new CodedError("LOCK_NOT_YOURS", {message: "The payee of this lock is another account."});
  }

  /** Of its lock; the voucher is on disk. Throws `VOUCHER_INVALID`. */
  async #taken(text: string): Promise<LockCell> {
    const {vouchers, identity} = this.#components;
    const voucher = readVoucher(text);
    const lock = this.#payable(voucher.lockId);
    const {amount} = lock.spec;
    const key = voucherKeyOf(lock.spec);
    if (key === undefined)
      throw new CodedError("VOUCHER_INVALID", {message: "A clock pays on its lock, and no voucher."});
    if (voucher.cumulative > amount)
      throw new CodedError("VOUCHER_INVALID", {message: "It promises more than its lock holds."});
    if (!verifyVoucher(identity.verifier, identity.genesisHash, voucher, key).valid)
      throw new CodedError("VOUCHER_INVALID", {message: "Who may pay on its lock did not sign it."});
    // A lower one says nothing new.
    if (voucher.cumulative > (vouchers.lastReceived(lock.id)?.cumulative ?? 0n))
      await vouchers.recordReceived(voucher);
    return lock;
  }

  #claimOf(lock: LockCell, isFinal: boolean, verdict: Verdict | undefined): Claim {
    const {ledger, vouchers} = this.#components;
    const {authority, amount} = lock.spec;
    const shown = verdict === undefined ? {isFinal} : {isFinal, verdict};
    if (authority.kind === "clock") {
      const allowed = allowance(lock, undefined, ledger.head().height);
      return {cumulative: allowed < amount ? allowed : amount, voucher: undefined, ...shown};
    }
    const voucher = vouchers.lastReceived(lock.id);
    return {cumulative: voucher?.cumulative ?? 0n, voucher, ...shown};
  }

  #verdict(lock: LockCell, text: string): Verdict {
    const {ledger, identity} = this.#components;
    if (lock.spec.authority.kind !== "payerOrCommittee")
      throw new CodedError("VERDICT_INVALID", {message: "No committee has a say in this lock."});
    const verdict = readBytes(text, readVerdict);
    if (verdict === undefined)
      throw new CodedError("VERDICT_INVALID", {message: "These are not the bytes of a verdict."});
    const {valid} = verifyVerdict(verdict, {
      subject: {lockId: lock.id, payee: identity.account},
      register: ledger.register(),
      ...{verifier: identity.verifier, genesisHash: identity.genesisHash},
    });
    if (!valid) throw new CodedError("VERDICT_INVALID");
    return verdict;
  }
}

function isCell(target: SplitTarget, id: AccountId): boolean {
  return target.kind === "cell" && target.cell === id;
}

function readVoucher(text: string): Voucher {
  try {
    return decodeVoucher(new Uint8Array(Buffer.from(text, "base64url")));
  } catch (cause) {
    throw new CodedError("VOUCHER_INVALID", {message: "These are not the bytes of a voucher.", cause});
  }
}

function readBytes<Value>(text: string, read: (reader: ByteReader) => Value): Value | undefined {
  try {
    const reader = new ByteReader(new Uint8Array(Buffer.from(text, "base64url")));
    const value = read(reader);
    reader.finish();
    return value;
  } catch {
    return undefined;
  }
}

function voucherView(voucher: Voucher): VoucherView {
  const text = Buffer.from(encodeVoucher(voucher)).toString("base64url");
  return {lockId: voucher.lockId, totalUctz: voucher.cumulative.toString(), voucher: text};
}

function badTotal(least: bigint, amount: bigint): CodedError {
  const message = `A voucher says how much is paid in all: from ${formatCtz(least)}, already promised or awarded, to ${formatCtz(amount)}, which the lock holds.`;
  return new CodedError("AMOUNT_INVALID", {message, evidence: {leastUctz: least, mostUctz: amount}});
}

function greater(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

function byExpiry(left: LockCell, right: LockCell): number {
  if (left.isClosed !== right.isClosed) return left.isClosed ? 1 : -1;
  if (left.expiryH !== right.expiryH) return left.expiryH < right.expiryH ? -1 : 1;
  return left.id < right.id ? -1 : 1;
}
