/**
 * The vote rules of an honest witness (reference/ledger 3.1), one by one. `past` is everything that this
 * node holds: its next entry links to all of it.
 *
 * A vote binds for its epoch: what the epoch's votes may have certified is settled when it closes
 * (`closing.ts`). Two ops at one slot conflict in an epoch in which both are valid.
 */
import type {ErrorCode} from "../errors/table.ts";
import type {SignatureVerifier} from "../ports/signer.ts";
import type {OpId} from "../primitives/id.ts";
import type {Enabled, Refusal} from "./apply.ts";
import type {Candidate, Tally} from "./certificates.ts";
import type {VoterMask} from "./committee.ts";
import type {Op} from "./op.ts";
import {checkOpForm, isFeeEnough} from "./opChecks.ts";
import type {Register} from "./register.ts";
import type {LedgerState} from "./state.ts";

export type VoteContext = {
  readonly network: number;
  readonly genesisHash: Uint8Array;
  readonly verifier: SignatureVerifier;
  /** What the op's cell looks like after everything that this witness voted for in its log. */
  readonly state: LedgerState;
  readonly tally: Tally;
  /** Whether evidence proves what it says. Checks signatures. */
  readonly isProof: (proof: Uint8Array, register: Register) => boolean;
  /** `votable` on that state, at the stamp of the entry that would carry the vote. */
  readonly votable: Enabled;
  /** Of the next checkpoint. */
  readonly epoch: number;
  /** What this witness voted for at the op's slot. */
  readonly voted: OpId | undefined;
  /** Whether nobody but members that lied votes for it: see `liars.ts`. */
  readonly areLiars: (mask: VoterMask) => boolean;
  /** Form and signatures were checked against the keys in `state` before. */
  readonly isSound: boolean;
};

export type VoteRefusal = {
  readonly code: ErrorCode;
  readonly reason: string;
  /** More entries or a later checkpoint may lift it. */
  readonly isTemporary: boolean;
};

export type VoteRule = {
  readonly name: "slot" | "fork" | "form" | "parent" | "funds" | "objects" | "time" | "evidence";
  readonly refusal: (op: Op, context: VoteContext) => VoteRefusal | undefined;
};

const PARENT: ReadonlySet<Refusal> = new Set<Refusal>(["seqUsed", "seqGap", "prev"]);
const FUNDS: ReadonlySet<Refusal> = new Set<Refusal>(["funds", "holding", "exposure"]);
const TIME: ReadonlySet<Refusal> = new Set<Refusal>(["expired", "clock"]);
/** What later credits, ancestors, objects or heights may lift. */
const TEMPORARY: ReadonlySet<Refusal> = new Set<Refusal>([
  "seqGap",
  "funds",
  "holding",
  "exposure",
  "unknownCell",
  "clock",
]);

/** Cheap rules first, signatures (`form`) last. */
export const VOTE_RULES: readonly VoteRule[] = [
  // R2: one vote a slot.
  {
    name: "slot",
    refusal: (op, {voted}) =>
      voted !== undefined && voted !== op.id ? refused("slotTaken", false) : undefined,
  },
  // R7: no vote on a slot with a fork proof, nor above it.
  {name: "fork", refusal: (op, context) => (isForked(op, context) ? refused("forked", false) : undefined)},
  // R3: the parent is voted for, certified or checkpointed.
  {name: "parent", refusal: (_, context) => votableRefusal(context, (reason) => PARENT.has(reason))},
  // R4: funds by certified credits, less what this chain spends; stake behind accepts.
  {name: "funds", refusal: (_, context) => votableRefusal(context, (reason) => FUNDS.has(reason))},
  // R6, and the clock of clock locks.
  {name: "time", refusal: (_, context) => votableRefusal(context, (reason) => TIME.has(reason))},
  // R5, and what a claim must satisfy.
  {
    name: "objects",
    refusal: (_, context) =>
      votableRefusal(context, (reason) => !(PARENT.has(reason) || FUNDS.has(reason) || TIME.has(reason))),
  },
  // R1: form, network, epoch, fee, signatures.
  {name: "form", refusal: formRefusal},
  // What proves nothing never did: its owner has only itself to blame that its log stands still.
  {
    name: "evidence",
    refusal: ({body: {payload}}, {isProof, state}) =>
      payload.kind === "evidence" && !isProof(payload.proof, state.register)
        ? refused("evidence", false)
        : undefined,
  },
];

function votableRefusal(
  {votable: answer}: VoteContext,
  isOurs: (reason: Refusal) => boolean,
): VoteRefusal | undefined {
  if (answer.ok || !isOurs(answer.reason)) return undefined;
  const code = answer.reason === "funds" ? "FUNDS_INSUFFICIENT" : "OP_REJECTED";
  return {code, reason: answer.reason, isTemporary: TEMPORARY.has(answer.reason)};
}

function formRefusal(op: Op, context: VoteContext): VoteRefusal | undefined {
  const {epoch, state} = context;
  const isInTime = epoch >= op.body.validFromEpoch && epoch <= op.body.validUntilEpoch;
  // The fee may have risen since it was checked.
  if (context.isSound && isInTime && isFeeEnough(op.body, {state, epoch})) return undefined;
  const check = checkOpForm(op, context);
  if (check.ok) return undefined;
  return {code: check.code, reason: check.reason, isTemporary: check.reason === "notYetValid"};
}

/**
 * Two ops of the owner at a slot that is still open, at or below this one, and above the same parent: where
 * parents differ, so did an earlier slot, or one of them can never apply. A rival that the owner did not sign
 * proves nothing: a bad witness could freeze anyone with it.
 */
function isForked(op: Op, context: VoteContext): boolean {
  const {cell, seq: own} = op.body;
  // At its own slot one other op is enough, whether or not an entry carries this one.
  const rivals = context.tally.at(cell, own);
  const isRival = ({op: {id, body}}: Candidate) => id !== op.id && body.prev === op.body.prev;
  if (rivals.every(({isCertified}) => !isCertified) && isAnySigned(rivals.filter(isRival), context))
    return true;
  return context.tally.contestedSeqs(cell).some((seq) => {
    const candidates = seq < own ? context.tally.at(cell, seq) : [];
    return !candidates.some(({isCertified}) => isCertified) && areTwoSigned(candidates, context);
  });
}

function isAnySigned(candidates: readonly Candidate[], context: VoteContext): boolean {
  return candidates.some((candidate) => isSigned(candidate, context));
}

/** Two above one parent. However many there are, two signatures are enough. */
function areTwoSigned(candidates: readonly Candidate[], context: VoteContext): boolean {
  const signed = new Set<OpId>();
  const byPrev = new Map<OpId, number>();
  for (const {op} of candidates) byPrev.set(op.body.prev, (byPrev.get(op.body.prev) ?? 0) + 1);
  return candidates.some((candidate) => {
    const {prev} = candidate.op.body;
    if (byPrev.get(prev) === 1 || !isSigned(candidate, context)) return false;
    return signed.size === signed.add(prev).size;
  });
}

/**
 * Whether it is its owner's own and may still apply in this epoch. Checks signatures. What only liars voted for is as
 * if it had not come yet: rivals without number would cost a check each.
 */
function isSigned({op, copies}: Candidate, context: VoteContext): boolean {
  const isAsked = isValidIn(op.body, context.epoch);
  return isAsked && copies.some((copy) => !context.areLiars(copy.mask) && isOwners(copy.op, context));
}

function isValidIn({validFromEpoch, validUntilEpoch}: Op["body"], epoch: number): boolean {
  return validFromEpoch <= epoch && epoch <= validUntilEpoch;
}

function isOwners(op: Op, context: VoteContext): boolean {
  return checkOpForm(op, context).ok;
}

function refused(reason: string, isTemporary: boolean): VoteRefusal {
  return {code: "OP_REJECTED", reason, isTemporary};
}
