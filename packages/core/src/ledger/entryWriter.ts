/**
 * Writes a witness's own log: which votes go into the next entry, and when one is worth writing. An entry
 * links to everything this node holds, so every vote rests on its causal past only.
 */
import {LIMITS} from "@catalyze/proto/limits";
import type {Signer} from "../ports/signer.ts";
import type {Book} from "./book.ts";
import {CarriedVotes} from "./carriedVotes.ts";
import {ZERO_HASH} from "./cell.ts";
import {type Head, isLastOfEpoch, voteEpochOf} from "./checkpoint.ts";
import {dueMs} from "./cut.ts";
import type {EntryNode} from "./dag.ts";
import {type Ack, type Entry, linksOf} from "./entry.ts";
import {carriedBytes, ENTRY_OPS_MAX, signEntry} from "./entryCodec.ts";
import {nextNumber} from "./entryNumber.ts";
import type {Liars} from "./liars.ts";
import type {Op} from "./op.ts";
import type {Pool, PoolItem} from "./pool.ts";
import type {VoteRefusal} from "./voteRules.ts";
import type {SlotVote, VoteMoment, Voter} from "./voter.ts";

export type EntryWriterComponents = {
  readonly book: Book;
  readonly pool: Pool;
  readonly voter: Voter;
  readonly liars: Liars;
  readonly signer: Signer;
  /** Own seat. */
  readonly witness: number;
  readonly network: number;
  readonly genesisHash: Uint8Array;
  /** Only in simulations: see `ReplicaComponents`. */
  readonly isForker: boolean;
};

export type Written = {
  readonly entry: Entry | undefined;
  readonly votes: readonly SlotVote[];
  /** Ops given up: nothing came that would make them votable. */
  readonly refused: readonly Refused[];
};

type Refused = {readonly item: PoolItem; readonly refusal: VoteRefusal};

/** Followers hear entries by gossip, so an own entry never outgrows a gossip message. */
const OWN_BYTES_MAX = LIMITS.gossipBytesMax - 16 * 1024;
const OWN_ACKS_MAX = 64;
/** Room for acks with every exception: the rest is for ops. */
const CARRY_BYTES_MAX = OWN_BYTES_MAX - OWN_ACKS_MAX * (34 + 2 * ENTRY_OPS_MAX) - 4_096;
/** Pool items looked at for one entry. */
const TRIES_MAX = 2 * ENTRY_OPS_MAX;
/**
 * An entry costs every node about as much as 16 votes. Where members answer each other and there are more to
 * give, the next one waits twice as long, and then brings twice as many; where there are very many, three times.
 */
const BUSY_VOTES = 16;
const VERY_BUSY_VOTES = 128;

export class EntryWriter {
  readonly #components: EntryWriterComponents;
  /** Entries of others with ops that this witness has not looked at. */
  readonly #unanswered = new Set<EntryNode>();
  /** Entries on side branches of forked logs that no other entry here links to: no head names them. */
  readonly #sideTips = new Set<EntryNode>();
  /** What own entries have linked to. */
  readonly #linked = new Map<number, bigint>();
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Until the next one, by what the last one brought. */
  #intervals = 1;
  #last: Entry | undefined;

  constructor(components: EntryWriterComponents) {
    this.#components = components;
    for (const node of components.book.dag.nodes()) this.saw(node);
  }

  /** An entry came in, own ones included. */
  saw(node: EntryNode): void {
    const {header, carry, acks} = node.entry;
    this.#noteSideTip(node);
    if (header.witness !== this.#components.witness) {
      if (carry.length > 0 && !node.isCovered && this.#isOfEpoch(node)) this.#unanswered.add(node);
      return;
    }
    for (const {hash} of acks) {
      const acked = this.#components.book.dag.node(hash);
      if (acked !== undefined) this.#unanswered.delete(acked);
    }
    for (const {witness, n} of header.refs) this.#linked.set(witness, n);
    if (this.#last === undefined || this.#last.header.n < header.n) this.#last = node.entry;
  }

  /** Votes of the epoch that ended are void: what was not answered then is carried anew, or not at all. */
  beganEpoch(): void {
    this.#components.liars.beganEpoch();
    this.#unanswered.clear();
    this.#sideTips.clear();
    for (const node of this.#components.book.dag.nodes()) this.saw(node);
  }

  #isOfEpoch({entry}: EntryNode): boolean {
    const {book} = this.#components;
    return voteEpochOf(entry.header, book.params) === book.epoch;
  }

  /** This witness has said its last word in this epoch. */
  #isSealed(): boolean {
    const {book} = this.#components;
    return this.#last?.header.isSeal === true && voteEpochOf(this.#last.header, book.params) === book.epoch;
  }

  #noteSideTip(node: EntryNode): void {
    for (const hash of linksOf(node.entry)) {
      const linked = this.#components.book.dag.node(hash);
      if (linked !== undefined) this.#sideTips.delete(linked);
    }
    const isOthers = node.entry.header.witness !== this.#components.witness;
    if (isOthers && !node.isMain && !node.isCovered) this.#sideTips.add(node);
  }

  /** When an entry should be written at the earliest; `Infinity` while there is nothing to say. */
  wantsMs(): number {
    const {pool, book, witness} = this.#components;
    const mayCarry = this.#carryRoom() > 0;
    if (this.#isSealed() || !book.committee.has(witness)) return Number.POSITIVE_INFINITY;
    const hasWork = this.#unanswered.size > 0 || this.#sideTips.size > 0 || (mayCarry && pool.hasFresh);
    const retryMs = mayCarry ? pool.retryMs : Number.POSITIVE_INFINITY;
    const workMs = hasWork ? Number.NEGATIVE_INFINITY : retryMs;
    const pace = book.paceOf(witness);
    return Math.min(
      Math.max(workMs, this.#afterLastMs(Math.max(pace.votes, this.#intervals))),
      Math.max(this.#stampMs(), this.#afterLastMs(pace.stamps)),
    );
  }

  /** No log grows without end: its writer slows down, and then waits for a checkpoint (`entryRoom.ts`). */
  #afterLastMs(pace: number): number {
    const {entryIntervalMs} = this.#components.book.params;
    return Number.isFinite(pace) ? this.#lastMs + entryIntervalMs * pace : Number.POSITIVE_INFINITY;
  }

  /** The next entry, or none when there is nothing to vote for and no stamp to give. */
  write(nowMs: number): Written {
    const moment = this.#components.book.moment();
    const votes: SlotVote[] = [];
    const acks = this.#acks(moment, votes, nowMs);
    const {carry, refused} = this.#carry(moment, votes, nowMs);
    const isWorthIt = carry.length > 0 || acks.length > 0 || nowMs >= this.#stampMs();
    if (!isWorthIt) return {entry: undefined, votes, refused};
    this.#lastMs = nowMs;
    this.#intervals = acks.length === 0 ? 1 : intervalsAfter(votes.length);
    return {entry: this.#entry({carry, acks}, nowMs), votes, refused};
  }

  /** A checkpoint needs a fresh stamp and time of every witness, once each. */
  #stampMs(): number {
    const {book} = this.#components;
    const due = dueMs({parent: book.checkpoint, params: book.params});
    const header = this.#last?.header;
    const isStamped =
      header !== undefined && header.stampH === book.checkpoint.height && header.timeMs >= due;
    return isStamped ? Number.POSITIVE_INFINITY : due;
  }

  #acks(moment: VoteMoment, votes: SlotVote[], nowMs: number): Ack[] {
    const acks: Ack[] = [];
    const carried = new CarriedVotes(this.#components, {moment, votes, nowMs});
    for (const node of new Set([...this.#unanswered, ...this.#openSideTips()])) {
      if (acks.length >= OWN_ACKS_MAX) break;
      this.#unanswered.delete(node);
      const {hash, carry} = node.entry;
      const exceptions = carried.exceptionsTo(node.entry);
      // A side tip is linked to even without a vote: what is here must be in the past of what is written.
      if (exceptions.length < carry.length || this.#sideTips.has(node)) acks.push({hash, exceptions});
    }
    return acks;
  }

  #openSideTips(): Iterable<EntryNode> {
    for (const node of this.#sideTips) if (node.isCovered) this.#sideTips.delete(node);
    return this.#sideTips;
  }

  #carry(moment: VoteMoment, votes: SlotVote[], nowMs: number): {carry: Op[]; refused: Refused[]} {
    const {pool} = this.#components;
    const carry: Op[] = [];
    const refused: Refused[] = [];
    let room = Math.min(this.#carryRoom(), CARRY_BYTES_MAX);
    if (room === 0) return {carry, refused};
    const queue = pool.take(nowMs, TRIES_MAX).reverse();
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
      if (pool.get(item.op.id) === undefined) continue;
      const size = carriedBytes(item.op);
      if (carry.length >= ENTRY_OPS_MAX || size > room) {
        pool.putBack(item);
        continue;
      }
      const refusal = this.#voteOwn(item, moment, votes);
      if (refusal !== undefined) {
        const isOver = refusal !== "voted" && !this.#mayComeLater(item, refusal, nowMs);
        if (isOver) refused.push({item, refusal});
        continue;
      }
      carry.push(item.op);
      room -= size;
      // What waited for this one may go at once.
      const next = pool.next(item.op);
      if (next !== undefined) queue.push(next);
    }
    return {carry, refused};
  }

  /** Bytes of ops; 0 until the next checkpoint where there are too many. */
  #carryRoom(): number {
    const {book, witness} = this.#components;
    return book.dag.ownCarryRoom(witness, book.checkpoint.height);
  }

  #mayComeLater(item: PoolItem, refusal: VoteRefusal, nowMs: number): boolean {
    const {pool} = this.#components;
    if (refusal.isTemporary) return pool.postpone(item, refusal, nowMs);
    pool.remove(item.op.id);
    return false;
  }

  #voteOwn({op}: PoolItem, moment: VoteMoment, votes: SlotVote[]): VoteRefusal | "voted" | undefined {
    const {voter, pool} = this.#components;
    if (voter.votedAt(moment.epoch, op.body) === op.id) {
      pool.remove(op.id);
      return "voted";
    }
    const refusal = voter.refusal(op, moment);
    if (refusal !== undefined) return refusal;
    votes.push(voter.vote(op, moment));
    pool.remove(op.id);
    return undefined;
  }

  #entry(
    {carry, acks}: {readonly carry: readonly Op[]; readonly acks: readonly Ack[]},
    nowMs: number,
  ): Entry {
    const {book, signer, witness, network, genesisHash} = this.#components;
    const head = book.dag.head(witness);
    const {height} = book.checkpoint;
    const header = {
      network,
      epoch: book.checkpoint.epoch,
      witness,
      n: nextNumber(head, book.epoch),
      prev: head?.hash ?? ZERO_HASH,
      stampH: height,
      stampHash: book.final.hash,
      timeMs: Math.max(nowMs, this.#last?.header.timeMs ?? 0),
      isSeal:
        isLastOfEpoch(height + 1n, book.params.checkpointsPerEpoch) &&
        nowMs >= dueMs({parent: book.checkpoint, params: book.params}),
      refs: this.#refs(),
    };
    return signEntry({header, carry, acks}, signer, genesisHash);
  }

  #refs(): Head[] {
    const {book, witness} = this.#components;
    return book.dag
      .heads()
      .filter((head) => head.witness !== witness && book.committee.has(head.witness))
      .filter((head) => head.n > (this.#linked.get(head.witness) ?? 0n));
  }
}

function intervalsAfter(votes: number): number {
  if (votes >= VERY_BUSY_VOTES) return 3;
  return votes >= BUSY_VOTES ? 2 : 1;
}
