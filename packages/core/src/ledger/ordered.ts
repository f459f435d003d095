/**
 * Ordered ops (reference/ledger 2.2, class C, and principle P3): the fold gives them their slot and takes
 * their fee; what they do happens in the checkpoint function, in the order of SHA-256(op id ‖ parent), which
 * no owner can choose in advance, those of one owner together. They read what fast ops only raise, so the fold stays confluent.
 */
import {sha256} from "../crypto/sha256.ts";
import {compareBytes, fromHex} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";
import {acceptedOf} from "./accept.ts";
import {COOLING_MAX} from "./cell.ts";
import type {Proven} from "./evidence.ts";
import {actOn, type EvidenceContext, mayBeOfUse} from "./evidence.ts";
import {grantWish} from "./grantWish.ts";
import type {Op, Payload} from "./op.ts";
import {heightsOf} from "./params.ts";
import {post} from "./postings.ts";
import type {Register} from "./register.ts";
import type {LedgerState} from "./state.ts";
import type {Tell} from "./systemMoves.ts";

export type OrderedContext = EvidenceContext & {
  /** Hash of the parent checkpoint. */
  readonly parent: Hash;
  /** That the checkpoint belongs to. */
  readonly epoch: number;
  readonly tell: Tell;
  readonly prove: (proof: Uint8Array, register: Register) => Proven | undefined;
};

/** Lets the ordered ops among `applied`, and among what evidence rescues, act. Returns what was rescued. */
export function actOrdered(state: LedgerState, applied: readonly Op[], context: OrderedContext): Op[] {
  const rescued: Op[] = [];
  const ordered = applied.filter(isOrdered);
  for (const {body} of inOrder(ordered, context.parent)) {
    const {payload} = body;
    if (payload.kind !== "evidence" || !mayBeOfUse(state, payload.proof, context)) continue;
    const proven = context.prove(payload.proof, state.register);
    const op = proven && actOn(state, proven, context);
    if (op !== undefined) rescued.push(op);
  }
  for (const {id, body} of inOrder([...ordered, ...rescued.filter(isOrdered)], context.parent)) {
    const {payload} = body;
    if (payload.kind === "unstake") unstake(state, {account: body.cell, ...payload}, context);
    if (payload.kind === "govern") grantWish(state, {id, account: body.cell, wish: payload.wish}, context);
  }
  return rescued;
}

const ORDERED: ReadonlySet<Payload["kind"]> = new Set(["unstake", "govern", "evidence"]);

function isOrdered({body}: Op): boolean {
  return ORDERED.has(body.payload.kind);
}

/**
 * Evidence first (reference/ledger 6.3): whoever is found out has nothing left to take back. Those of one cell
 * stay in its order, because an owner's last wish is the one that it has; where they stand among others is
 * decided by the first of them.
 */
function inOrder(ordered: readonly Op[], parent: Hash): readonly Op[] {
  const keyOf = new Map<string, Uint8Array>();
  const keyed = ordered.map((op) => {
    const rank = op.body.payload.kind === "evidence" ? 0 : 1;
    const group = `${rank}/${op.body.cell}`;
    const key = keyOf.get(group) ?? sha256(fromHex(op.id), fromHex(parent));
    keyOf.set(group, key);
    return {op, rank, key};
  });
  // Stable, and ops of one cell come in the order of its log.
  keyed.sort((left, right) => left.rank - right.rank || compareBytes(left.key, right.key));
  return keyed.map(({op}) => op);
}

type Unstaking = Pick<Extract<Payload, {kind: "unstake"}>, "stake" | "amount"> & {
  readonly account: Op["body"]["cell"];
};

/** As much as is staked and not bound by accepts, up to what was asked for: a slash may have come first. */
function unstake(state: LedgerState, {account: id, stake, amount}: Unstaking, context: OrderedContext): void {
  const before = state.account(id);
  if (before === undefined) return;
  const account = stake === "executor" ? {...before, leaving: before.leaving - amount} : before;
  state.put(account);
  const free = account.staked[stake] - (stake === "executor" ? acceptedOf(account) : 0n);
  const moved = free < amount ? free : amount;
  const matureH = context.height + heightsOf(context.params.unbondingS, context.params);
  const isMore = !account.cooling.some((each) => each.stake === stake && each.matureH === matureH);
  if (moved === 0n || (isMore && account.cooling.length >= COOLING_MAX)) return;
  post(state, [
    {bucket: "stake", id, stake, amount: -moved},
    {bucket: "cooling", id, cooling: {stake, matureH}, amount: moved},
  ]);
  state.addDue(matureH, {kind: "account", id});
}
