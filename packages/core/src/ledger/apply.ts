/**
 * When an op is enabled, and what it does (reference/ledger 3.3–3.6). Principle P1 keeps the fold
 * confluent: an op debits only the cell in whose log it stands and may credit any, so no op of one cell
 * ever disables an op of another. `enabled` therefore reads nothing that another cell's owner can lower.
 *
 * `enabled` is the rule of the fold. Time that a voter must respect (R6: no claim on an expired lock) is
 * not part of it, because the votes have settled it by then: voters ask `votable`.
 */
import {assert} from "../errors/assert.ts";
import {acceptProblem, acceptsAfter} from "./accept.ts";
import {holdsEnough, issuePostings, putIssued, unitPostings} from "./assets.ts";
import {type AccountCell, balanceOf, emptyAccount, type LogCell, ZERO_HASH} from "./cell.ts";
import {
  type ClaimRefusal,
  claimProblem,
  closePostings,
  type Draw,
  drawPostings,
  type Standing,
  standingAfter,
} from "./claims.ts";
import type {LockSpec, Lot, Op, Payload} from "./op.ts";
import {lockIdOf} from "./opCodec.ts";
import {type Posting, post} from "./postings.ts";
import {harvestOf, harvestPostings} from "./pots.ts";
import {openingPostings, openSales, salesOf} from "./sales.ts";
import type {LedgerState} from "./state.ts";

/** `height`: the checkpoint being made in the fold, the voter's last one (its stamp) for a vote. */
export type ApplyContext = {readonly height: bigint};

export type Refusal =
  | "unknownCell"
  /** The slot is taken: this op, or another one, is already applied there. */
  | "seqUsed"
  /** Earlier ops of the cell are missing. */
  | "seqGap"
  | "prev"
  | "funds"
  /** Fewer units of an asset than it moves. */
  | "holding"
  /** The owner signed several ops for the next slot and an epoch closed over it. */
  | "frozen"
  /** Only from `votable`. */
  | "expired"
  /** More executor stake than there is stands behind its accepts. */
  | "exposure"
  | ClaimRefusal;

export type Enabled = {readonly ok: true} | {readonly ok: false; readonly reason: Refusal};

type AccountPayload = Exclude<Payload, {kind: "claim"}>;

const OK: Enabled = {ok: true};

/** Whether `apply` may be called. Form and signatures were checked before (`opChecks.ts`). */
export function enabled(state: LedgerState, op: Op, context: ApplyContext): Enabled {
  const {cell: id, payload, fee} = op.body;
  if (payload.kind === "claim") {
    const lock = state.lock(id);
    const reason = slotProblem(lock, op) ?? (lock && claimProblem(lock, {...payload, fee}, context.height));
    return reason === undefined ? OK : {ok: false, reason};
  }
  const account = state.account(id);
  const reason = slotProblem(account, op);
  if (reason !== undefined) return {ok: false, reason};
  const isFunded =
    account !== undefined && balanceOf(account) + harvestOf(state, id, payload) >= debitOf(payload) + fee;
  if (!isFunded) return {ok: false, reason: "funds"};
  if (!holdsEnough(state, op.body)) return {ok: false, reason: "holding"};
  const problem = payload.kind === "accept" ? acceptProblem(account, payload, context.height) : undefined;
  return problem === undefined ? OK : {ok: false, reason: problem};
}

/**
 * `enabled`, and not too late for an honest vote at this height. Nothing else that time takes away may stand
 * between an op and its slot: an account whose next op can never be voted for would be stuck. So a lock that
 * has expired still opens (and is refunded), and an unstake of too much takes what there is.
 */
export function votable(state: LedgerState, op: Op, context: ApplyContext): Enabled {
  const {cell, payload} = op.body;
  if (payload.kind === "claim") {
    const lock = state.lock(cell);
    if (lock !== undefined && lock.expiryH <= context.height) return {ok: false, reason: "expired"};
  }
  return enabled(state, op, context);
}

/** Applies an op that must be enabled, and returns what it moved. */
export function apply(state: LedgerState, op: Op, context: ApplyContext): readonly Posting[] {
  assert(enabled(state, op, context).ok, "applying an op that is not enabled");
  return act(state, op, context);
}

/** Applies the op if it is enabled; else nothing changes. */
export function tryApply(state: LedgerState, op: Op, context: ApplyContext): Enabled {
  const answer = enabled(state, op, context);
  if (answer.ok) act(state, op, context);
  return answer;
}

function act(state: LedgerState, op: Op, context: ApplyContext): readonly Posting[] {
  const {payload} = op.body;
  return payload.kind === "claim"
    ? applyClaim(state, op, payload, context)
    : applyToAccount(state, op, payload, context);
}

/** What an account op takes from its own cell, without the fee. */
export function debitOf(payload: AccountPayload): bigint {
  switch (payload.kind) {
    case "transfer":
      return payload.asset === undefined ? ctzIn(payload.outputs) : 0n;
    case "open":
      return ctzIn([...payload.locks, ...(payload.sales ?? []).map(({gives}) => gives)]);
    case "stake":
    case "withdraw":
      return payload.amount;
    case "issue":
    case "harvest":
    case "account":
    case "unstake":
    case "govern":
    case "evidence":
    case "accept":
      return 0n;
  }
}

function ctzIn(amounts: readonly (Pick<Lot, "amount"> & Partial<Lot>)[]): bigint {
  return amounts.reduce((sum, {asset, amount}) => (asset === undefined ? sum + amount : sum), 0n);
}

function slotProblem(cell: LogCell | undefined, {body}: Op): Refusal | undefined {
  if (cell === undefined) return "unknownCell";
  if (body.seq <= cell.seq) return "seqUsed";
  if (cell.frozen !== undefined) return "frozen";
  if (body.seq > cell.seq + 1n) return "seqGap";
  return body.prev === cell.head ? undefined : "prev";
}

function applyClaim(
  state: LedgerState,
  op: Op,
  payload: Extract<Payload, {kind: "claim"}>,
  {height}: ApplyContext,
): readonly Posting[] {
  const lock = state.lock(op.body.cell);
  assert(lock !== undefined, "an enabled claim has a lock");
  const {payouts, isFinal} = payload;
  const settling = {to: standingAfter(lock, payload), fee: op.body.fee, payouts, isFinal};
  const postings = settleLock(state, op.body.cell, settling, height);
  const after = state.lock(op.body.cell);
  assert(after !== undefined && after.seq === lock.seq, "a claim keeps its lock");
  state.put({...after, seq: op.body.seq, head: op.id});
  return postings;
}

export type Settling = Omit<Draw, "to"> & {readonly to: Standing; readonly isFinal: boolean};

/** Draws a lock up to where a claim takes it, and closes it when that was the last. Also how the system settles an expired lock. */
export function settleLock(
  state: LedgerState,
  id: Op["body"]["cell"],
  {to, fee, payouts, isFinal}: Settling,
  height: bigint,
): readonly Posting[] {
  const lock = state.lock(id);
  assert(lock !== undefined && !lock.isClosed, "settling a lock that is not open");
  assert(to.drawn >= lock.drawn && to.drawn <= lock.spec.amount, "a lock pays at most its amount");
  const drawn = drawPostings(lock, {to: to.drawn, fee, payouts});
  const postings = [...drawn, ...(isFinal ? closePostings(lock, to.drawn) : [])];
  post(state, postings);
  const moved = state.lock(id);
  assert(moved !== undefined, "a settled lock stays");
  assert(!isFinal || balanceOf(moved) === 0n, "a closed lock is empty");
  const {paid} = to;
  // Nothing can be awarded on a closed lock, so it need not remember what was.
  const awarded = isFinal ? [] : to.awarded;
  const closed = {isClosed: isFinal, closedAt: isFinal ? height : 0n};
  state.put({...moved, paid, awarded, drawn: to.drawn, ...closed});
  return postings;
}

function applyToAccount(
  state: LedgerState,
  op: Op,
  payload: AccountPayload,
  {height}: ApplyContext,
): readonly Posting[] {
  const {cell: id, fee} = op.body;
  const before = state.account(id) ?? emptyAccount(id);
  if (payload.kind === "open") {
    for (const [index, spec] of payload.locks.entries())
      openLock(state, op, {index, spec, payer: before, height});
    openSales(state, op, {payer: before, height});
  }
  if (payload.kind === "issue") putIssued(state, op, payload);
  const postings: Posting[] = [
    ...(payload.kind === "harvest" ? harvestPostings(id, payload.asset, harvestOf(state, id, payload)) : []),
    {bucket: "account", id, amount: -(debitOf(payload) + fee)},
    ...creditsOf(op, payload),
  ];
  if (fee > 0n) postings.push({bucket: "burned", amount: fee});
  post(state, postings, {id, seq: op.body.seq, head: op.id});
  if (payload.kind === "withdraw") state.addWithdrawal(payload.address, payload.amount);
  const moved = state.account(id);
  assert(moved?.head === op.id, "an account that paid went on in its log");
  const after = changed(moved, payload, height);
  if (after !== moved) state.put(after);
  if (payload.kind === "accept" && payload.untilH > height)
    state.addDue(payload.untilH, {kind: "account", id});
  return postings;
}

function creditsOf(op: Op, payload: AccountPayload): readonly Posting[] {
  switch (payload.kind) {
    case "transfer":
      return payload.asset === undefined
        ? payload.outputs.map(({to, amount}) => ({bucket: "account", id: to, amount}))
        : unitPostings(op, payload);
    case "issue":
      return issuePostings(op, payload);
    case "open":
      return [
        ...payload.locks.map(
          ({amount}, index): Posting => ({bucket: "lock", id: lockIdOf(op.id, index), amount}),
        ),
        ...openingPostings(op, salesOf(op)),
      ];
    case "stake":
      return [{bucket: "stake", id: op.body.cell, stake: payload.stake, amount: payload.amount}];
    case "withdraw":
      return [{bucket: "withdrawn", amount: payload.amount}];
    case "harvest":
    case "account":
    case "unstake":
    case "govern":
    case "evidence":
    case "accept":
      return [];
  }
}

function changed(account: AccountCell, payload: AccountPayload, height: bigint): AccountCell {
  switch (payload.kind) {
    case "withdraw":
      return {...account, withdrawn: account.withdrawn + payload.amount};
    case "unstake":
      return payload.stake === "executor" ? {...account, leaving: account.leaving + payload.amount} : account;
    case "accept":
      return {...account, accepts: acceptsAfter(account, payload, height)};
    case "account": {
      const {threshold, keys, exitAddress} = payload;
      return {...account, threshold, keys, exitAddress};
    }
    default:
      return account;
  }
}

type LockOpening = {
  readonly index: number;
  readonly spec: LockSpec;
  readonly payer: AccountCell;
  readonly height: bigint;
};

function openLock(state: LedgerState, op: Op, {index, spec, payer, height}: LockOpening): void {
  const id = lockIdOf(op.id, index);
  assert(state.lock(id) === undefined, "a lock opens once");
  state.put({
    kind: "lock",
    id,
    payer: payer.id,
    openOp: op.id,
    seq: 0n,
    head: ZERO_HASH as string as Op["id"],
    in: 0n,
    out: 0n,
    ...{spec, endH: spec.expiryH, expiryH: spec.expiryH},
    frozen: undefined,
    paid: 0n,
    awarded: [],
    drawn: 0n,
    isClosed: false,
    closedAt: 0n,
    // The payer's, because its own log fixes it: `refundTo` may change its address at any moment.
    exitAddress: payer.exitAddress,
  });
  // Certified late, it may have expired before it opened.
  const expiresAt = spec.expiryH + 1n;
  state.addDue(expiresAt > height ? expiresAt : height, {kind: "lock", id});
}
