/**
 * What a witness does before it signs (reference/ledger 11.3). A restored backup or a lost signing table is the
 * classic way to sign one slot twice, so at each start it first hears from members of a quorum, itself counted,
 * how far they have its log. Without a quorum nothing would be certified anyway: this costs no liveness.
 *
 * An answer counts while its peer is in the same epoch as we: of other epochs it has no entry in its graph.
 *
 * When they have what its signing table does not know, it has forgotten what it signed, and says nothing
 *   - until that epoch and a whole one after it have closed: then every vote that it forgot is void, and no number
 *     of an entry is signed again; or
 *   - where the network stands still, perhaps for want of its vote, until every other member has said what it
 *     has: then nothing that anybody honest heard is unknown to it. Where some never answer, a quorum does after
 *     a longer while: one that is gone for good must not stop the network for good.
 * After that it takes up its log where it ends, and each vote in there binds it again.
 */
import type {SignatureVerifier} from "../ports/signer.ts";
import {toHex} from "../primitives/bytes.ts";
import type {Book} from "./book.ts";
import type {Head} from "./checkpoint.ts";
import {type ConsensusMessage, verifyProposal, verifyVote} from "./consensusCodec.ts";
import type {Entry} from "./entry.ts";
import {seatKeys} from "./register.ts";

/** What a peer says that was asked. */
export type Testimony = {
  /** In which its next checkpoint is. */
  readonly epoch: number;
  /** Of the peer; none for a follower. */
  readonly seats: readonly number[];
  /** The last entry of our log that it holds. */
  readonly head: Head | undefined;
  /** What it heard from us on the checkpoint that is next for it. */
  readonly words: ConsensusMessage;
};

export type RecoveryComponents = {
  readonly book: Book;
  readonly verifier: SignatureVerifier;
  readonly genesisHash: Uint8Array;
  /** Own seat. */
  readonly witness: number;
  /** This home signed before, and what it signed is not here: even alone it has to hear from somebody. */
  readonly hasForgotten: boolean;
  /** Whether the signing table lacks this own entry. */
  readonly isUnknown: (entry: Entry) => boolean;
};

/** To be closed: the first of them is the one in which it found out. */
const CLOSED_EPOCHS = 2;
/** In the place of a follower's seat. */
const NO_SEAT = -1;
/** How long those beyond a quorum may take to answer: one of them may have what nobody else has. */
const PATIENCE_MS = 2_000;
/** Intervals of checkpoints without one, after which the answers of all, or of a quorum, will do. */
const STANDSTILL = {all: 10, quorum: 60};
/** Each of our words is told by every member; a liar cannot add to them. */
const WORDS_MAX = 256;

export class Recovery {
  readonly #components: RecoveryComponents;
  /** By seat of the peer. */
  readonly #heard = new Map<number, Pick<Testimony, "epoch" | "head">>();
  #words: ConsensusMessage[] = [];
  /** Signatures of those, so that none is checked twice. */
  readonly #known = new Set<string>();
  #phase: "asks" | "waits" | "over" = "asks";
  /** In which it found out that it has forgotten. */
  #epoch = 0;
  /** When a quorum had answered. */
  #answeredMs = Number.POSITIVE_INFINITY;
  /** Of the checkpoint that was final when the network was last seen to move. */
  #height = -1n;
  #movedMs = Number.POSITIVE_INFINITY;

  constructor(components: RecoveryComponents) {
    this.#components = components;
  }

  get isOver(): boolean {
    return this.#phase === "over";
  }

  /** It knows that, and waits. */
  get hasForgotten(): boolean {
    return this.#phase === "waits";
  }

  /** Own messages on checkpoints that others heard. */
  get words(): readonly ConsensusMessage[] {
    return this.#words;
  }

  /** False when a word is none of ours: then nothing of it counts. */
  hear({seats, epoch, head, words}: Testimony): boolean {
    if (this.isOver) return true;
    const own = this.#ownWords(words);
    if (own === undefined) return false;
    for (const seat of seats.length === 0 ? [NO_SEAT] : seats) this.#heard.set(seat, {epoch, head});
    if (own.proposals.length + own.votes.length > 0 && this.#words.length < WORDS_MAX) this.#words.push(own);
    return true;
  }

  /** Says once that this witness may sign from now on, and whether it had forgotten anything. */
  advance(nowMs: number): "knew" | "forgot" | undefined {
    if (this.#phase === "asks" && this.#isAnswered(nowMs)) {
      this.#phase = this.#hasLost() ? "waits" : "over";
      this.#epoch = this.#components.book.epoch;
      if (this.isOver) return "knew";
    }
    if (this.#phase !== "waits") return undefined;
    this.#watch(nowMs);
    if (!this.#wasSilent() && !this.#knowsAll(nowMs)) return undefined;
    this.#phase = "over";
    return "forgot";
  }

  /** When `advance` is useful next, if nothing arrives before. */
  wakeMs(nowMs: number): number {
    const times =
      this.#phase === "asks"
        ? [this.#answeredMs + PATIENCE_MS]
        : [this.#stillMs(STANDSTILL.all), this.#stillMs(STANDSTILL.quorum)];
    return Math.min(...times.filter((atMs) => atMs > nowMs));
  }

  #isAnswered(nowMs: number): boolean {
    const isAnyone = [...this.#heard.keys()].some((seat) => this.#hasAnswered(seat));
    if (!this.#hasQuorumAnswered() || (this.#components.hasForgotten && !isAnyone)) return false;
    this.#answeredMs = Math.min(this.#answeredMs, nowMs);
    return nowMs >= this.#answeredMs + PATIENCE_MS || this.#haveAllAnswered();
  }

  /** What a peer names counts once it is here too: nobody can make an entry of ours up. */
  #hasAnswered(seat: number): boolean {
    const {book, witness} = this.#components;
    const heard = this.#heard.get(seat);
    if (seat === witness || heard?.epoch !== book.epoch) return false;
    return heard.head === undefined || book.dag.remembers(heard.head.hash);
  }

  /** This witness among them. */
  #hasQuorumAnswered(): boolean {
    const {members, quorum} = this.#components.book.committee;
    const counted = members.filter(({seat}) => seat === this.#components.witness || this.#hasAnswered(seat));
    return counted.reduce((sum, {weight}) => sum + weight, 0) >= quorum;
  }

  #haveAllAnswered(): boolean {
    const {book, witness} = this.#components;
    return book.committee.members.every(({seat}) => seat === witness || this.#hasAnswered(seat));
  }

  #hasLost(): boolean {
    const last = this.#last();
    return last !== undefined && this.#components.isUnknown(last);
  }

  #last(): Entry | undefined {
    const {book, witness} = this.#components;
    const head = book.dag.head(witness);
    return head && book.dag.node(head.hash)?.entry;
  }

  #wasSilent(): boolean {
    return this.#components.book.epoch >= this.#epoch + CLOSED_EPOCHS;
  }

  /** What was heard before the network moved says nothing about what came after. */
  #watch(nowMs: number): void {
    const {height} = this.#components.book.checkpoint;
    if (height === this.#height) return;
    this.#heard.clear();
    this.#height = height;
    this.#movedMs = nowMs;
  }

  #knowsAll(nowMs: number): boolean {
    if (nowMs >= this.#stillMs(STANDSTILL.quorum)) return this.#hasQuorumAnswered();
    return nowMs >= this.#stillMs(STANDSTILL.all) && this.#haveAllAnswered();
  }

  #stillMs(intervals: number): number {
    return this.#movedMs + intervals * this.#components.book.params.checkpointIntervalMs;
  }

  /** Those of ours that are new here; the first that we did not sign ends the look at them. */
  #ownWords({proposals, votes}: ConsensusMessage): ConsensusMessage | undefined {
    const {book, witness, verifier, genesisHash} = this.#components;
    const keys = {committee: seatKeys(book.base.register), verifier, genesisHash};
    const isNew = (each: {readonly witness: number; readonly signature: Uint8Array}) => {
      const name = toHex(each.signature);
      if (each.witness !== witness || this.#known.has(name)) return false;
      this.#known.add(name);
      return true;
    };
    const own = {proposals: proposals.filter(isNew), votes: votes.filter(isNew)};
    const areOurs =
      own.proposals.every((each) => verifyProposal(keys, each).valid) &&
      own.votes.every((each) => verifyVote(keys, each).valid);
    if (areOurs) return own;
    for (const {signature} of [...own.proposals, ...own.votes]) this.#known.delete(toHex(signature));
    return undefined;
  }
}
