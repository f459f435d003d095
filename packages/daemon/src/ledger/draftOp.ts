/**
 * The next op of an own cell: its slot after what is certified and what is on its way, its epochs, its
 * fee. What the ledger would refuse is refused here, before a slot is used up for it.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import {acceptedOf, acceptProblem, acceptsAfter} from "@catalyze/core/ledger/accept";
import {debitOf} from "@catalyze/core/ledger/apply";
import {unitsTakenBy} from "@catalyze/core/ledger/assets";
import {type AccountCell, COOLING_MAX, type LockCell} from "@catalyze/core/ledger/cell";
import {type ClaimRefusal, claimProblem, standingAfter} from "@catalyze/core/ledger/claims";
import {OP_VERSION, type Op, type OpBody, type Payload} from "@catalyze/core/ledger/op";
import {feeOf, opFormProblem} from "@catalyze/core/ledger/opChecks";
import {NO_OP} from "@catalyze/core/ledger/opCodec";
import {VERDICT_EPOCHS} from "@catalyze/core/ledger/params";
import {paidOutBy} from "@catalyze/core/ledger/payouts";
import type {AssetId, CellId, OpId} from "@catalyze/core/primitives/id";
import type {Outbox} from "./outbox.ts";

export type WalletView = {
  /** Of the epoch that is being certified now. */
  epoch(): number;
  /** µCTZ that are enough for witnesses an epoch behind or ahead, too. */
  opFee(): bigint;
  /** Last certified op of a cell; `undefined` for a cell that the view does not know. */
  headOf(cell: CellId): {readonly seq: bigint; readonly opId: OpId} | undefined;
  /** Spendable by an account after its certified ops; `undefined` when unknown. */
  fundsOf(cell: CellId): bigint | undefined;
  /** Units of an asset that an account holds after its certified ops. */
  unitsOf(cell: CellId, asset: AssetId): bigint;
  /** µCTZ that a harvest of the account would bring after its certified ops. */
  harvestOf(cell: CellId, asset: AssetId): bigint;
  lock(id: CellId): LockCell | undefined;
  account(id: CellId): AccountCell | undefined;
  /** Of the last checkpoint. */
  height(): bigint;
};

export type DraftOptions = {readonly network: number};

type Books = {readonly outbox: Pick<Outbox, "lastOf" | "pendingOf">; readonly view: WalletView};
type Claim = Extract<Payload, {kind: "claim"}>;

/**
 * For ever, but for a verdict's sake: whatever certificate an op may have is settled when its epoch closes, and until then the same
 * bytes are sent again. An end of validity would only make an owner who was away sign anew.
 */
const VALID_UNTIL_EPOCH = 0xffff_ffff;

/**
 * Throws `FUNDS_INSUFFICIENT`, `UNITS_INSUFFICIENT` or `OP_REJECTED`. Of a claim on a free lock `cumulative` is
 * filled in here, as the fee is.
 */
export function draftOp(
  {cell, payload: wanted}: {readonly cell: CellId; readonly payload: Payload},
  {outbox, view}: Books,
  {network}: DraftOptions,
): OpBody {
  const pending = outbox.pendingOf(cell);
  const opFee = view.opFee();
  const {payload, fee} =
    wanted.kind === "claim"
      ? draftClaim({cell, claim: wanted, pending}, view, opFee)
      : {payload: wanted, fee: feeOf(wanted, opFee)};
  const brought = payload.kind === "harvest" ? checkHarvest({cell, pending, payload}, fee, view) : 0n;
  if (payload.kind !== "claim") checkFunds({cell, pending, needed: debitOf(payload) + fee - brought}, view);
  checkUnits({cell, pending, payload}, view);
  if (payload.kind === "open" && expiriesOf(payload).some((expiryH) => expiryH <= view.height())) {
    throw rejection("OP_REJECTED", "expired");
  }
  if (payload.kind === "accept")
    checkExposure({account: view.account(cell), pending, payload}, view.height());
  if (payload.kind === "unstake") checkStake({cell, pending, payload}, view);
  const body: OpBody = {
    version: OP_VERSION,
    network,
    cell,
    ...nextSlot(cell, outbox, view),
    ...validityOf(payload, view.epoch()),
    fee,
    deps: [],
    payload,
  };
  const problem = opFormProblem(body);
  if (problem !== undefined) throw rejection("OP_REJECTED", problem);
  return body;
}

/** What a caller of `submit` sees of a refusal. */
export function rejection(code: ErrorCode, reason = ""): CodedError {
  if (code === "FUNDS_INSUFFICIENT" || code === "OP_TIMEOUT")
    return new CodedError(code, {evidence: {reason}});
  const evidence = {rule: reason === "" ? code : reason};
  if (reason !== "frozen") return new CodedError("OP_REJECTED", {evidence});
  const message =
    "It is frozen: its key signed two operations for one slot. `ctz ledger show <id>` says for how long.";
  return new CodedError("OP_REJECTED", {message, evidence});
}

/** A witness may be one checkpoint, and so one epoch, behind our view. */
function validityOf(payload: Payload, epoch: number): Pick<OpBody, "validFromEpoch" | "validUntilEpoch"> {
  const from = Math.max(0, epoch - 1);
  const judged = payload.kind === "claim" ? payload.verdict?.epoch : undefined;
  if (judged === undefined) return {validFromEpoch: from, validUntilEpoch: VALID_UNTIL_EPOCH};
  return {validFromEpoch: Math.max(from, judged), validUntilEpoch: judged + VERDICT_EPOCHS};
}

function nextSlot(cell: CellId, outbox: Books["outbox"], view: WalletView): {seq: bigint; prev: OpId} {
  const own = outbox.lastOf(cell);
  const head = view.headOf(cell);
  if (head !== undefined && head.seq >= (own?.body.seq ?? 0n)) return {seq: head.seq + 1n, prev: head.opId};
  if (own !== undefined) return {seq: own.body.seq + 1n, prev: own.id};
  return {seq: 1n, prev: NO_OP};
}

type PendingClaim = {readonly cell: CellId; readonly claim: Claim; readonly pending: readonly Op[]};

type DraftedClaim = {readonly payload: Claim; readonly fee: bigint};

function draftClaim(
  {cell, claim: wanted, pending}: PendingClaim,
  view: WalletView,
  opFee: bigint,
): DraftedClaim {
  const lock = view.lock(cell);
  if (lock === undefined) throw rejection("OP_REJECTED", "unknownCell");
  if (lock.expiryH <= view.height()) throw rejection("OP_REJECTED", "expired");
  let standing = lock;
  for (const {body} of pending) {
    if (body.payload.kind !== "claim") continue;
    const {isFinal} = body.payload;
    standing = {
      ...standing,
      ...standingAfter(standing, body.payload),
      isClosed: standing.isClosed || isFinal,
    };
  }
  // A final claim that raises nothing is free; every other pays from what it claims.
  const isFree = lock.spec.authority.kind === "controller";
  const paid = paidOutBy(wanted.payouts);
  const isRaising = isFree ? paid > 0n : standingAfter(standing, wanted).drawn > standing.drawn;
  const fee = wanted.isFinal && !isRaising ? 0n : opFee;
  const payload = isFree ? {...wanted, cumulative: standing.drawn + paid + fee} : wanted;
  const problem = claimProblem(standing, {...payload, fee}, view.height());
  if (problem !== undefined) throw claimRefusal(problem, standing, paid + fee);
  return {payload, fee};
}

/** What a judge is told of an award that cannot be; `needed`: µCTZ, its fee included. */
export function claimRefusal(
  problem: ClaimRefusal,
  {spec, drawn}: Pick<LockCell, "spec" | "drawn">,
  needed: bigint,
): CodedError {
  if (spec.authority.kind !== "controller") return rejection("OP_REJECTED", problem);
  switch (problem) {
    case "closed":
      return new CodedError("LOCK_CLOSED");
    case "aboveAmount":
      return new CodedError("LOCK_EXHAUSTED", {
        evidence: {leftUctz: spec.amount - drawn, neededUctz: needed},
      });
    case "payee":
      return new CodedError("PAYEE_NOT_ALLOWED");
    case "claimFee": {
      const message = "An award pays at least the fee that it costs: so no judge burns a lock by fees.";
      return new CodedError("AMOUNT_INVALID", {message, evidence: {withFeeUctz: needed}});
    }
    default:
      return rejection("OP_REJECTED", problem);
  }
}

type Unstake = Extract<Payload, {kind: "unstake"}>;
type Unstaking = {readonly cell: CellId; readonly pending: readonly Op[]; readonly payload: Unstake};

/** The ledger would take what there is; the owner should know before. */
function checkStake({cell, pending, payload}: Unstaking, view: WalletView): void {
  const account = view.account(cell);
  const asked = pending.flatMap(({body: {payload: each}}) => (each.kind === "unstake" ? [each] : []));
  const onItsWay = asked
    .filter(({stake}) => stake === payload.stake)
    .reduce((sum, {amount}) => sum + amount, 0n);
  const bound = payload.stake === "executor" && account !== undefined ? acceptedOf(account) : 0n;
  const available = (account?.staked[payload.stake] ?? 0n) - bound - onItsWay;
  if (payload.amount > available) {
    const evidence = {neededUctz: payload.amount, availableUctz: available};
    throw new CodedError("FUNDS_INSUFFICIENT", {message: "Less than that is at stake.", evidence});
  }
  if ((account?.cooling.length ?? 0) + asked.length >= COOLING_MAX) throw rejection("OP_REJECTED", "cooling");
}

type Accepting = {
  readonly account: AccountCell | undefined;
  readonly pending: readonly Op[];
  readonly payload: Extract<Payload, {kind: "accept"}>;
};

/** An accept beyond the limit would hold up everything behind it. */
function checkExposure({account, pending, payload}: Accepting, height: bigint): void {
  if (account === undefined) throw rejection("OP_REJECTED", "unknownCell");
  let after = account;
  for (const {body} of pending) {
    const {payload: each} = body;
    if (each.kind === "accept") after = {...after, accepts: acceptsAfter(after, each, height)};
    if (each.kind === "unstake" && each.stake === "executor")
      after = {...after, leaving: after.leaving + each.amount};
  }
  const problem = acceptProblem(after, payload, height);
  if (problem !== undefined) throw rejection("OP_REJECTED", problem);
}

function expiriesOf({locks, sales = []}: Extract<Payload, {kind: "open"}>): readonly bigint[] {
  return [...locks, ...sales].map(({expiryH}) => expiryH);
}

type Moving = {readonly cell: CellId; readonly pending: readonly Op[]; readonly payload: Payload};

/** Units that are not there may come later: the op would wait for them at its slot, and everything behind it too. */
function checkUnits({cell, pending, payload}: Moving, view: WalletView): void {
  const headSeq = view.headOf(cell)?.seq ?? 0n;
  const onTheirWay = pending
    .filter(({body}) => body.seq > headSeq)
    .map(({body}) => unitsTakenBy(body.payload));
  for (const [assetId, needed] of unitsTakenBy(payload)) {
    const spent = onTheirWay.reduce((sum, taken) => sum + (taken.get(assetId) ?? 0n), 0n);
    const available = view.unitsOf(cell, assetId) - spent;
    if (needed > available)
      throw new CodedError("UNITS_INSUFFICIENT", {evidence: {assetId, needed, available}});
  }
}

type Harvesting = {
  readonly cell: CellId;
  readonly pending: readonly Op[];
  readonly payload: Extract<Payload, {kind: "harvest"}>;
};

/** What it brings, which may pay its fee. The ledger would take the fee for one that brings nothing, too. */
function checkHarvest({cell, pending, payload: {asset}}: Harvesting, fee: bigint, view: WalletView): bigint {
  if (view.account(cell) === undefined)
    throw new CodedError("FUNDS_INSUFFICIENT", {
      message: "An account that never received CTZ cannot harvest: it needs some first, however little.",
    });
  const headSeq = view.headOf(cell)?.seq ?? 0n;
  const isOnItsWay = pending.some(
    ({body: {seq, payload}}) => seq > headSeq && payload.kind === "harvest" && payload.asset === asset,
  );
  const brought = isOnItsWay ? 0n : view.harvestOf(cell, asset);
  if (brought > fee) return brought;
  const evidence = {assetId: asset, harvestableUctz: brought, feeUctz: fee};
  const message = isOnItsWay ? "A harvest of this seed is on its way." : undefined;
  throw new CodedError("NOTHING_TO_HARVEST", {...(message === undefined ? {} : {message}), evidence});
}

type Spending = {readonly cell: CellId; readonly pending: readonly Op[]; readonly needed: bigint};

function checkFunds({cell, pending, needed}: Spending, view: WalletView): void {
  const headSeq = view.headOf(cell)?.seq ?? 0n;
  const spent = pending
    .filter((op) => op.body.seq > headSeq)
    .reduce(
      (sum, {body}) => sum + (body.payload.kind === "claim" ? 0n : debitOf(body.payload)) + body.fee,
      0n,
    );
  const available = (view.fundsOf(cell) ?? 0n) - spent;
  if (needed > available)
    throw new CodedError("FUNDS_INSUFFICIENT", {evidence: {neededUctz: needed, availableUctz: available}});
}
