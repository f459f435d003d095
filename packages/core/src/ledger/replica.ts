/**
 * One ledger node, witness or follower, as a pure state machine: inputs and the time go in, effects come
 * out. No clock, no I/O: the same inputs give the same effects, which is what the simulator replays.
 *
 * A committee of one takes the same path as any other: its own entry is a quorum.
 */
import {LIMITS} from "@catalyze/proto/limits";
import {equalBytes} from "../primitives/bytes.ts";
import type {Hash, OpId, PeerId} from "../primitives/id.ts";
import {adoptionEffects, shown} from "./adoptionEffects.ts";
import type {Agreement} from "./agreement.ts";
import type {Book, Taken} from "./book.ts";
import type {Checkpoint, Head} from "./checkpoint.ts";
import type {Committee, VoterMask} from "./committee.ts";
import {encodeConsensus} from "./consensusCodec.ts";
import {consensusEffects} from "./consensusEffects.ts";
import type {Cut} from "./cut.ts";
import type {EntryNode} from "./dag.ts";
import type {Effect, OwnTestimony, ReplicaInput} from "./effects.ts";
import {entriesAfter} from "./entriesAfter.ts";
import {peekEntryHash, verifyEntry} from "./entryCodec.ts";
import type {EntryPage, PageRoom} from "./entryPage.ts";
import {decodeFinalCheckpoint, type FinalCheckpoint} from "./finality.ts";
import {ForkProofs} from "./forkProofs.ts";
import {isConserved} from "./invariants.ts";
import {LateCertificates} from "./lateCertificates.ts";
import type {Op} from "./op.ts";
import type {OpIntake} from "./opIntake.ts";
import type {ShownLine} from "./opLine.ts";
import {effectsOf, type OwnLog} from "./ownLog.ts";
import type {LedgerParams} from "./params.ts";
import type {Pool} from "./pool.ts";
import {RecentCheckpoints} from "./recentCheckpoints.ts";
import {seatOf} from "./register.ts";
import {badCheckpoint, decoded, rejected} from "./rejection.ts";
import {replicaParts} from "./replicaParts.ts";
import type {Decoders, LedgerReplica, ReplicaComponents, RestoredReplica} from "./replicaTypes.ts";
import {leaderOf} from "./simplexTypes.ts";
import type {LedgerState} from "./state.ts";
import type {Voter} from "./voter.ts";

type From = PeerId | undefined;

export class Replica implements LedgerReplica {
  readonly isMoved: boolean;
  readonly #components: ReplicaComponents;
  readonly #network: number;
  readonly #genesisHash: Uint8Array;
  readonly #decoders: Decoders;
  readonly #book: Book;
  readonly #voter: Voter;
  readonly #pool: Pool;
  readonly #intake: OpIntake;
  readonly #agreement: Agreement;
  readonly #recent: RecentCheckpoints;
  readonly #openOwnLog: () => OwnLog | undefined;
  #ownLog: OwnLog | undefined;
  readonly #signed: readonly Uint8Array[];
  readonly #forkProofs = new ForkProofs();
  readonly #late: LateCertificates;
  #viewVersion = 0;
  #stopped: string | undefined;
  #isStarted = false;

  constructor(components: ReplicaComponents, restored: RestoredReplica) {
    const parts = replicaParts(components, restored);
    this.#components = {...components, voteSigner: parts.voteSigner};
    this.isMoved = parts.isMoved;
    this.#network = parts.network;
    this.#genesisHash = parts.genesisHash;
    this.#decoders = parts.decoders;
    this.#book = parts.book;
    this.#voter = parts.voter;
    this.#pool = parts.pool;
    this.#intake = parts.intake;
    this.#agreement = parts.agreement;
    this.#openOwnLog = parts.openOwnLog;
    this.#ownLog = parts.openOwnLog();
    this.#signed = this.#ownLog === undefined ? restored.signed : [];
    this.#late = new LateCertificates(restored.late, this);
    this.#recent = new RecentCheckpoints(restored.checkpoints, restored.checkpoint);
    if (this.isSilent) this.#agreement.stopVoting();
  }

  get view(): LedgerState {
    return this.#book.view;
  }

  get base(): LedgerState {
    return this.#book.base;
  }

  get checkpoint(): Checkpoint {
    return this.#book.checkpoint;
  }

  get finalCheckpoint(): FinalCheckpoint {
    return this.#book.final;
  }

  get params(): LedgerParams {
    return this.#book.params;
  }

  get epoch(): number {
    return this.#book.epoch;
  }

  get seat(): number | undefined {
    const {voteSigner} = this.#components;
    return voteSigner && seatOf(this.base.register, voteSigner.publicKey);
  }

  get isMember(): boolean {
    const {voteSigner} = this.#components;
    return voteSigner !== undefined && this.#book.committee.seatOf(voteSigner.publicKey) !== undefined;
  }

  get isSilent(): boolean {
    return this.#ownLog?.isSilent === true;
  }

  get isRecovering(): boolean {
    return this.#ownLog?.isRecovering === true;
  }

  get isCatchingUp(): boolean {
    return this.#ownLog?.isCatchingUp === true;
  }

  testimonyFor(seat: number): OwnTestimony {
    const words = encodeConsensus(this.#agreement.wordsOf(seat));
    return {epoch: this.epoch, head: this.#book.dag.head(seat), words};
  }

  get stopped(): string | undefined {
    return this.#stopped;
  }

  heads(): readonly Head[] {
    return this.#book.dag.heads();
  }

  isForked(seat: number): boolean {
    return this.#book.dag.isForked(seat);
  }

  hasEntry(hash: Hash): boolean {
    return this.#book.dag.isKnown(hash);
  }

  wantedHeads(): readonly Head[] {
    return this.#book.dag.wantedHeads();
  }

  isOfUse(proof: Uint8Array): boolean {
    return this.#book.isOfUse(proof);
  }

  lineTo(id: OpId): ShownLine | undefined {
    return this.#book.lineTo(id);
  }

  isCertified(id: OpId): boolean {
    return this.#book.isCertified(id);
  }

  isCheckpointed(id: OpId): boolean {
    return this.#book.isCheckpointed(id);
  }

  op(id: OpId): Op | undefined {
    return this.#book.op(id) ?? this.#pool.get(id);
  }

  pendingOps(): readonly Op[] {
    const seen = [...this.#book.tally.candidates()].filter(({isCertified}) => !isCertified).map(({op}) => op);
    return [...this.#pool.ops(), ...seen];
  }

  unlistedOps(): readonly Op[] {
    const isCarried = ({id, bytes}: Op) =>
      this.#book.tally.get(id)?.copies.some(({op}) => equalBytes(op.bytes, bytes)) === true;
    return this.#pool.ops().filter((op) => !isCarried(op));
  }

  holdsAfter(heads: readonly Head[], height: bigint): boolean {
    return this.#book.dag.holdsAfter(heads) && this.#recent.holdsAfter(height);
  }

  checkpointsAfter(height: bigint, checkpointsMax: number): Uint8Array[] {
    return this.#recent.after(height, checkpointsMax);
  }

  entriesAfter(heads: readonly Head[], room: PageRoom): EntryPage {
    return entriesAfter({dag: this.#book.dag, unplaced: this.#ownLog?.unplaced() ?? []}, heads, room);
  }

  signingRecords(): Uint8Array[] {
    // A database that was lost may stand where the key has no seat yet.
    return [...(this.#ownLog?.signingRecords() ?? this.#signed), ...this.#agreement.signingRecords()];
  }

  wantsTick(nowMs: number): number | undefined {
    if (!this.#isStarted) return nowMs;
    const writing = this.#stopped === undefined ? this.#ownLog?.wantsMs(nowMs) : undefined;
    const wanted = Math.min(writing ?? Number.POSITIVE_INFINITY, this.#agreement.wakeMs(nowMs));
    return Number.isFinite(wanted) ? wanted : wanted < 0 ? nowMs : undefined;
  }

  step(input: ReplicaInput, nowMs: number): Effect[] {
    const effects = [...this.#start(), ...this.#regain(nowMs)];
    switch (input.kind) {
      case "op":
        return [...effects, ...this.#intake.take(input.bytes, input.from, nowMs)];
      case "entry":
        effects.push(...this.#takeEntry(input.bytes, input.from));
        break;
      case "consensus":
        effects.push(...this.#takeConsensus(input.bytes, input.from));
        break;
      case "checkpoint":
        effects.push(...this.#takeCheckpoint(input.bytes, input.from));
        break;
      case "heard":
        effects.push(...this.#hear(input));
        break;
      case "tick":
        effects.push(...this.#write(nowMs));
    }
    effects.push(...this.#regain(nowMs), ...this.#agree(nowMs));
    return effects;
  }

  #start(): Effect[] {
    if (this.#isStarted) return [];
    this.#isStarted = true;
    return [...(this.#ownLog?.start() ?? []), ...this.#late.due(this.checkpoint.height).map(shown)];
  }

  #hear({words, from, ...heard}: Extract<ReplicaInput, {kind: "heard"}>): Effect[] {
    const read = decoded(this.#decoders.consensus, words, from);
    if ("refusal" in read) return [read.refusal];
    if (this.#ownLog?.hear({...heard, words: read.value}) !== false) return [];
    return [rejected({code: "SIGNATURE_INVALID", reason: "words", op: undefined, from})];
  }

  /** Ends this witness's silence when its time has come. */
  #regain(nowMs: number): readonly Effect[] {
    const regained = this.isSilent && this.#stopped === undefined ? this.#ownLog?.regain(nowMs) : undefined;
    if (regained === undefined) return [];
    this.#agreement.goOnVoting(regained.words);
    return regained.effects;
  }

  #takeEntry(bytes: Uint8Array, from: From): Effect[] {
    const hash = peekEntryHash(bytes);
    if (hash !== undefined && this.hasEntry(hash)) return [];
    const read = decoded(this.#decoders.entry, bytes, from);
    if ("refusal" in read) return [read.refusal];
    const entry = read.value;
    const voteKey = this.base.register.seats[entry.header.witness]?.voteKey;
    const refuse = (code: "DECODE_INVALID" | "SIGNATURE_INVALID" | "NOT_FOUND", reason: string) => [
      rejected({code, reason, op: undefined, from}),
    ];
    if (entry.header.network !== this.#network) return refuse("DECODE_INVALID", "network");
    // A peer that is an epoch further on may have it, and is no liar.
    if (this.#book.dag.isBeyond(entry)) return refuse("NOT_FOUND", "beyond");
    // Perhaps of one that gets a seat by a checkpoint which is missing here: no fault of who passes it on.
    if (voteKey === undefined)
      return [{kind: "fetch", from}, rejected({code: "NOT_FOUND", reason: "author", op: undefined, from})];
    const {valid} = verifyEntry(this.#components.verifier, entry, {genesisHash: this.#genesisHash, voteKey});
    if (!valid) return refuse("SIGNATURE_INVALID", "entry");
    const taken = this.#book.take(entry);
    const {offered} = taken;
    const forks = this.#forkProofs.of(entry, this.#book.dag);
    if (offered.kind === "waiting") return [...forks, {kind: "fetch", from}];
    if (offered.kind === "invalid") return [...forks, ...refuse("DECODE_INVALID", offered.reason)];
    return [...this.#took(taken), ...forks];
  }

  #took(taken: Taken): Effect[] {
    const {offered} = taken;
    this.#viewMayHaveChanged();
    return [...effectsOf(taken), ...(offered.kind === "ingested" ? this.#look(offered.nodes) : [])];
  }

  #look(nodes: readonly EntryNode[]): Effect[] {
    const problem = this.#ownLog?.saw(nodes);
    return problem === undefined ? [] : this.#stop(problem);
  }

  #takeConsensus(bytes: Uint8Array, from: From): Effect[] {
    const read = decoded(this.#decoders.consensus, bytes, from);
    if ("refusal" in read) return [read.refusal];
    const {isSound, isAhead} = this.#agreement.receive(read.value);
    const effects: Effect[] = isAhead ? [{kind: "fetch", from}] : [];
    if (!isSound)
      effects.push(rejected({code: "SIGNATURE_INVALID", reason: "consensus", op: undefined, from}));
    return effects;
  }

  #takeCheckpoint(bytes: Uint8Array, from: From): Effect[] {
    if (bytes.length > LIMITS.gossipBytesMax)
      return [rejected({code: "DECODE_INVALID", reason: "tooLong", op: undefined, from})];
    const read = decoded(decodeFinalCheckpoint, bytes, from);
    if ("refusal" in read) return [read.refusal];
    const final = read.value;
    const {height} = final.checkpoint;
    if (!this.#agreement.isWanted(height))
      return height > this.checkpoint.height ? [{kind: "fetch", from}] : [];
    return this.#agreement.receiveFinal(final, from) ? [] : [badCheckpoint(from)];
  }

  #write(nowMs: number): Effect[] {
    if (this.#stopped !== undefined || this.#ownLog === undefined) return [];
    this.#viewMayHaveChanged();
    const {effects} = this.#ownLog.write(nowMs);
    this.#viewMayHaveChanged();
    return effects;
  }

  /** Agrees as far as it gets: each round may decide one height. */
  #agree(nowMs: number): Effect[] {
    const effects: Effect[] = [];
    for (;;) {
      const output = this.#agreement.advance(nowMs);
      effects.push(...consensusEffects(output));
      const {decided, cut, violation} = output;
      effects.push(...output.liars.map(badCheckpoint));
      if (violation !== undefined) effects.push(...this.#stop(violation));
      if (decided === undefined || cut === undefined) {
        const named = this.#takeNamed(output.named);
        effects.push(...named);
        if (named.length > 0) continue;
        if (output.isBehind) effects.push({kind: "fetch", from: undefined});
        return effects;
      }
      effects.push(...this.#adopt(cut, decided, nowMs));
    }
  }

  #takeNamed(heads: readonly Head[]): Effect[] {
    if (heads.length === 0) return [];
    return this.#took(this.#book.takeNamed(heads));
  }

  #adopt(cut: Cut, final: FinalCheckpoint, nowMs: number): Effect[] {
    const {height, isLastOfEpoch} = final.checkpoint;
    const {committee} = this.#book;
    const isOurs = this.seat === leaderOf(committee, height, final.iteration);
    const adopted = this.#book.adopt(cut, final);
    this.#recent.add(final);
    this.#viewMayHaveChanged();
    this.#voter.forget(this.#book.base, this.#book.epoch);
    for (const {op} of adopted.unresolved.filter(({mask}) => this.#isOurs(mask, committee)))
      this.#pool.add(op, undefined, {nowMs, isChecked: false});
    this.#intake.forget(nowMs);
    const late = this.#late.adopted(final.checkpoint, adopted.certificates);
    const effects = adoptionEffects({adopted, cut, final, isOurs, late});
    effects.push(...(isLastOfEpoch ? this.#beginEpoch(adopted.freed) : this.#look(adopted.freed)));
    this.#agreement.next();
    if (!isConserved(this.#book.base.totals)) effects.push(...this.#stop("I1: money was made or lost"));
    return effects;
  }

  /** This witness votes for it anew: it did before, or somebody honest did. What one bad member carried is its own. */
  #isOurs(mask: VoterMask, committee: Committee): boolean {
    const own = this.seat === undefined ? 0 : committee.bitOf(this.seat);
    return this.isMember && ((mask & own) !== 0 || committee.hasHonest(mask));
  }

  /** Perhaps this node's key has a seat from now on. */
  #beginEpoch(freed: readonly EntryNode[]): Effect[] {
    if (this.#ownLog !== undefined) {
      this.#ownLog.beganEpoch();
      return this.#look(freed);
    }
    this.#ownLog = this.#openOwnLog();
    if (this.#ownLog === undefined) return [];
    if (this.isSilent) this.#agreement.stopVoting();
    // It asks at once: the epoch may need its vote.
    return [...this.#ownLog.start(), {kind: "fetch", from: undefined}];
  }

  #viewMayHaveChanged(): void {
    if (this.#book.viewVersion === this.#viewVersion) return;
    this.#viewVersion = this.#book.viewVersion;
    this.#voter.viewChanged();
  }

  /** Reads and sync go on. */
  #stop(reason: string): Effect[] {
    if (this.#stopped !== undefined) return [];
    this.#stopped = reason;
    this.#agreement.stopVoting();
    this.#components.log?.error("this witness has stopped voting", {reason});
    return [{kind: "violation", reason}];
  }
}
