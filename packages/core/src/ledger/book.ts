/**
 * What a node knows of the ledger: the entries, the votes in them, the state of the last checkpoint and the
 * view above it. Derived from the set of entries and the chain of checkpoints, so any two nodes with the
 * same sets have the same book, in whatever order things came.
 */
import type {Write} from "../ports/store.ts";
import type {OpId} from "../primitives/id.ts";
import type {Adopted, Closed} from "./adoptionEffects.ts";
import {AppliedOps} from "./appliedOps.ts";
import {coveredBy, settle} from "./carryLoads.ts";
import type {Loads} from "./carryRoom.ts";
import {makeCertificates} from "./certificateMaking.ts";
import {Tally} from "./certificates.ts";
import {type Checkpoint, closedBelow, type Head, voteEpochOf} from "./checkpoint.ts";
import type {Committee} from "./committee.ts";
import {type Cut, type CutContext, countVotes} from "./cut.ts";
import {Dag, type EntryNode, type Offered} from "./dag.ts";
import type {Entry} from "./entry.ts";
import {placeIn} from "./entryNumber.ts";
import {type EntryRoom, type RoomMoment, roomAt, type WriterPace, writerPace} from "./entryRoom.ts";
import {isOfUse} from "./evidence.ts";
import type {FinalCheckpoint} from "./finality.ts";
import {fold} from "./fold.ts";
import {genesisParams, paramsAt} from "./governance.ts";
import {nearest} from "./lateCertificates.ts";
import type {Op} from "./op.ts";
import {lineTo, type ShownLine} from "./opLine.ts";
import type {LedgerParams} from "./params.ts";
import {committeeNow, coveredHeads} from "./register.ts";
import type {RestoredReplica} from "./replicaTypes.ts";
import {isResolved} from "./resolved.ts";
import type {LedgerState} from "./state.ts";
import {type Covered, placeWrites} from "./storedPlaces.ts";
import {checkpointWrites, entryWrites} from "./storeKeys.ts";
import type {VoteMoment} from "./voter.ts";

export type BookOptions = Pick<CutContext, "soundnessOf" | "prove"> & {readonly room: EntryRoom};

export type Taken = {
  readonly offered: Offered;
  readonly certified: readonly Op[];
  readonly writes: readonly Write[];
};

/** What follows from the last checkpoint: ends of the logs in its cut, and how far they may go. */
type Standing = {readonly ends: readonly Head[]; readonly room: RoomMoment};

const NOTHING_CLOSED: Closed = {unresolved: [], certificates: [], early: [], freed: []};

export class Book {
  readonly dag: Dag;
  readonly #options: BookOptions;
  #base: LedgerState;
  #final: FinalCheckpoint;
  #view: LedgerState;
  /** The epoch's votes in every entry here, for ops that no checkpoint applied. */
  #live: Tally;
  /** Votes inside the last checkpoint's cut, for ops that it did not apply. */
  #carried: Tally;
  /** Certified and not in the base. */
  readonly #certified = new Map<OpId, Op>();
  #blocked: readonly Op[] = [];
  /** Of the last checkpoint, while its epoch lasts. */
  #loads: Loads;
  readonly #applied = new AppliedOps();
  #viewVersion = 0;
  #standing: Standing;

  constructor(options: BookOptions, restored: RestoredReplica) {
    this.#options = options;
    this.dag = new Dag(
      (seat) => this.committee.has(seat),
      ({header}) => voteEpochOf(header, genesisParams(this.#base.governance)),
      ({header}) => roomAt(header.stampH, this.#standing.room),
      options.room,
    );
    this.#base = restored.base;
    this.#final = restored.checkpoint;
    this.#standing = this.#stand();
    this.#view = this.#base.fork();
    this.#loads = restored.loads.at(-1)?.[1] ?? new Map();
    this.#live = new Tally(this.committee);
    this.#carried = new Tally(this.committee);
    this.#carried.restore(restored.carried);
    this.#certify(this.#live.restore(restored.carried));
    const floorH = closedBelow(this.checkpoint, genesisParams(this.#base.governance));
    this.dag.restore({...restored, epoch: this.epoch, floorH, heads: this.#standing.ends});
    settle(this.#covered(), this.#base, new Map());
    for (const entry of restored.entries) this.take(entry);
  }

  get base(): LedgerState {
    return this.#base;
  }

  get view(): LedgerState {
    return this.#view;
  }

  /** Changes whenever the view does. */
  get viewVersion(): number {
    return this.#viewVersion;
  }

  get final(): FinalCheckpoint {
    return this.#final;
  }

  /** Of the next checkpoint: whose votes count now. */
  get committee(): Committee {
    return committeeNow(this.#base.register);
  }

  get checkpoint(): Checkpoint {
    return this.#final.checkpoint;
  }

  get tally(): Tally {
    return this.#live;
  }

  /** Certified ops that do not apply to the view: always none while fewer than 1/3 are bad. */
  get blocked(): readonly Op[] {
    return this.#blocked;
  }

  isOfUse(proof: Uint8Array): boolean {
    const proven = this.#options.prove(proof, this.#base.register);
    const height = this.checkpoint.height + 1n;
    return proven !== undefined && isOfUse(this.#base, proven, {height, params: this.params});
  }

  lineTo(id: OpId): ShownLine | undefined {
    const {dag, base, params} = this;
    return lineTo(id, {dag, base, params, height: this.checkpoint.height});
  }

  isCertified(id: OpId): boolean {
    return this.#certified.has(id) || this.isCheckpointed(id);
  }

  isCheckpointed(id: OpId): boolean {
    return this.#applied.has(id);
  }

  op(id: OpId): Op | undefined {
    return this.#applied.get(id) ?? this.#live.get(id)?.op;
  }

  cutContext(): CutContext {
    const {soundnessOf, prove} = this.#options;
    return {
      soundnessOf,
      prove,
      dag: this.dag,
      params: this.params,
      base: this.#base,
      carried: this.#carried,
      parent: this.#final.checkpoint,
      parentHash: this.#final.hash,
    };
  }

  /** What a vote of this moment rests on. */
  moment(): VoteMoment {
    return {view: this.#view, tally: this.#live, stampH: this.checkpoint.height, epoch: this.epoch};
  }

  /** The epoch of the next checkpoint: the one in which votes count now. */
  get epoch(): number {
    return voteEpochOf({stampH: this.checkpoint.height}, genesisParams(this.#base.governance));
  }

  /** In force for the next checkpoint. */
  get params(): LedgerParams {
    return paramsAt(this.#base.governance, this.epoch);
  }

  /** How fast a member may write. */
  paceOf(witness: number): WriterPace {
    const {ends, room} = this.#standing;
    const end = ends.find((head) => head.witness === witness);
    const covered = placeIn(this.epoch, end);
    return writerPace({written: placeIn(this.epoch, this.dag.head(witness)), covered}, room);
  }

  /** After each checkpoint. */
  #stand(): Standing {
    const {checkpointsPerEpoch} = genesisParams(this.#base.governance);
    return {
      ends: coveredHeads(this.checkpoint, this.#base.register),
      room: {...this.#options.room, checkpointsPerEpoch, height: this.checkpoint.height},
    };
  }

  /** Takes in an entry whose author was checked. */
  take(entry: Entry): Taken {
    return this.#taken(this.dag.offer(entry));
  }

  /** Takes in what was held back of a forked log, or of a witness that left, and a final checkpoint names. */
  takeNamed(heads: readonly Head[]): Taken {
    return this.#taken({kind: "ingested", nodes: this.dag.admitNamed(heads)});
  }

  #taken(offered: Offered): Taken {
    this.#applied.move();
    if (offered.kind !== "ingested") return {offered, certified: [], writes: []};
    const certified = this.#count(offered.nodes);
    this.#certify(certified);
    return {offered, certified, writes: entryWrites(offered.nodes, this.dag)};
  }

  /** Makes a final checkpoint the base. Void are then: other cuts on the old base, forks of the view. */
  adopt(cut: Cut, final: FinalCheckpoint): Adopted {
    for (const node of cut.nodes) node.isCovered = true;
    const {isLastOfEpoch} = cut.checkpoint;
    const useful = settle(this.#covered(), cut.state, cut.appliedById);
    const covered = coveredBy(cut, {useful, before: this.#loads, dag: this.dag});
    if (isLastOfEpoch) this.#settleEpoch();
    const writes = [
      ...checkpointWrites(cut, final, this.#covered()),
      ...placeWrites(cut, covered, this.params),
    ];
    const {epoch, committee} = this;
    this.#base = cut.state.commit();
    this.#final = final;
    this.#standing = this.#stand();
    this.#carried = cut.carried;
    this.#applied.adopt(cut.appliedById);
    const unseen = cut.applied.filter(({id}) => !this.#certified.delete(id)).map(({id}) => id);
    this.#live.drop((op) => isResolved(this.#base, op), cut.applied);
    for (const [id, op] of this.#certified) if (isResolved(this.#base, op)) this.#certified.delete(id);
    const closed = isLastOfEpoch ? this.#beginEpoch(epoch, committee) : this.#goOn(covered);
    this.dag.prune();
    this.#rebuildView();
    return {writes: [...writes, ...entryWrites(closed.freed, this.dag)], covered, unseen, ...closed};
  }

  /** Takes in what had waited to be judged by this cut. */
  #goOn({loads}: Covered): Closed {
    this.#loads = loads;
    return {...NOTHING_CLOSED, ...this.#freed(this.dag.noteLoads(this.checkpoint.height, loads))};
  }

  #freed(freed: readonly EntryNode[]): Pick<Closed, "early" | "freed"> {
    const early = this.#count(freed);
    for (const op of early) this.#certified.set(op.id, op);
    return {early: early.map(({id}) => id), freed};
  }

  /** Every vote of the epoch that ended is void; those of the new one that came early count now. */
  #beginEpoch(ended: number, committee: Committee): Closed {
    const {params} = this;
    const tally = this.#live;
    this.#loads = new Map();
    const left = nearest([...this.#certified.values()], this.#base);
    const certificates = makeCertificates(left, {dag: this.dag, epoch: ended, committee, params});
    const unresolved = [...tally.candidates()];
    this.#certified.clear();
    this.#blocked = [];
    this.#live = new Tally(this.committee);
    const freed = this.dag.beginEpoch(this.epoch, this.#standing.ends, this.checkpoint.height);
    return {unresolved, certificates, ...this.#freed(freed)};
  }

  #count(nodes: readonly EntryNode[]): Op[] {
    const context = {dag: this.dag, base: this.#base, params: this.params, epoch: this.epoch};
    return nodes.flatMap((node) => countVotes(this.#live, node, context));
  }

  /** Entries of the epoch that ends count for nothing more. */
  #settleEpoch(): void {
    const {params} = this;
    for (const node of this.dag.nodes()) {
      if (voteEpochOf(node.entry.header, params) <= this.epoch) node.isSettled = true;
    }
  }

  *#covered(): Generator<EntryNode> {
    for (const node of this.dag.nodes()) if (node.isCovered) yield node;
  }

  #certify(ops: readonly Op[]): void {
    if (ops.length === 0) return;
    for (const op of ops) this.#certified.set(op.id, op);
    this.#fold([...this.#blocked, ...ops]);
  }

  #rebuildView(): void {
    this.#view = this.#base.fork();
    this.#fold(this.#certified.values());
  }

  #fold(ops: Iterable<Op>): void {
    const {blocked} = fold(this.#view, ops, {height: this.checkpoint.height + 1n});
    this.#blocked = blocked.map(({op}) => op);
    this.#viewVersion += 1;
  }
}
