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
import type {Tally} from "./certificates.ts";
import type {Op} from "./op.ts";
import {checkOpForm} from "./opChecks.ts";
import type {LedgerState} from "./state.ts";

export type VoteContext = {
  readonly network: number;
  readonly genesisHash: Uint8Array;
  readonly verifier: SignatureVerifier;
  readonly opFee: bigint;
  /** What the op's cell looks like after everything that this witness voted for in its log. */
  readonly state: LedgerState;
  readonly tally: Tally;
  /** Whether evidence proves something that a checkpoint would act on. */
  readonly isOfUse: (proof: Uint8Array, state: LedgerState, height: bigint) => boolean;
  readonly stampH: bigint;
  /** `votable` on that state, at the stamp of the entry that would carry the vote. */
  readonly votable: Enabled;
  /** Of the next checkpoint. */
  readonly epoch: number;
  /** What this witness voted for at the op's slot. */
  readonly voted: OpId | undefined;
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
const FUNDS: ReadonlySet<Refusal> = new Set<Refusal>(["funds", "stake"]);
const TIME: ReadonlySet<Refusal> = new Set<Refusal>(["expired", "clock"]);
/** What later credits, ancestors, objects or heights may lift. */
const TEMPORARY: ReadonlySet<Refusal> = new Set<Refusal>(["seqGap", "funds", "unknownCell", "clock"]);

/** Cheap rules first, signatures (`form`, `evidence`) last. */
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
  // R4: funds by certified credits, less what this chain spends.
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
  // Evidence that changes nothing is not worth its place in a log.
  {
    name: "evidence",
    refusal: ({body: {payload}}, {isOfUse, state, stampH}) =>
      payload.kind === "evidence" && !isOfUse(payload.proof, state, stampH + 1n)
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
  const {epoch} = context;
  if (context.isSound && epoch >= op.body.validFromEpoch && epoch <= op.body.validUntilEpoch)
    return undefined;
  const check = checkOpForm(op, context);
  if (check.ok) return undefined;
  return {code: check.code, reason: check.reason, isTemporary: check.reason === "notYetValid"};
}

/**
 * Two ops of the owner at a slot that is still open, at or below this one. A rival that the owner did not
 * sign proves nothing: a bad witness could freeze anyone with it.
 */
function isForked(op: Op, context: VoteContext): boolean {
  const {tally} = context;
  const {cell} = op.body;
  // At its own slot one other op is enough, whether or not an entry carries this one.
  for (const seq of new Set([op.body.seq, ...tally.contestedSeqs(cell)])) {
    if (seq > op.body.seq) continue;
    const candidates = tally.at(cell, seq);
    const valid = candidates.filter(({op: {body}}) => isValidIn(body, context.epoch));
    const rivals = valid.filter((candidate) => seq !== op.body.seq || candidate.op.id !== op.id);
    const isConflict = rivals.length > (seq === op.body.seq ? 0 : 1);
    if (!isConflict || candidates.some(({isCertified}) => isCertified)) continue;
    const signed = rivals.filter(({copies}) => copies.some((copy) => isOwners(copy, context)));
    if (signed.length > (seq === op.body.seq ? 0 : 1)) return true;
  }
  return false;
}

function isValidIn({validFromEpoch, validUntilEpoch}: Op["body"], epoch: number): boolean {
  return validFromEpoch <= epoch && epoch <= validUntilEpoch;
}

function isOwners(op: Op, context: VoteContext): boolean {
  return checkOpForm(op, {...context, epoch: op.body.validFromEpoch}).ok;
}

function refused(reason: string, isTemporary: boolean): VoteRefusal {
  return {code: "OP_REJECTED", reason, isTemporary};
}
