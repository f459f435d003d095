/**
 * From a cut of the witnesses' logs to a checkpoint (reference/ledger 6.2). A cut is named by heads;
 * everything in their causal past belongs to it, on top of what earlier cuts covered. All else is computed,
 * so a validator that holds the entries computes the same bytes or refuses.
 */
import {assert} from "../errors/assert.ts";
import type {Write} from "../ports/store.ts";
import type {Hash, OpId} from "../primitives/id.ts";
import {finish, type Work} from "../primitives/work.ts";
import {Tally} from "./certificates.ts";
import {
  type Checkpoint,
  checkpointHash,
  epochOfHeight,
  type Head,
  isLastOfEpoch,
  voteEpochOf,
} from "./checkpoint.ts";
import {checkpointWork} from "./checkpointStep.ts";
import type {Committee} from "./committee.ts";
import type {Dag, EntryNode} from "./dag.ts";
import type {Proven} from "./evidence.ts";
import {visibleClaims} from "./expiringClaims.ts";
import type {BlockedOp} from "./fold.ts";
import type {Op} from "./op.ts";
import type {LedgerParams} from "./params.ts";
import {committeeNow, coveredHeads, type Register} from "./register.ts";
import {isResolved} from "./resolved.ts";
import {SoundCopies, type SoundnessOf} from "./soundCopies.ts";
import type {LedgerState} from "./state.ts";
import {stateWrites} from "./storeKeys.ts";
import type {SystemMove} from "./systemMoves.ts";

const OPS_PER_UNIT = 4;
const IDS_PER_UNIT = 32;

export type CutContext = {
  readonly dag: Dag;
  /** In force in the epoch of the next checkpoint. */
  readonly params: LedgerParams;
  readonly base: LedgerState;
  readonly parent: Checkpoint;
  readonly parentHash: Hash;
  /** Votes inside the parent's cut for ops that it did not apply. */
  readonly carried: Tally;
  /** Whether an op that perhaps nobody honest voted for is what its owner, and a claim's authority, signed. */
  readonly soundnessOf: SoundnessOf;
  readonly prove: (proof: Uint8Array, register: Register) => Proven | undefined;
};

export type Cut = {
  readonly checkpoint: Checkpoint;
  readonly hash: Hash;
  /** A fork of the base: commit it when the checkpoint is final. */
  readonly state: LedgerState;
  /** What that changes on disk. */
  readonly writes: readonly Write[];
  /** Votes inside this cut for ops that it did not apply. */
  readonly carried: Tally;
  /** Entries that this cut covers first. */
  readonly nodes: readonly EntryNode[];
  readonly applied: readonly Op[];
  readonly appliedById: ReadonlyMap<OpId, Op>;
  readonly moves: readonly SystemMove[];
  /** Certified and not applicable: breaks invariant I5. */
  readonly blocked: readonly BlockedOp[];
};

type NoCut =
  /** Entries that the heads name are not here, or not yet enough of them are stamped. */
  {readonly kind: "wait"} | {readonly kind: "invalid"; readonly reason: string};

export type CutResult = {readonly kind: "cut"; readonly cut: Cut} | NoCut;

export type BegunCut = {readonly kind: "begun"; readonly work: Work<Cut>} | NoCut;

/** What this node would agree on now: every member's head. A forked log stays where the last cut left it. */
export function headsNow(context: CutContext): Head[] {
  const {dag} = context;
  const before = headsBefore(context);
  return committeeOf(context).members.flatMap(({seat}) => {
    const covered = before.get(seat);
    const head = dag.head(seat) ?? covered;
    if (head === undefined) return [];
    if (!dag.isForked(head.witness)) return [covered !== undefined && covered.n > head.n ? covered : head];
    return covered === undefined ? [] : [covered];
  });
}

/** When the next checkpoint may be made at the earliest. */
export function dueMs({parent, params}: Pick<CutContext, "parent" | "params">): number {
  return parent.timeMs + params.checkpointIntervalMs;
}

/** The checkpoint of these heads. */
export function computeCut(context: CutContext, heads: readonly Head[]): CutResult {
  const begun = beginCut(context, heads);
  return begun.kind === "begun" ? {kind: "cut", cut: finish(begun.work)} : begun;
}

/** The same in pieces. What the context names must stay as it is until the last of them. */
export function beginCut(context: CutContext, heads: readonly Head[]): BegunCut {
  const problem = headsProblem(context, heads);
  if (problem !== undefined) return problem;
  const stamped = stampedHeads(context, heads);
  const committee = committeeOf(context);
  const weight = stamped.reduce((sum, {header}) => sum + committee.weightOf(header.witness), 0);
  if (weight < committee.quorum) return {kind: "wait"};
  const timeMs = medianTime(committee, stamped);
  if (timeMs < dueMs(context)) return {kind: "wait"};
  const nodes = context.dag.uncoveredPast(heads);
  if (nodes === undefined) return {kind: "wait"};
  return {kind: "begun", work: cutOf(context, {heads, timeMs, nodes})};
}

export type VoteCount = Pick<CutContext, "dag" | "base" | "params"> & {
  /** Votes of other epochs are void. */
  readonly epoch: number;
};

/** Adds what an entry introduces and votes for. Returns what that certifies. Settled ops are left out. */
export function countVotes(tally: Tally, {entry}: EntryNode, count: VoteCount): Op[] {
  const {dag, base, params, epoch} = count;
  const {witness} = entry.header;
  if (voteEpochOf(entry.header, params) !== epoch) return [];
  const isDone = (op: Op) => isResolved(base, op);
  const certified = [...tally.voteCarried(entry.carry, {witness, isDone})];
  for (const {hash, exceptions} of entry.acks) {
    const acked = dag.node(hash);
    if (acked === undefined || !isCounted(acked, witness, count)) continue;
    const without = new Set(exceptions);
    for (const op of tally.voteCarried(acked.entry.carry, {witness, without, isDone})) certified.push(op);
  }
  return certified;
}

function opsSeen({entry: {carry, acks}}: EntryNode, {dag}: Pick<CutContext, "dag">): number {
  return acks.reduce((sum, {hash}) => sum + (dag.node(hash)?.entry.carry.length ?? 0), carry.length);
}

/** An acknowledged entry whose ops are settled adds nothing; nor does one of another epoch, or one's own. */
function isCounted({entry, isSettled}: EntryNode, voter: number, {params, epoch}: VoteCount): boolean {
  return !isSettled && entry.header.witness !== voter && voteEpochOf(entry.header, params) === epoch;
}

type CutParts = {
  readonly heads: readonly Head[];
  readonly timeMs: number;
  readonly nodes: readonly EntryNode[];
};

function* cutOf(context: CutContext, {heads, timeMs, nodes}: CutParts): Work<Cut> {
  const {params, parent} = context;
  const epoch = epochOfHeight(parent.height + 1n, params.checkpointsPerEpoch);
  const tally = context.carried.copy();
  for (const node of nodes) {
    countVotes(tally, node, {...context, epoch});
    yield 1 + opsSeen(node, context) / OPS_PER_UNIT;
  }
  const copies = new SoundCopies(context.soundnessOf);
  const visible = {
    ...{tally, base: context.base, height: parent.height + 1n},
    soundCopy: copies.of.bind(copies),
  };
  const step = yield* checkpointWork({
    ...context,
    heads,
    timeMs,
    tally,
    soundCopy: (candidate, state) => copies.of(candidate, state, epoch),
    expiringClaims: (lock) => visibleClaims(lock, visible),
  });
  const {checkpoint, state, fold, applied, moves} = step;
  tally.drop((op) => isResolved(state, op), applied);
  // With its epoch every vote is over.
  const carried = checkpoint.isLastOfEpoch ? new Tally(committeeNow(state.register)) : tally;
  const hash = checkpointHash(checkpoint);
  const writes = yield* stateWrites(state);
  const appliedById = yield* byId(applied);
  return {
    checkpoint,
    hash,
    state,
    writes,
    carried,
    nodes,
    applied,
    appliedById,
    moves,
    blocked: fold.blocked,
  };
}

function* byId(ops: readonly Op[]): Work<Map<OpId, Op>> {
  const found = new Map<OpId, Op>();
  for (const op of ops) {
    found.set(op.id, op);
    if (found.size % IDS_PER_UNIT === 0) yield 1;
  }
  return found;
}

/** The one that agrees on the checkpoint after the parent. */
function committeeOf({base}: CutContext): Committee {
  return committeeNow(base.register);
}

/** Where the logs of its members stand already; one that comes back goes on where it left. */
function headsBefore(context: CutContext): ReadonlyMap<number, Head> {
  const {parent, base} = context;
  const committee = committeeOf(context);
  const covered = coveredHeads(parent, base.register).filter(({witness}) => committee.has(witness));
  return new Map(covered.map((head) => [head.witness, head]));
}

function headsProblem(context: CutContext, heads: readonly Head[]): NoCut | undefined {
  const committee = committeeOf(context);
  const known = headsBefore(context);
  const byWitness = new Map(heads.map((head) => [head.witness, head]));
  for (const before of known.values()) {
    const now = byWitness.get(before.witness);
    if (now === undefined || now.n < before.n) return {kind: "invalid", reason: "headBack"};
    if (now.n === before.n && now.hash !== before.hash) return {kind: "invalid", reason: "headSwapped"};
  }
  if (heads.some(({witness}) => !committee.has(witness))) return {kind: "invalid", reason: "headWitness"};
  const covered = new Set([...known.values()].map(({hash}) => hash));
  return newHeadsProblem(
    context,
    heads.filter(({hash}) => !covered.has(hash)),
  );
}

function newHeadsProblem({dag}: CutContext, heads: readonly Head[]): NoCut | undefined {
  for (const {witness, n, hash} of heads) {
    const header = dag.node(hash)?.entry.header;
    if (header === undefined) return {kind: "wait"};
    if (header.witness !== witness || header.n !== n) return {kind: "invalid", reason: "headPlace"};
  }
  return undefined;
}

/** Heads that are new in this cut and whose authors had adopted exactly the parent; an epoch closes on seals. */
function stampedHeads(context: CutContext, heads: readonly Head[]) {
  const {dag, parent, parentHash, params} = context;
  const isClosing = isLastOfEpoch(parent.height + 1n, params.checkpointsPerEpoch);
  const covered = new Set([...headsBefore(context).values()].map(({hash}) => hash));
  return heads.flatMap(({hash}) => {
    const entry = covered.has(hash) ? undefined : dag.node(hash)?.entry;
    const isStamped = entry?.header.stampH === parent.height && entry.header.stampHash === parentHash;
    return entry !== undefined && isStamped && (!isClosing || entry.header.isSeal) ? [entry] : [];
  });
}

type Timed = {readonly header: {readonly witness: number; readonly timeMs: number}};

/** Of quorum weight fewer than half are bad, so the median lies between two honest clocks. */
function medianTime(committee: Committee, entries: readonly Timed[]): number {
  const sorted = entries.map(({header}) => header).sort((left, right) => left.timeMs - right.timeMs);
  const total = sorted.reduce((sum, {witness}) => sum + committee.weightOf(witness), 0);
  let passed = 0;
  for (const {witness, timeMs} of sorted) {
    passed += committee.weightOf(witness);
    if (passed * 2 >= total) return timeMs;
  }
  assert(false, "a quorum has weight");
}
