/** What the system does with cells whose height has come: locks expire, stake matures, accepts and freezes end. */
import {hashHex} from "../crypto/sha256.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {CellId, LockId, OpId} from "../primitives/id.ts";
import {keepAccepts} from "./accept.ts";
import {type Settling, settleLock} from "./apply.ts";
import {balanceOf, type Cell, type LockCell, type LogCell} from "./cell.ts";
import {controllerShare, type Standing} from "./claims.ts";
import {setFrozen} from "./evidence.ts";
import {claimedAtExpiry} from "./expiringClaims.ts";
import type {Op} from "./op.ts";
import {type Posting, post} from "./postings.ts";
import {expireSale} from "./sales.ts";
import type {LedgerState} from "./state.ts";
import type {Tell} from "./systemMoves.ts";

export type DueContext = {
  readonly height: bigint;
  /** µCTZ of an op. */
  readonly opFee: bigint;
  /** Visible claims on a lock that expires, each sound. */
  readonly expiringClaims: (lock: LockCell) => readonly Op[];
  readonly tell: Tell;
};

const TAG_VOID = Uint8Array.of(0x56);
/** Fees that an account pays for a slot that its owner signed twice. */
const VOID_FEES = 10n;

/** Locks first, then sale locks, then accounts, each by id. */
export function settleDue(state: LedgerState, context: DueContext): void {
  const {height} = context;
  const due = state.dueAt(height);
  const idsOf = (kind: Cell["kind"]) =>
    [...new Set(due.filter((cell) => cell.kind === kind).map(({id}) => id))].sort();
  for (const id of idsOf("lock")) settleDueLock(state, id, context);
  for (const id of idsOf("sale")) expireSale(state, id, context);
  for (const id of idsOf("account")) settleDueAccount(state, id, context);
  state.clearDue(height);
}

/** Heads of this height carry stamps of at least `expiryH`, so by R6 no honest vote for a claim can follow. */
function settleDueLock(state: LedgerState, id: LockId, context: DueContext): void {
  thaw(state, id, context);
  const lock = state.lock(id);
  // A frozen one is settled when its freeze ends: until then a certificate may turn up.
  const isExpired = lock !== undefined && !lock.isClosed && lock.expiryH + 1n <= context.height;
  if (!isExpired || lock.frozen !== undefined) return;
  const settling = settlingAtExpiry(lock, context.expiringClaims(lock), context.height);
  settleLock(state, id, settling, context.height);
  context.tell({kind: "expiry", lockId: id, fee: settling.fee});
}

function settleDueAccount(state: LedgerState, id: CellId, context: DueContext): void {
  thaw(state, id, context);
  keepAccepts(state, id, ({untilH}) => untilH > context.height);
  const account = state.account(id);
  const postings: Posting[] = [];
  for (const {stake, matureH, amount} of account?.cooling ?? []) {
    if (matureH > context.height) continue;
    postings.push({bucket: "cooling", id, cooling: {stake, matureH}, amount: -amount});
    postings.push({bucket: "account", id, amount});
    context.tell({kind: "matured", account: id, amount});
  }
  post(state, postings);
}

/** The slot is void: no op that was signed for it, nor any above it, can ever apply. */
function thaw(state: LedgerState, id: CellId, {height, opFee, tell}: DueContext): void {
  const cell = state.logCell(id);
  if (cell?.frozen === undefined || cell.frozen.untilH > height) return;
  setFrozen(state, id, undefined);
  const seq = cell.seq + 1n;
  const head = voidHead(cell);
  if (cell.kind === "lock") {
    const lock = state.lock(id);
    if (lock !== undefined) state.put({...lock, seq, head});
    return;
  }
  const fine = least(balanceOf(cell), VOID_FEES * opFee);
  post(state, [
    {bucket: "account", id, amount: -fine},
    {bucket: "burned", amount: fine},
  ]);
  if (fine > 0n) tell({kind: "fine", account: id, amount: fine});
  const account = state.account(id);
  if (account !== undefined) state.put({...account, seq, head});
}

/** What stands for the op of a void slot: SHA256(0x56 ‖ cell ‖ head before). */
function voidHead({id, head}: LogCell): OpId {
  return hashHex(TAG_VOID, fromHex(id), fromHex(head)) as string as OpId;
}

/** At the join of the visible claims; the highest of their fees is what that can pay of it. */
function settlingAtExpiry(lock: LockCell, claims: readonly Op[], height: bigint): Settling {
  const to = claims.reduce((standing: Standing, op) => claimedAtExpiry(lock, standing, {op, height}), lock);
  const fee = claims.reduce((high, {body}) => (body.fee > high ? body.fee : high), 0n);
  return {to, fee: least(fee, controllerShare(lock, to.drawn)), isFinal: true};
}

function least(...values: readonly bigint[]): bigint {
  return values.reduce((low, value) => (value < low ? value : low));
}
