/** What evidence proves (reference/ledger 5.3, 5.5, 6.4), and what a checkpoint does about it. */

import type {AccountId} from "../primitives/id.ts";
import {tryApply} from "./apply.ts";
import {balanceOf} from "./cell.ts";
import {checkCertificate, type ProofCheck, type ProvenOp} from "./certificateProof.ts";
import type {ConsensusVote} from "./consensusCodec.ts";
import {verifyVote} from "./consensusCodec.ts";
import {decodeEntryHeader, entryHashOf, verifyEntry} from "./entryCodec.ts";
import {decodeEvidence, type Evidence, type SignedHeader} from "./evidenceCodec.ts";
import type {Op} from "./op.ts";
import {heightsOf, type LedgerParams} from "./params.ts";
import {type Posting, post} from "./postings.ts";
import {seatKeys} from "./register.ts";
import {convict as barSeat} from "./seating.ts";
import type {LedgerState} from "./state.ts";
import type {Tell} from "./systemMoves.ts";

export type Proven =
  | ({readonly kind: "certificate"} & ProvenOp)
  /** `sinceH`: the height at which the witness had arrived when it did it. */
  | {readonly kind: "fault"; readonly witness: number; readonly sinceH: bigint};

/** Checks signatures: up to one for each witness. `undefined` when it proves nothing. */
export function checkEvidence(bytes: Uint8Array, check: ProofCheck): Proven | undefined {
  const evidence = decoded(bytes);
  switch (evidence?.kind) {
    case "certificate": {
      const proven = checkCertificate(evidence.certificate, check);
      return proven && {kind: "certificate", ...proven};
    }
    case "entryFork":
      return entryFork(evidence.entries, check);
    case "agreementFork":
      return agreementFork(evidence.votes, check);
    default:
      return undefined;
  }
}

export type EvidenceContext = {
  readonly height: bigint;
  readonly params: LedgerParams;
};

/** True while acting on it would change something: what a witness asks before it votes for it. */
export function isOfUse(state: LedgerState, proven: Proven, context: EvidenceContext): boolean {
  if (proven.kind === "certificate") return isLate(state, proven);
  const account = state.register.seats[proven.witness]?.account;
  const cell = account === undefined ? undefined : state.account(account);
  const windowH = heightsOf(context.params.evidenceWindowS, context.params);
  if (cell === undefined || proven.sinceH + windowH < context.height) return false;
  return cell.convictedH === 0n || proven.sinceH >= cell.convictedH;
}

/**
 * Whether evidence would be of use if it held: no signature is checked. A true certificate of any op can be
 * made by anybody, so what changes nothing must cost next to nothing.
 */
export function mayBeOfUse(state: LedgerState, proof: Uint8Array, context: EvidenceContext): boolean {
  const evidence = decoded(proof);
  if (evidence?.kind === "certificate") {
    const [op] = evidence.certificate.ops;
    const epoch = op && state.logCell(op.body.cell)?.frozen?.epoch;
    return op !== undefined && epoch !== undefined && isLate(state, {op, epoch});
  }
  const fault = evidence && faultIn(evidence);
  return fault !== undefined && isOfUse(state, {kind: "fault", ...fault}, context);
}

function faultIn(evidence: Exclude<Evidence, {kind: "certificate"}>): {witness: number; sinceH: bigint} {
  if (evidence.kind === "agreementFork") {
    const [{witness, height}] = evidence.votes;
    return {witness, sinceH: height - 1n};
  }
  const [first, second] = evidence.entries.map(({headerBytes}) => decodeEntryHeader(headerBytes).header);
  const [one, other] = [first?.stampH ?? 0n, second?.stampH ?? 0n];
  return {witness: first?.witness ?? -1, sinceH: one < other ? one : other};
}

/** Does what the evidence calls for, if it is still of use. Returns the op that it rescued. */
export function actOn(
  state: LedgerState,
  proven: Proven,
  context: EvidenceContext & {readonly tell: Tell},
): Op | undefined {
  if (!isOfUse(state, proven, context)) return undefined;
  if (proven.kind === "certificate") {
    return applyLate(state, proven, context.height) ? proven.op : undefined;
  }
  convict(state, state.register.seats[proven.witness]?.account, context);
  return undefined;
}

/** Its cell is frozen since the votes' epoch closed, and it stands at the next slot. */
function isLate(state: LedgerState, {op, epoch}: ProvenOp): boolean {
  const cell = state.logCell(op.body.cell);
  return cell?.frozen?.epoch === epoch && op.body.seq === cell.seq + 1n && op.body.prev === cell.head;
}

/** The freeze stays: descendants of the op may have certificates too. */
function applyLate(state: LedgerState, {op}: ProvenOp, height: bigint): boolean {
  const {cell} = op.body;
  const frozen = state.logCell(cell)?.frozen;
  setFrozen(state, cell, undefined);
  // More than 1/3 of the weight is bad, or this is never false: the certificate's voters saw the funds.
  const {ok: isEnabled} = tryApply(state, op, {height});
  setFrozen(state, cell, frozen);
  return isEnabled;
}

export function setFrozen(
  state: LedgerState,
  id: Op["body"]["cell"],
  frozen: {readonly epoch: number; readonly untilH: bigint} | undefined,
): void {
  const cell = state.logCell(id);
  if (cell !== undefined) state.put({...cell, frozen});
}

/** All stake at risk burns (amendment 19): with no victim to pay, a slash that paid anybody could be farmed. */
function convict(
  state: LedgerState,
  id: AccountId | undefined,
  {height, tell}: {readonly height: bigint; readonly tell: Tell},
): void {
  const account = id === undefined ? undefined : state.account(id);
  if (account === undefined) return;
  const {staked, cooling} = account;
  const postings: Posting[] = [
    {bucket: "stake", id: account.id, stake: "witness", amount: -staked.witness},
    {bucket: "burned", amount: staked.witness},
  ];
  for (const {stake, matureH, amount} of cooling) {
    if (stake !== "witness") continue;
    postings.push(
      {bucket: "cooling", id: account.id, cooling: {stake, matureH}, amount: -amount},
      {bucket: "burned", amount},
    );
  }
  post(state, postings);
  const burned = postings.reduce((sum, {bucket, amount}) => (bucket === "burned" ? sum + amount : sum), 0n);
  if (burned > 0n) tell({kind: "slash", account: account.id, amount: burned});
  const after = state.account(account.id);
  if (after !== undefined && balanceOf(after) >= 0n) state.put({...after, convictedH: height});
  state.putRegister(barSeat(state.register, account.id));
}

function entryFork(
  entries: readonly [SignedHeader, SignedHeader],
  {register, verifier, genesisHash, network}: ProofCheck,
): Proven | undefined {
  const [first, second] = entries.map(({headerBytes}) => decodeEntryHeader(headerBytes).header);
  if (first === undefined || second === undefined) return undefined;
  const voteKey = register.seats[first.witness]?.voteKey;
  const isOne = first.witness === second.witness && first.n === second.n;
  const isOther = entryHashOf(entries[0].headerBytes) !== entryHashOf(entries[1].headerBytes);
  const isOurs = first.network === network && second.network === network;
  if (voteKey === undefined || !isOne || !isOther || !isOurs) return undefined;
  const areSigned = entries.every((entry) => verifyEntry(verifier, entry, {genesisHash, voteKey}).valid);
  const sinceH = first.stampH < second.stampH ? first.stampH : second.stampH;
  return areSigned ? {kind: "fault", witness: first.witness, sinceH} : undefined;
}

/** Notarizing two checkpoints, finalizing two, or skipping and finalizing: nobody honest does in an iteration. */
function agreementFork(
  [first, second]: readonly [ConsensusVote, ConsensusVote],
  check: ProofCheck,
): Proven | undefined {
  const isOne =
    first.witness === second.witness &&
    first.height === second.height &&
    first.iteration === second.iteration;
  const kinds = new Set([first.kind, second.kind]);
  const isDouble = kinds.size === 1 && first.hash !== second.hash;
  const isBoth = kinds.has("skip") && kinds.has("finalize");
  if (!isOne || !(isDouble || isBoth)) return undefined;
  const keys = {...check, committee: seatKeys(check.register)};
  const areSigned = verifyVote(keys, first).valid && verifyVote(keys, second).valid;
  return areSigned ? {kind: "fault", witness: first.witness, sinceH: first.height - 1n} : undefined;
}

function decoded(bytes: Uint8Array): Evidence | undefined {
  try {
    const evidence = decodeEvidence(bytes);
    if (evidence.kind === "entryFork")
      for (const {headerBytes} of evidence.entries) decodeEntryHeader(headerBytes);
    return evidence;
  } catch {
    return undefined;
  }
}
