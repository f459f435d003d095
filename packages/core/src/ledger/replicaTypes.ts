/** What the replica is made of, and what its shell may ask of it. */
import type {Log} from "../ports/log.ts";
import type {SignatureVerifier, Signer} from "../ports/signer.ts";
import type {Hash, OpId} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {Checkpoint, Head} from "./checkpoint.ts";
import type {VoterMask} from "./committee.ts";
import type {ConsensusMessage} from "./consensusCodec.ts";
import type {Effect, OwnTestimony, ReplicaInput} from "./effects.ts";
import type {Entry} from "./entry.ts";
import type {EntryPage, PageRoom} from "./entryPage.ts";
import type {EntryRoom} from "./entryRoom.ts";
import type {FinalCheckpoint} from "./finality.ts";
import type {Genesis} from "./genesis.ts";
import type {StoredLate} from "./lateCertificates.ts";
import type {Op} from "./op.ts";
import type {ShownLine} from "./opLine.ts";
import type {LedgerParams} from "./params.ts";
import type {LedgerState} from "./state.ts";
import type {StoredPlaces} from "./storedPlaces.ts";
import type {VoteRule} from "./voteRules.ts";

export type ReplicaComponents = {
  readonly genesis: Genesis;
  readonly verifier: SignatureVerifier;
  /** The vote key; `undefined` for a follower. It votes in the epochs whose committee it is a member of. */
  readonly voteSigner: Signer | undefined;
  readonly log?: Log;
  /** This key signed before, and the signing table of then is not here: see `recovery.ts`. */
  readonly hasForgotten?: boolean;
  /** The rules of an honest witness; tests take one away to see that it is missed. */
  readonly voteRules?: readonly VoteRule[];
  /** Units of work on a checkpoint (`primitives/work.ts`) before other inputs get their turn. */
  readonly workUnits?: number;
  /** Only in simulations: less room than a network's members have. */
  readonly entryRoom?: EntryRoom;
  /** Only in simulations: goes on when its own log turns out to be forked. */
  readonly isForker?: boolean;
  /** Only in simulations: nodes of one process read the same bytes once. */
  readonly decoders?: Decoders;
};

/** How bytes from outside become values; each throws `DECODE_INVALID`. */
export type Decoders = {
  readonly entry: (bytes: Uint8Array) => Entry;
  readonly op: (bytes: Uint8Array) => Op;
  readonly consensus: (bytes: Uint8Array) => ConsensusMessage;
};

/** An op that was visible in the cut of a checkpoint, with its votes there, but not applied yet. */
export type CarriedOp = {readonly op: Op; readonly mask: VoterMask};

/** What a replica starts from: `restoreReplica` reads it, `freshReplica` makes it from a genesis. */
export type RestoredReplica = {
  /** State of `checkpoint`. */
  readonly base: LedgerState;
  readonly checkpoint: FinalCheckpoint;
  readonly carried: readonly CarriedOp[];
  /** Ends of the logs in the cut that closed the epoch before. */
  readonly floor: readonly Head[];
  /** Of what the cuts since then cover, with the bytes of ops that logs carry there. */
  readonly places: StoredPlaces["places"];
  readonly loads: StoredPlaces["loads"];
  /** Entries below the checkpoint's cut: the latest ones, and those that carry ops it did not apply. */
  readonly covered: readonly Entry[];
  /** Entries above the cut, in any order. */
  readonly entries: readonly Entry[];
  /** The latest final checkpoints before `checkpoint`, encoded, ascending: for peers that lag. */
  readonly checkpoints: readonly Uint8Array[];
  /** Certificates that closings left out. */
  readonly late: readonly StoredLate[];
  /** Records of the signing table, oldest first. */
  readonly signed: readonly Uint8Array[];
};

/** The replica as its shell sees it; `Replica` in `replica.ts` is the one implementation. */
export interface LedgerReplica {
  /** Applies one input and returns what follows from it, in order (see `effects.ts`). Never throws on bad input. */
  step(input: ReplicaInput, nowMs: UnixMs): Effect[];
  /** When the next `tick` is useful: now or earlier means at once; `undefined` means not before the next input. */
  wantsTick(nowMs: UnixMs): number | undefined;
  /** Base plus every certified op that is not in a checkpoint yet. Read only; replaced at each checkpoint. */
  readonly view: LedgerState;
  /** State of the last checkpoint. */
  readonly base: LedgerState;
  /** The last final checkpoint. */
  readonly checkpoint: Checkpoint;
  /** The same with its proof. */
  readonly finalCheckpoint: FinalCheckpoint;
  /** In force for the next checkpoint. */
  readonly params: LedgerParams;
  /** Its epoch. */
  readonly epoch: number;
  /** Last entry of each witness's log that is held here. */
  heads(): readonly Head[];
  /** In the graph, or waiting for what it links to. */
  hasEntry(hash: Hash): boolean;
  /** The same, lowered below what is known to be missing: what to ask others from. */
  wantedHeads(): readonly Head[];
  /** Entries that a peer with these heads lacks, causes before effects, as far as memory goes back. */
  entriesAfter(heads: readonly Head[], room: PageRoom): EntryPage;
  /** False when a peer that stands there needs what only the store has: `storedAfter`. */
  holdsAfter(heads: readonly Head[], height: bigint): boolean;
  /** Final checkpoints above `height` with their proofs, ascending, as far as memory goes back. */
  checkpointsAfter(height: bigint, checkpointsMax: number): Uint8Array[];
  /** Whether a checkpoint would act on this evidence now. Checks its signatures. */
  isOfUse(proof: Uint8Array): boolean;
  /** What shows that an op counts, from the entries in memory: of the latest. Looks at all of them. */
  lineTo(id: OpId): ShownLine | undefined;
  /** True when a quorum voted for the op, from then on for as long as the op is remembered. */
  isCertified(id: OpId): boolean;
  /** True for ops of the latest checkpoints (the last 100,000 ops). */
  isCheckpointed(id: OpId): boolean;
  /** While pending, certified, or in one of the latest checkpoints. */
  op(id: OpId): Op | undefined;
  /** Valid ops that are not certified yet. */
  pendingOps(): readonly Op[];
  /** Those of them that no entry here carries: what peers compare. */
  unlistedOps(): readonly Op[];
  /** Of this node's vote key: from its first epoch as a witness on. */
  readonly seat: number | undefined;
  /** Whether it votes in the epoch of the next checkpoint. */
  readonly isMember: boolean;
  /** This witness signs nothing yet: it asks what the others have of its log, */
  readonly isSilent: boolean;
  /** or has found that it forgot what it signed. */
  readonly isRecovering: boolean;
  /** It knows what it signed, and not everything of that is in its database: until it is, this witness writes nothing. */
  readonly isCatchingUp: boolean;
  /** Its signing table was exported: another machine signs with its key. */
  readonly isMoved: boolean;
  /** For a witness that asks what this node has of its log: see `recovery.ts`. */
  testimonyFor(seat: number): OwnTestimony;
  /** In this epoch this node has seen two entries of it with one number. */
  isForked(seat: number): boolean;
  /** Why this witness no longer votes; `undefined` while all is well. */
  readonly stopped: string | undefined;
  /** What of the signing table still matters: for compacting it. */
  signingRecords(): Uint8Array[];
}
