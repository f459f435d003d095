/** What the system does with cells whose height has come: locks expire, stake matures, accepts and freezes end. */
import {hashHex} from "../crypto/sha256.ts";
import {assert} from "../errors/assert.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {CellId, LockId, OpId} from "../primitives/id.ts";
import {keepAccepts} from "./accept.ts";
import {apply, type Settling, settleLock} from "./apply.ts";
import {balanceOf, type Cell, type LockCell, type LogCell} from "./cell.ts";
import {controllerShare, type Standing} from "./claims.ts";
import type {Line} from "./closing.ts";
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
  /** How far a log goes by what is visible in the cut (`closing.ts`). Leaves the state alone. */
  readonly lineOf: (cell: CellId, state: LedgerState) => Line;
  /** The epoch has closed at this height: no cell is contested any more that is not frozen. */
  readonly isLastOfEpoch: boolean;
  readonly tell: Tell;
};

const NO_LINE: Line = {ops: [], isContested: false};
const TAG_VOID = Uint8Array.of(0x56);
/** Fees that an account pays for a slot that its owner signed twice. */
const VOID_FEES = 10n;

/** Locks first, then sale locks, then accounts, each by id. Returns the ops that it applied. */
export function settleDue(state: LedgerState, context: DueContext): readonly Op[] {
  const {height} = context;
  const due = [...state.dueAt(height), ...(context.isLastOfEpoch ? overdueLocks(state, height) : [])];
  const idsOf = (kind: Cell["kind"]) =>
    [...new Set(due.filter((cell) => cell.kind === kind).map(({id}) => id))].sort();
  const applied = idsOf("lock").flatMap((id) => settleDueLock(state, id, context));
  for (const id of idsOf("sale")) expireSale(state, id, context);
  for (const id of idsOf("account")) settleDueAccount(state, id, context);
  state.clearDue(height);
  return applied;
}

/** Free locks that were contested when they expired. Asked of the cells: a node that restarted knows no more. */
function overdueLocks(state: LedgerState, height: bigint): readonly LockCell[] {
  return [...state.locks()].filter(
    (lock) => lock.spec.authority.kind === "controller" && isExpired(lock, height),
  );
}

function isExpired({isClosed, expiryH}: LockCell, height: bigint): boolean {
  return !isClosed && expiryH + 1n <= height;
}

/** Heads of this height carry stamps of at least `expiryH`, so by R6 no honest vote for a claim can follow. */
function settleDueLock(state: LedgerState, id: LockId, context: DueContext): readonly Op[] {
  const {height} = context;
  const isThawed = thaw(state, id, context);
  const lock = state.lock(id);
  // A frozen one is settled when its freeze ends: until then a certificate may turn up.
  if (lock === undefined || !isExpired(lock, height) || lock.frozen !== undefined) return [];
  if (lock.spec.authority.kind === "controller") return settleFree(state, lock, {...context, isThawed});
  const settling = settlingAtExpiry(lock, context.expiringClaims(lock), height);
  settleLock(state, id, settling, height);
  context.tell({kind: "expiry", lockId: id, fee: settling.fee});
  return [];
}

/**
 * What is visible counts as at the end of an epoch. A log that is contested waits for that end: until then one of
 * the rivals may still turn out to be certified, and then closing freezes it. Its judge had its time: when
 * the freeze is over the rest goes back, whatever is signed above the void slot.
 */
function settleFree(
  state: LedgerState,
  {id}: LockCell,
  {height, lineOf, isLastOfEpoch, isThawed, tell}: DueContext & {readonly isThawed: boolean},
): readonly Op[] {
  const {ops, isContested} = isThawed ? NO_LINE : lineOf(id, state);
  for (const op of ops) apply(state, op, {height});
  const lock = state.lock(id);
  assert(lock !== undefined, "a lock stays for an epoch after it closed");
  assert(!(isContested && isLastOfEpoch), "closing freezes what is contested");
  if (!isContested && !lock.isClosed) {
    settleLock(state, id, {to: lock, fee: 0n, isFinal: true}, height);
    tell({kind: "expiry", lockId: id, fee: 0n});
  }
  return ops;
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

/** The slot is void: no op that was signed for it, nor any above it, can ever apply. True when that came now. */
function thaw(state: LedgerState, id: CellId, {height, opFee, tell}: DueContext): boolean {
  const cell = state.logCell(id);
  if (cell?.frozen === undefined || cell.frozen.untilH > height) return false;
  setFrozen(state, id, undefined);
  const seq = cell.seq + 1n;
  const head = voidHead(cell);
  if (cell.kind === "lock") {
    const lock = state.lock(id);
    if (lock !== undefined) state.put({...lock, seq, head});
    return true;
  }
  const fine = least(balanceOf(cell), VOID_FEES * opFee);
  post(state, [
    {bucket: "account", id, amount: -fine},
    {bucket: "burned", amount: fine},
  ]);
  if (fine > 0n) tell({kind: "fine", account: id, amount: fine});
  const account = state.account(id);
  if (account !== undefined) state.put({...account, seq, head});
  return true;
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
