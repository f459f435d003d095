/**
 * One ledger node, witness or follower, as a pure state machine: inputs and the time go in, effects come
 * out. No clock, no I/O: the same inputs give the same effects, which is what the simulator replays.
 *
 * A committee of one takes the same path as any other: its own entry is a quorum.
 */
import {LIMITS} from "@catalyze/proto/limits";
import {fromHex} from "../primitives/bytes.ts";
import type {OpId, PeerId} from "../primitives/id.ts";
import {Agreement} from "./agreement.ts";
import {Book} from "./book.ts";
import type {Checkpoint, Head} from "./checkpoint.ts";
import {Committee} from "./committee.ts";
import {type ConsensusMessage, decodeConsensus, encodeConsensus} from "./consensusCodec.ts";
import type {Cut} from "./cut.ts";
import type {Effect, ReplicaInput} from "./effects.ts";
import {decodeEntry, peekEntryHash, verifyEntry} from "./entryCodec.ts";
import {decodeFinalCheckpoint, encodeFinalCheckpoint, type FinalCheckpoint, isProven} from "./finality.ts";
import {genesisHash, networkIdOf} from "./genesis.ts";
import {isConserved} from "./invariants.ts";
import type {Op} from "./op.ts";
import {checkOpForm} from "./opChecks.ts";
import {OpIntake} from "./opIntake.ts";
import {effectsOf, OwnLog} from "./ownLog.ts";
import {Pool} from "./pool.ts";
import {RecentCheckpoints} from "./recentCheckpoints.ts";
import {decoded, rejected} from "./rejection.ts";
import type {LedgerReplica, ReplicaComponents, RestoredReplica} from "./replicaTypes.ts";
import {encodeSigningRecord} from "./signingRecord.ts";
import {readSigningTable, type SigningTable} from "./signingTable.ts";
import {leaderOf} from "./simplex.ts";
import {LedgerState} from "./state.ts";
import {VOTE_RULES} from "./voteRules.ts";
import {Voter} from "./voter.ts";

const DELAY_MIN_MS = 250;
const DELAY_MAX_MS = 1_000;
/** Alternate branches of forked logs sent in one answer. */
const FORKS_SENT_MAX = 64;

type From = PeerId | undefined;

export class Replica implements LedgerReplica {
  readonly #components: ReplicaComponents;
  readonly #network: number;
  readonly #genesisHash: Uint8Array;
  readonly #committee: Committee;
  readonly #book: Book;
  readonly #voter: Voter;
  readonly #pool = new Pool();
  readonly #intake: OpIntake;
  readonly #agreement: Agreement;
  readonly #recent: RecentCheckpoints;
  /** Own index in the committee. */
  readonly #witness: number | undefined;
  readonly #ownLog: OwnLog | undefined;
  #viewVersion = 0;
  #stopped: string | undefined;
  #isStarted = false;

  constructor(components: ReplicaComponents, restored: RestoredReplica) {
    const {genesis, verifier, voteSigner, voteRules = VOTE_RULES} = components;
    const {params} = genesis;
    const hash = genesisHash(genesis);
    this.#components = components;
    this.#genesisHash = fromHex(hash);
    this.#network = networkIdOf(hash);
    this.#committee = new Committee(genesis.witnesses);
    this.#witness = voteSigner && this.#committee.indexOf(voteSigner.publicKey);
    const check = {network: this.#network, genesisHash: this.#genesisHash, verifier, opFee: params.opFee};
    this.#book = new Book(
      {
        committee: this.#committee,
        params,
        isClaimSound(op, lock) {
          const state = LedgerState.empty();
          state.putLock(lock);
          return checkOpForm(op, {...check, state, epoch: op.body.validFromEpoch}).ok;
        },
      },
      restored,
    );
    this.#recent = new RecentCheckpoints(restored.checkpoints, restored.checkpoint);
    const table = readSigningTable(restored.signed);
    this.#voter = new Voter({...check, rules: voteRules}, table.votes);
    this.#voter.forget(this.#book.base);
    const isWitness = this.#witness !== undefined;
    this.#intake = new OpIntake({book: this.#book, pool: this.#pool, voter: this.#voter, isWitness});
    this.#agreement = this.#makeAgreement(table);
    this.#ownLog = this.#makeOwnLog(table);
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

  get stopped(): string | undefined {
    return this.#stopped;
  }

  heads(): readonly Head[] {
    return this.#book.dag.heads();
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

  holdsAfter(heads: readonly Head[], height: bigint): boolean {
    return this.#book.dag.holdsAfter(heads) && this.#recent.holdsAfter(height);
  }

  checkpointsAfter(height: bigint, checkpointsMax: number): Uint8Array[] {
    return this.#recent.after(height, checkpointsMax);
  }

  entriesAfter(heads: readonly Head[], entriesMax: number): Uint8Array[] {
    const known = new Map(heads.map((head) => [head.witness, head]));
    const found: Uint8Array[] = [];
    let forks = 0;
    for (const {entry, isMain, isCovered} of this.#book.dag.nodes()) {
      if (found.length >= entriesMax) break;
      const head = known.get(entry.header.witness);
      const isNew = entry.header.n > (head?.n ?? 0n);
      // The peer's branch of a forked log may be another than ours: then both must get around.
      const isFork = !isNew && !isCovered && this.#book.dag.isForked(entry.header.witness);
      if (!(isMain && isNew) && !(isFork || !isMain)) continue;
      if (!(isMain && isNew) && forks++ >= FORKS_SENT_MAX) continue;
      found.push(entry.bytes);
    }
    return found;
  }

  signingRecords(): Uint8Array[] {
    const consensus = this.#agreement
      .signed()
      .map((message) => encodeSigningRecord({kind: "consensus", message}));
    return [...(this.#ownLog?.signingRecords() ?? []), ...consensus];
  }

  wantsTick(nowMs: number): number | undefined {
    if (!this.#isStarted) return nowMs;
    const writing = this.#stopped === undefined ? this.#ownLog?.wantsMs() : undefined;
    const wanted = Math.min(writing ?? Number.POSITIVE_INFINITY, this.#agreement.wakeMs(nowMs));
    return Number.isFinite(wanted) ? wanted : wanted < 0 ? nowMs : undefined;
  }

  step(input: ReplicaInput, nowMs: number): Effect[] {
    const effects = this.#start();
    switch (input.kind) {
      case "op":
        effects.push(...this.#intake.take(input.bytes, input.from, nowMs));
        return effects;
      case "entry":
        effects.push(...this.#takeEntry(input.bytes, input.from));
        break;
      case "consensus":
        effects.push(...this.#takeConsensus(input.bytes, input.from));
        break;
      case "checkpoint":
        effects.push(...this.#takeCheckpoint(input.bytes, input.from));
        break;
      case "tick":
        effects.push(...this.#write(nowMs));
    }
    effects.push(...this.#agree(nowMs));
    return effects;
  }

  #start(): Effect[] {
    if (this.#isStarted) return [];
    this.#isStarted = true;
    if (this.#stopped === undefined) return this.#ownLog?.start() ?? [];
    this.#agreement.stopVoting();
    return [{kind: "violation", reason: this.#stopped}];
  }

  #takeEntry(bytes: Uint8Array, from: From): Effect[] {
    const hash = peekEntryHash(bytes);
    if (hash !== undefined && this.#book.dag.isKnown(hash)) return [];
    const read = decoded(decodeEntry, bytes, from);
    if ("refusal" in read) return [read.refusal];
    const entry = read.value;
    const voteKey = this.#committee.voteKeys[entry.header.witness];
    const refuse = (code: "DECODE_INVALID" | "SIGNATURE_INVALID", reason: string) => [
      rejected({code, reason, op: undefined, from}),
    ];
    if (voteKey === undefined || entry.header.network !== this.#network)
      return refuse("DECODE_INVALID", "author");
    const {valid} = verifyEntry(this.#components.verifier, entry, {genesisHash: this.#genesisHash, voteKey});
    if (!valid) return refuse("SIGNATURE_INVALID", "entry");
    const taken = this.#book.take(entry);
    this.#viewMayHaveChanged();
    const {offered} = taken;
    if (offered.kind === "waiting") return [{kind: "fetch", from}];
    if (offered.kind === "invalid") return refuse("DECODE_INVALID", offered.reason);
    const problem = offered.kind === "ingested" ? this.#ownLog?.saw(offered.nodes) : undefined;
    return [...effectsOf(taken), ...(problem === undefined ? [] : this.#stop(problem))];
  }

  #takeConsensus(bytes: Uint8Array, from: From): Effect[] {
    const read = decoded(decodeConsensus, bytes, from);
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
    const {verifier} = this.#components;
    if (!isProven(final, {committee: this.#committee, verifier, genesisHash: this.#genesisHash})) {
      return [rejected({code: "SIGNATURE_INVALID", reason: "checkpoint", op: undefined, from})];
    }
    this.#agreement.receiveFinal(final);
    return [];
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
      effects.push(...consensusEffects(output.signed, output.repeated));
      const {decided, cut, violation} = output;
      if (violation !== undefined) effects.push(...this.#stop(violation));
      if (decided === undefined || cut === undefined) {
        if (output.isBehind) effects.push({kind: "fetch", from: undefined});
        return effects;
      }
      effects.push(...this.#adopt(cut, decided, nowMs));
    }
  }

  #adopt(cut: Cut, final: FinalCheckpoint, nowMs: number): Effect[] {
    const {checkpoint, hash, iteration} = final;
    const isOurs = this.#witness === leaderOf(this.#committee, checkpoint.height, iteration);
    const effects: Effect[] = [{kind: "store", writes: this.#book.adopt(cut, final)}];
    this.#recent.add(final);
    this.#viewMayHaveChanged();
    this.#voter.forget(this.#book.base);
    this.#intake.forget(nowMs);
    this.#agreement.next();
    // One of those that could send it does; who misses it asks.
    if (isOurs) effects.push({kind: "broadcast", what: "checkpoint", bytes: encodeFinalCheckpoint(final)});
    const {height, epoch, stateRoot, isLastOfEpoch} = checkpoint;
    effects.push({
      kind: "checkpointed",
      checkpoint: {height, epoch, hash, stateRoot, isLastOfEpoch},
      ops: cut.applied.map(({id}) => id),
    });
    if (!isConserved(this.#book.base.totals)) effects.push(...this.#stop("I1: money was made or lost"));
    return effects;
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

  #makeAgreement(table: SigningTable): Agreement {
    const {genesis, verifier, voteSigner} = this.#components;
    const index = this.#witness;
    const isWitness = index !== undefined && voteSigner !== undefined;
    const quarterMs = genesis.params.checkpointIntervalMs / 4;
    return new Agreement(
      {
        ...{committee: this.#committee, verifier, genesisHash: this.#genesisHash, book: this.#book},
        witness: isWitness ? {index, signer: voteSigner} : undefined,
        delayMs: Math.min(DELAY_MAX_MS, Math.max(DELAY_MIN_MS, quarterMs)),
      },
      table.consensus,
    );
  }

  #makeOwnLog({entries}: SigningTable): OwnLog | undefined {
    const {genesis, voteSigner} = this.#components;
    const witness = this.#witness;
    if (witness === undefined || voteSigner === undefined) return undefined;
    const {params} = genesis;
    const own = {book: this.#book, pool: this.#pool, voter: this.#voter, witness, params};
    const network = {network: this.#network, genesisHash: this.#genesisHash};
    const ownLog = new OwnLog({...own, ...network, signer: voteSigner}, entries);
    const {dag} = this.#book;
    const head = dag.head(witness);
    const last = head && dag.node(head.hash)?.entry;
    if (last !== undefined && ownLog.isUnknown(last)) {
      this.#stopped = "the signing table is older than the store: this home was restored from a backup";
    }
    return ownLog;
  }
}

/** One record and one message for all that was signed in a step. */
function consensusEffects(
  signed: readonly ConsensusMessage[],
  repeated: readonly ConsensusMessage[],
): Effect[] {
  const effects: Effect[] = [];
  if (signed.length > 0) {
    const message = {
      proposals: signed.flatMap(({proposals}) => proposals),
      votes: signed.flatMap(({votes}) => votes),
    };
    effects.push({kind: "sign", record: encodeSigningRecord({kind: "consensus", message})});
    effects.push({kind: "broadcast", what: "consensus", bytes: encodeConsensus(message)});
  }
  for (const message of repeated) {
    effects.push({kind: "broadcast", what: "consensus", bytes: encodeConsensus(message)});
  }
  return effects;
}
