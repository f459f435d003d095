/** A lock as the doors show it, with what this node knows of its vouchers. */
import type {AuthorityView, LockView, Target} from "@catalyze/api/schema/lock";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {LockCell} from "@catalyze/core/ledger/cell";
import {allowance, standingAfter} from "@catalyze/core/ledger/claims";
import {awardedOf} from "@catalyze/core/ledger/lanes";
import type {LockSpec, SplitTarget} from "@catalyze/core/ledger/op";
import {claimSigners} from "@catalyze/core/ledger/payouts";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {AccountId} from "@catalyze/core/primitives/id";
import {isPlain} from "@catalyze/core/task/lockUse";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {VoucherRecords} from "../pipeline/incomingPayments.ts";
import {gradeOf, timeAt} from "./ledgerViews.ts";

export type LockSight = {
  readonly ledger: LedgerNode;
  readonly vouchers: Pick<VoucherRecords, "lastReceived" | "lastSent">;
};

export function lockView(lock: LockCell, {ledger, vouchers}: LockSight): LockView {
  const {id, payer, spec, drawn, paid, isClosed, closedAt, expiryH} = lock;
  const sent = vouchers.lastSent(id)?.cumulative;
  const received = vouchers.lastReceived(id)?.cumulative;
  return {
    ...{lockId: id, payer, payee: spec.controller, isOpen: !isClosed},
    amountUctz: spec.amount.toString(),
    drawnUctz: drawn.toString(),
    leftUctz: (isClosed ? 0n : spec.amount - drawn).toString(),
    paidUctz: paid.toString(),
    awardedUctz: awardedOf(lock).toString(),
    authority: authorityView(lock),
    split: spec.split.map(({target, bps}) => ({...targetView(target), bps})),
    expiryHeight: expiryH.toString(),
    expiresAtMs: timeAt(ledger, expiryH),
    refundTo: spec.refundTo,
    ...(isClosed ? {closedHeight: closedAt.toString()} : {}),
    isPlain: isPlain(spec),
    ...(sent === undefined ? {} : {voucherSentUctz: sent.toString()}),
    ...(received === undefined ? {} : {voucherReceivedUctz: received.toString()}),
    claimableUctz: claimable(lock, received ?? 0n, ledger.head().height).toString(),
    grade: gradeOf(ledger, {kind: "lock", id}),
  };
}

function claimable(lock: LockCell, received: bigint, height: bigint): bigint {
  if (lock.isClosed || lock.expiryH <= height) return 0n;
  const {kind} = lock.spec.authority;
  // Its judge says how much, when it says to whom.
  if (kind === "controller") return 0n;
  const allowed = kind === "clock" ? allowance(lock, undefined, height) : received;
  return standingAfter(lock, {cumulative: allowed}).drawn - lock.drawn;
}

function authorityView({spec, endH}: LockCell): AuthorityView {
  const {authority} = spec;
  switch (authority.kind) {
    case "clock":
      return {
        kind: "clock",
        startHeight: authority.startH.toString(),
        rateUctz: authority.perH.toString(),
        endHeight: endH.toString(),
      };
    case "controller": {
      const {kind, threshold, payees} = authority;
      const judges = judgesOf(spec).map(({account, key}) => ({account, key: toHex(key)}));
      return {kind, threshold, judges, ...(payees === undefined ? {} : {payees: payees.map(targetView)})};
    }
    default:
      return {kind: authority.kind, key: toHex(authority.key), account: accountIdOf(authority.key)};
  }
}

export type Judge = {readonly account: AccountId; readonly key: Uint8Array};

/** Who signs the awards of a lock; a key beside the first is named by the account of that key alone. */
export function judgesOf(spec: LockSpec): readonly Judge[] {
  return claimSigners(spec).keys.map((key, index) => ({
    account: index === 0 ? spec.controller : accountIdOf(key),
    key,
  }));
}

export function targetView(target: SplitTarget): Target {
  if (target.kind === "cell") return {target: "account", account: target.cell};
  return target.kind === "pot" ? {target: "pot", asset: target.seed} : {target: target.kind};
}
