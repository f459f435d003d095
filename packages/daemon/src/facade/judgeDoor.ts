/**
 * Locks of which judges say who is paid (`payouts.ts` of core): bounties, bonds. One judge's award is sent at once;
 * of several, each signs the same bytes, which travel by any way, and who completes them sends them.
 */
import type {
  LockAwardBody,
  LockAwardView,
  LockJudgedBody,
  LockSignBody,
} from "@catalyze/api/schema/judgedLock";
import type {LockOpenedView} from "@catalyze/api/schema/lock";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {LockCell} from "@catalyze/core/ledger/cell";
import type {Op, OpBody, Payload, Payout} from "@catalyze/core/ledger/op";
import {encodeOpBody, opIdOf} from "@catalyze/core/ledger/opCodec";
import type {OpReceipt} from "@catalyze/core/ports/ledger";
import {equalBytes} from "@catalyze/core/primitives/bytes";
import type {LockId} from "@catalyze/core/primitives/id";
import type {JudgesFacade} from "../http/nodeFacade.ts";
import {readUctz} from "../http/taskRequest.ts";
import {type AwardBook, textOf} from "../ledger/awardBook.ts";
import {awardOf, awardTimeProblem} from "./awardText.ts";
import {opView} from "./ledgerViews.ts";
import type {LockDoorComponents} from "./lockDoor.ts";
import {judgedSpecOf, readTarget} from "./lockTerms.ts";
import {judgesOf, lockView, targetView} from "./lockView.ts";
import {openLock} from "./openLock.ts";

export type JudgeDoorComponents = LockDoorComponents & {readonly awards: AwardBook};

type Claim = Extract<Payload, {kind: "claim"}>;
/** An op with the signatures that it has so far. */
type Award = Pick<Op, "id" | "body" | "bodyBytes" | "signatures">;

export class JudgeDoor implements JudgesFacade {
  readonly #components: JudgeDoorComponents;

  constructor(components: JudgeDoorComponents) {
    this.#components = components;
  }

  async open(body: LockJudgedBody): Promise<LockOpenedView> {
    const {ledger, identity} = this.#components;
    return await openLock(judgedSpecOf(body, {ledger, identity}), ledger);
  }

  async award(id: LockId, body: LockAwardBody): Promise<LockAwardView> {
    const {ledger} = this.#components;
    const lock = this.#judged(id);
    const claim = claimOf(body);
    const {threshold} = signingOf(lock);
    if (threshold > 1) return await this.#signed(await this.#drafted(lock, claim));
    const receipt = await ledger.submit(id, claim);
    const opFee = claim.payouts === undefined ? 0n : ledger.opFee();
    const award = {id: receipt.opId, payload: claim, fee: opFee, signatures: undefined};
    return this.#view(award, {receipt, isCertified: true, lock});
  }

  async sign({award: text, isLook = false}: LockSignBody): Promise<LockAwardView> {
    const {ledger, identity} = this.#components;
    const read = awardOf(text, {ledger, identity});
    const lock = this.#judged(read.body.cell as LockId, read.id);
    if (lock.head === read.id) return this.#of(read, {lock, isCertified: true});
    const problem = awardTimeProblem(read, lock, ledger);
    if (problem !== undefined) throw problem;
    if (isLook) return this.#of(read, {lock, isCertified: false});
    return await this.#signed(read);
  }

  /** The same request again is the same award, also an epoch later. */
  async #drafted(lock: LockCell, claim: Claim): Promise<Award> {
    const {ledger, awards} = this.#components;
    const body = ledger.draft(lock.id, claim);
    const before = await awards.signedAt(lock.id, body.seq);
    if (before !== undefined && isSameAward(before.body, body)) return before;
    const bodyBytes = encodeOpBody(body);
    return {id: opIdOf(bodyBytes), body, bodyBytes, signatures: []};
  }

  async #signed(award: Award): Promise<LockAwardView> {
    const {ledger, awards} = this.#components;
    ledger.checkSigning();
    const lockId = award.body.cell as LockId;
    const {threshold} = signingOf(this.#judged(lockId));
    const op = await awards.sign(award);
    const lock = this.#judged(lockId, op.id);
    if (op.signatures.length < threshold) return this.#of(op, {lock, isCertified: false});
    // The ledger takes just as many as it asks for.
    const whole = {...op, signatures: op.signatures.slice(0, threshold)};
    const receipt = await ledger.submitSigned(new Uint8Array(Buffer.from(textOf(whole), "base64url")));
    return this.#of(whole, {lock, isCertified: true, receipt});
  }

  /** Open, or closed by this very award, and this account is one of its judges. */
  #judged(id: LockId, awardId?: string): LockCell {
    const {ledger, identity} = this.#components;
    const lock = ledger.certifiedState().lock(id);
    if (lock === undefined) throw new CodedError("LOCK_UNKNOWN", {evidence: {lockId: id}});
    if (lock.spec.authority.kind !== "controller")
      throw new CodedError("REQUEST_INVALID", {
        message:
          "Nobody judges this lock: vouchers or a clock pay on it. See `ctz lock pay`, `ctz lock claim`.",
      });
    const isJudge = judgesOf(lock.spec).some(({key}) => equalBytes(key, identity.accountSigner.publicKey));
    if (!isJudge) throw new CodedError("LOCK_NOT_YOURS", {message: "This account does not judge that lock."});
    if (lock.head !== awardId && (lock.isClosed || lock.expiryH <= ledger.head().height))
      throw new CodedError("LOCK_CLOSED", {evidence: {lockId: id}});
    return lock;
  }

  #of(
    {id, body, signatures}: Award,
    {lock, isCertified, receipt}: {lock: LockCell; isCertified: boolean; receipt?: OpReceipt},
  ): LockAwardView {
    const payload = body.payload as Claim;
    const text = isCertified ? undefined : textOf({body, signatures});
    return this.#view({id, payload, fee: body.fee, signatures}, {lock, isCertified, receipt, text});
  }

  #view(
    award: {id: string; payload: Claim; fee: bigint; signatures: Op["signatures"] | undefined},
    at: {lock: LockCell; isCertified: boolean; receipt?: OpReceipt | undefined; text?: string | undefined},
  ): LockAwardView {
    const {ledger, vouchers} = this.#components;
    const {lock, isCertified, receipt, text} = at;
    const {payload, fee, signatures} = award;
    const judges = judgesOf(lock.spec);
    // A lock with one judge is signed by it.
    const signed = judges.filter(
      ({key}) => signatures?.some(({publicKey}) => equalBytes(publicKey, key)) ?? true,
    );
    return {
      ...{awardId: award.id, lockId: lock.id, isCertified, isFinal: payload.isFinal},
      payouts: (payload.payouts ?? []).map(({to, amount}) => ({
        ...targetView(to),
        amountUctz: amount.toString(),
      })),
      feeUctz: fee.toString(),
      threshold: signingOf(lock).threshold,
      signedBy: signed.map(({account}) => account),
      ...(text === undefined ? {} : {award: text}),
      ...(receipt === undefined ? {} : {op: opView(receipt, ledger, fee)}),
      lock: lockView(ledger.certifiedState().lock(lock.id) ?? lock, {ledger, vouchers}),
    };
  }
}

function signingOf({spec: {authority}}: LockCell): {readonly threshold: number} {
  return {threshold: authority.kind === "controller" ? authority.threshold : 1};
}

/** Throws `AMOUNT_INVALID`, `REQUEST_INVALID`. What it comes to is filled in when the op is drafted. */
function claimOf({payouts, isFinal = false}: LockAwardBody): Claim {
  const paid = payouts.map(({amountUctz, ...to}): Payout => {
    const amount = readUctz(amountUctz);
    if (amount === 0n) throw new CodedError("AMOUNT_INVALID", {evidence: {amountUctz}});
    return {to: readTarget(to), amount};
  });
  if (paid.length === 0 && !isFinal)
    throw new CodedError("REQUEST_INVALID", {message: "Name who is paid how much, or close the lock."});
  const about = {kind: "claim", cumulative: 0n, voucher: undefined, isFinal} as const;
  return paid.length === 0 ? about : {...about, payouts: paid};
}

/** Whatever the epoch in which it was drafted, and the fee of that time. */
function isSameAward(left: OpBody, right: OpBody): boolean {
  const same = (body: OpBody) => {
    const payload = {...(body.payload as Claim), cumulative: 0n};
    return encodeOpBody({...body, payload, validFromEpoch: 0, fee: 0n});
  };
  return equalBytes(same(left), same(right));
}
