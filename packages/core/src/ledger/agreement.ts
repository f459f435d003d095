/**
 * Checkpoint agreement, height after height: one `Simplex` at a time, what comes early kept for the next
 * one, and final checkpoints from sync for nodes that missed the votes.
 */

import type {Signer} from "../ports/signer.ts";
import type {Hash, PeerId} from "../primitives/id.ts";
import {type Work, WorkBudget} from "../primitives/work.ts";
import type {Book} from "./book.ts";
import type {Checkpoint, Head} from "./checkpoint.ts";
import type {ConsensusMessage} from "./consensusCodec.ts";
import {heightOf, onlyHeight} from "./consensusHeights.ts";
import {beginCut, type Cut, type CutResult, dueMs, headsNow} from "./cut.ts";
import {type FinalCheckpoint, isProven} from "./finality.ts";
import {OwnWords} from "./ownWords.ts";
import {Pauses} from "./pauses.ts";
import type {SigningTable} from "./signingTable.ts";
import {Simplex} from "./simplex.ts";
import type {SimplexComponents, SimplexOutput} from "./simplexTypes.ts";

export type AgreementComponents = Omit<SimplexComponents, "host" | "committee" | "witness"> & {
  /** The key of a witness, member of the committee or not; `undefined` for a follower. */
  readonly signer: Signer | undefined;
  readonly book: Book;
  /** Units of work on checkpoints in one `advance`; what is left goes on in the next. */
  readonly workUnits: number;
  /** Δ at the pace in force. */
  readonly delayMs: () => number;
};

/** Final checkpoints ahead of ours that wait for entries. */
const INBOX_MAX = 512;
const EARLY_MAX = 128;
const CUTS_MAX = 16;
/** Cuts that are being computed at once: other leaders may propose others meanwhile. */
const BEGUN_MAX = 4;

type Received = {
  readonly final: FinalCheckpoint;
  readonly from: PeerId | undefined;
  readonly isProven: boolean;
};

export type AgreementOutput = SimplexOutput & {
  readonly cut: Cut | undefined;
  /** Something is missing here that others have. */
  readonly isBehind: boolean;
  /** Heads of a proven checkpoint that are not all here. */
  readonly named: readonly Head[];
  /** Sent a checkpoint whose proof did not hold when its turn came. */
  readonly liars: readonly (PeerId | undefined)[];
  /** An invariant broke. */
  readonly violation: string | undefined;
};

export class Agreement {
  readonly #components: AgreementComponents;
  #simplex: Simplex;
  /** Messages of the next height: others were faster. */
  #early: ConsensusMessage[] = [];
  readonly #inbox = new Map<bigint, Received>();
  /** Computed on the present base, or on the way, by what names them: their heads. */
  readonly #cuts = new Map<string, Cut>();
  readonly #begun = new Map<string, Work<Cut>>();
  /** What this node proposes while that is not computed. */
  #proposing: readonly Head[] | undefined;
  #budget = new WorkBudget(0);
  /** The last `advance` ended because its budget did. */
  #isBusy = false;
  readonly #pauses: Pauses;
  readonly #words: OwnWords;
  #isVoting = true;
  #isSigning = false;
  #violation: string | undefined;
  #liars: (PeerId | undefined)[] = [];

  constructor(components: AgreementComponents, table: Pick<SigningTable, "consensus" | "shortenedH">) {
    this.#components = components;
    this.#pauses = new Pauses(components.workUnits);
    this.#words = new OwnWords(table, components.book.checkpoint.height);
    this.#simplex = this.#begin();
  }

  get height(): bigint {
    return this.#simplex.height;
  }

  /** Signs nothing from now on. */
  stopVoting(): void {
    this.#isVoting = false;
    this.#simplex = this.#begin();
  }

  /** Signs again, and contradicts none of these own messages, which others heard. */
  goOnVoting(words: readonly ConsensusMessage[]): void {
    this.#isVoting = true;
    this.#words.add(words);
    this.#simplex = this.#begin();
  }

  /** What was heard from a witness at this height. */
  wordsOf(seat: number): ConsensusMessage {
    return this.#simplex.wordsOf(seat);
  }

  /** Every own message that binds this witness, with what it rests on. */
  signingRecords(): Uint8Array[] {
    return this.#words.records(this.#said(this.height));
  }

  /** While it is silent, what it said in earlier runs is no part of the `Simplex`. */
  #said(height: bigint): readonly ConsensusMessage[] {
    const isHere = this.#isSigning && this.#simplex.height === height;
    return isHere ? this.#simplex.recorded() : this.#words.at(height);
  }

  wakeMs(nowMs: number): number {
    return this.#isBusy ? nowMs + this.#pauses.leftMs(nowMs) : this.#simplex.wakeMs(nowMs);
  }

  /** False when a signature is wrong. `isAhead`: its sender knows checkpoints that are missing here. */
  receive(message: ConsensusMessage): {readonly isSound: boolean; readonly isAhead: boolean} {
    const now = onlyHeight(message, this.height);
    const next = onlyHeight(message, this.height + 1n);
    const isAhead = heightOf(message) > this.height;
    const hasNext = next.proposals.length + next.votes.length > 0;
    if (hasNext && this.#early.length < EARLY_MAX) this.#early.push(next);
    return {isSound: this.#simplex.receive(now), isAhead};
  }

  /**
   * Keeps a final checkpoint until its turn. False when its proof does not hold; that of a later epoch is
   * checked when its committee is known.
   */
  receiveFinal(final: FinalCheckpoint, from: PeerId | undefined): boolean {
    const {book} = this.#components;
    const {height, epoch} = final.checkpoint;
    const isNow = epoch === book.epoch;
    if (isNow && !this.#isProven(final)) return false;
    if (this.isWanted(height)) this.#inbox.set(height, {final, from, isProven: isNow});
    return true;
  }

  isWanted(height: bigint): boolean {
    const ahead = height - this.#components.book.checkpoint.height;
    return ahead >= 1n && ahead <= BigInt(INBOX_MAX) && !this.#inbox.has(height);
  }

  /** Everything that time, messages and entries allow, up to one decision: adopt it, then `next`. */
  advance(nowMs: number): AgreementOutput {
    const isPaused = this.#isBusy && this.#pauses.leftMs(nowMs) > 0;
    if (!this.#isBusy) this.#pauses.begin(nowMs);
    this.#isBusy = false;
    this.#budget = new WorkBudget(this.#components.workUnits);
    const inbox = this.#fromInbox();
    if (inbox !== undefined) return this.#output({...NOTHING, decided: inbox});
    const waiting = this.#inbox.get(this.#nextHeight())?.final.checkpoint.heads ?? [];
    if (isPaused) this.#budget = new WorkBudget(0);
    const output = this.#simplex.advance(nowMs);
    if (this.#isBusy && !isPaused) this.#pauses.pause(nowMs);
    if (output.isContradicted)
      this.#violation ??= "I6: a final checkpoint differs from what this node computes";
    return this.#output(output, waiting);
  }

  /** The book has adopted the decision. */
  next(): void {
    const adoptedH = this.#nextHeight() - 1n;
    this.#cuts.clear();
    this.#begun.clear();
    this.#proposing = undefined;
    for (const height of this.#inbox.keys()) if (height <= adoptedH) this.#inbox.delete(height);
    this.#words.adopted(adoptedH, this.#said(adoptedH));
    this.#simplex = this.#begin();
    const early = this.#early;
    this.#early = [];
    // Their signatures are checked now; a wrong one is dropped, its sender is long gone.
    for (const message of early) this.#simplex.receive(message);
  }

  #begin(): Simplex {
    const {book, delayMs, signer, verifier, genesisHash} = this.#components;
    const {committee} = book;
    const height = this.#nextHeight();
    const maySign = this.#isVoting && this.#words.isKnownAt(height);
    const index = signer && maySign ? committee.seatOf(signer.publicKey) : undefined;
    const witness = signer === undefined || index === undefined ? undefined : {index, signer};
    this.#isSigning = witness !== undefined;
    const recorded = this.#words.at(height);
    const host = {
      propose: () => this.#propose(),
      judge: (checkpoint: Checkpoint, hash: Hash) => this.#judge(checkpoint, hash),
    };
    return new Simplex(
      {committee, verifier, genesisHash, witness, host},
      {height, dueMs: dueMs({parent: book.checkpoint, params: book.params}), delayMs: delayMs(), recorded},
    );
  }

  #nextHeight(): bigint {
    return this.#components.book.checkpoint.height + 1n;
  }

  #propose(): Checkpoint | undefined {
    this.#proposing ??= headsNow(this.#components.book.cutContext());
    const result = this.#compute(this.#proposing);
    // Other heads may do better than these, but not than those that are being computed.
    if (result !== undefined) this.#proposing = undefined;
    return result?.kind === "cut" && this.#isApplicable(result.cut) ? result.cut.checkpoint : undefined;
  }

  #judge(checkpoint: Checkpoint, hash: Hash): "valid" | "invalid" | "wait" {
    const result = this.#compute(checkpoint.heads);
    if (result === undefined) return "wait";
    if (result.kind !== "cut") return result.kind;
    return this.#isApplicable(result.cut) && result.cut.hash === hash ? "valid" : "invalid";
  }

  /** The checkpoint of these heads; `undefined` while it is being computed. */
  #compute(heads: readonly Head[]): CutResult | undefined {
    const key = nameOf(heads);
    const known = this.#cuts.get(key);
    if (known !== undefined) return {kind: "cut", cut: known};
    let work = this.#begun.get(key);
    if (work === undefined) {
      const begun = beginCut(this.#components.book.cutContext(), heads);
      if (begun.kind !== "begun") return begun;
      work = begun.work;
    }
    const done = this.#budget.spend(work);
    if (done === undefined) {
      this.#isBusy = true;
      keepLatest(this.#begun, key, work, BEGUN_MAX);
      return undefined;
    }
    this.#begun.delete(key);
    keepLatest(this.#cuts, key, done.value, CUTS_MAX);
    return {kind: "cut", cut: done.value};
  }

  /** I5: what is certified in a cut applies. */
  #isApplicable({blocked}: Cut): boolean {
    if (blocked.length === 0) return true;
    this.#violation ??= `I5: certified op does not apply (${blocked[0]?.reason ?? ""})`;
    return false;
  }

  #fromInbox(): FinalCheckpoint | undefined {
    const height = this.#nextHeight();
    const received = this.#inbox.get(height);
    if (received === undefined) return undefined;
    const {final, from} = received;
    if (!received.isProven && !this.#isProven(final)) {
      this.#inbox.delete(height);
      this.#liars.push(from);
      return undefined;
    }
    this.#inbox.set(height, {...received, isProven: true});
    const verdict = this.#judge(final.checkpoint, final.hash);
    if (verdict === "invalid")
      this.#violation ??= "I6: a proven checkpoint differs from what this node computes";
    return verdict === "valid" ? final : undefined;
  }

  #isProven(final: FinalCheckpoint): boolean {
    const {book, verifier, genesisHash} = this.#components;
    return isProven(final, {committee: book.committee, verifier, genesisHash});
  }

  #output(output: SimplexOutput, named: readonly Head[] = []): AgreementOutput {
    const {decided} = output;
    const cut = decided === undefined ? undefined : this.#cuts.get(nameOf(decided.checkpoint.heads));
    const liars = this.#liars;
    this.#liars = [];
    const isBehind = decided === undefined && !this.#isBusy && (this.#inbox.size > 0 || liars.length > 0);
    const {signed, recorded, repeated, isContradicted} = output;
    const violation = this.#violation;
    // Written out: every message and tick ends here, and a spread of two shapes costs more than all else of it.
    return {signed, recorded, repeated, decided, isContradicted, cut, isBehind, named, liars, violation};
  }
}

const NOTHING: SimplexOutput = {
  ...{signed: [], recorded: [], repeated: []},
  ...{decided: undefined, isContradicted: false},
};

function nameOf(heads: readonly Head[]): string {
  return heads.map(({witness, n, hash}) => `${witness}/${n}/${hash}`).join();
}

/** Puts it last, and lets the first ones go where there are too many. */
function keepLatest<Value>(map: Map<string, Value>, key: string, value: Value, sizeMax: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= sizeMax) return;
    map.delete(oldest);
  }
}
