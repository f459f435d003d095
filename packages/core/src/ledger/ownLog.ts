/**
 * This witness's own log: writes entries, records what they sign, and takes up after a restart where the
 * signing table ends. What the table has and the store has not was never sent, or can be sent again. What
 * others have and the table has not was forgotten: see `recovery.ts`. When that shows up later on, the key is
 * used twice: then it stops.
 */
import type {Hash} from "../primitives/id.ts";
import type {Book, Taken} from "./book.ts";
import type {ConsensusMessage} from "./consensusCodec.ts";
import type {EntryNode} from "./dag.ts";
import type {Effect} from "./effects.ts";
import type {Entry} from "./entry.ts";
import {decodeEntry} from "./entryCodec.ts";
import {epochOfEntry, placeIn} from "./entryNumber.ts";
import {EntryWriter, type EntryWriterComponents} from "./entryWriter.ts";
import {Recovery, type RecoveryComponents, type Testimony} from "./recovery.ts";
import {rejected} from "./rejection.ts";
import {encodeSigningRecord, voteRecords} from "./signingRecord.ts";

export type OwnLogComponents = EntryWriterComponents &
  Pick<RecoveryComponents, "verifier" | "hasForgotten"> & {
    /** No entry is signed on a checkpoint below this height: see `SigningTable`. */
    readonly shortenedH: bigint;
  };

/** From now on this witness signs again. */
export type Regained = {
  readonly effects: readonly Effect[];
  /** What others heard it say on checkpoints: binds it still. */
  readonly words: readonly ConsensusMessage[];
};

export class OwnLog {
  readonly #components: OwnLogComponents;
  readonly #writer: EntryWriter;
  readonly #recovery: Recovery;
  /** Entries of earlier runs, ascending, which the graph lacked when last looked at. */
  #unplaced: readonly Entry[];
  /** Numbers and hashes of own entries that this node remembers signing. */
  readonly #hashes = new Map<bigint, Hash>();
  #last: Entry | undefined;

  constructor(components: OwnLogComponents, signed: readonly Entry[]) {
    this.#components = components;
    this.#unplaced = [...signed].sort((left, right) => (left.header.n < right.header.n ? -1 : 1));
    for (const entry of this.#unplaced) this.#remember(entry);
    this.#writer = new EntryWriter(components);
    this.#recovery = new Recovery({...components, isUnknown: (entry) => this.#isUnknown(entry)});
  }

  /** It signs nothing yet. */
  get isSilent(): boolean {
    return !this.#components.isForker && !this.#recovery.isOver;
  }

  /** It has forgotten what it signed. */
  get isRecovering(): boolean {
    return this.isSilent && this.#recovery.hasForgotten;
  }

  /** It writes nothing before its database has what it signed. */
  get isCatchingUp(): boolean {
    return !this.isSilent && !this.#isReady();
  }

  /** False when it names words of ours that are none. */
  hear(testimony: Testimony): boolean {
    return this.#recovery.hear(testimony);
  }

  /** Ends the silence when its time has come. */
  regain(nowMs: number): Regained | undefined {
    const outcome = this.#recovery.advance(nowMs);
    if (outcome === undefined) return undefined;
    const {words} = this.#recovery;
    const records = words.map((message) => encodeSigningRecord({kind: "consensus", message}));
    const recalled = outcome === "forgot" ? this.#recall() : [];
    return {effects: [...recalled, ...records.map((record): Effect => ({kind: "sign", record}))], words};
  }

  /** Takes its log, and the votes in it that still count, from what the others had of it. */
  #recall(): Effect[] {
    const {book, witness, voter} = this.#components;
    for (const {entry, isMain} of book.dag.nodes()) {
      if (isMain && entry.header.witness === witness) this.#remember(entry);
    }
    const bit = book.committee.bitOf(witness);
    const ops = [...book.tally.candidates()].filter(({mask}) => (mask & bit) !== 0).map(({op}) => op);
    const votes = ops.map(({id, body}) => ({epoch: book.epoch, cell: body.cell, seq: body.seq, opId: id}));
    voter.recall(votes);
    const last = this.#last;
    const entries = last === undefined ? [] : [encodeSigningRecord({kind: "entry", entry: last, votes: []})];
    const records = [...entries, ...voteRecords(votes)];
    return records.map((record) => ({kind: "sign", record}));
  }

  /** What a restart has to do first. */
  start(): Effect[] {
    const {book} = this.#components;
    const unstored = this.#unplaced.filter(({hash}) => !book.dag.isKnown(hash));
    const effects = unstored.flatMap(({bytes}) => effectsOf(this.#take(decodeEntry(bytes), book)));
    const last = this.#unplaced.at(-1);
    // It may never have left; a copy too many does no harm.
    if (last !== undefined) effects.push({kind: "broadcast", what: "entry", bytes: last.bytes});
    return effects;
  }

  /** Entries came in. Returns a problem when one is ours and unknown to us. */
  saw(nodes: readonly EntryNode[]): string | undefined {
    const {witness} = this.#components;
    for (const node of nodes) this.#writer.saw(node);
    const own = nodes.map(({entry}) => entry).filter(({header}) => header.witness === witness);
    const isTwice = this.#recovery.isOver && own.some((entry) => this.#isUnknown(entry));
    return isTwice && !this.#components.isForker
      ? "I7: an own entry that this node does not remember: its key is used twice"
      : undefined;
  }

  beganEpoch(): void {
    const {book} = this.#components;
    for (const n of this.#hashes.keys()) if (epochOfEntry(n) < book.epoch) this.#hashes.delete(n);
    this.#writer.beganEpoch();
  }

  /** Numbers far below the last one were forgotten with their records. */
  #isUnknown({header, hash}: Entry): boolean {
    const known = this.#hashes.get(header.n);
    if (known !== undefined) return known !== hash;
    return this.#last === undefined || header.n > this.#last.header.n;
  }

  wantsMs(nowMs: number): number {
    if (this.isSilent) return this.#recovery.wakeMs(nowMs);
    return this.#isReady() ? this.#writer.wantsMs() : Number.POSITIVE_INFINITY;
  }

  /** Writes the next entry when one is due. `nodes` are those taken in. */
  write(nowMs: number): {readonly effects: Effect[]; readonly taken: Taken | undefined} {
    if (this.isSilent || nowMs < this.wantsMs(nowMs)) return {effects: [], taken: undefined};
    const {entry, votes, refused} = this.#writer.write(nowMs);
    const effects: Effect[] = refused.map(({item, refusal}) =>
      rejected({code: refusal.code, reason: refusal.reason, op: item.op.id, from: undefined}),
    );
    if (entry === undefined) return {effects, taken: undefined};
    this.#remember(entry);
    effects.push({kind: "sign", record: encodeSigningRecord({kind: "entry", entry, votes})});
    const taken = this.#take(entry, this.#components.book);
    effects.push(
      ...storeOf(taken),
      {kind: "broadcast", what: "entry", bytes: entry.bytes},
      ...certifiedOf(taken),
    );
    return {effects, taken};
  }

  /**
   * What was signed and waits for something that it links to. Perhaps it is nowhere else: where several members
   * lost their databases, each has in its signing table what the others' entries wait for, and must show it.
   */
  unplaced(): readonly Entry[] {
    const {dag, epoch} = this.#components.book;
    const isWaiting = ({header, hash}: Entry) => epochOfEntry(header.n) >= epoch && !dag.has(hash);
    this.#unplaced = this.#unplaced.filter(isWaiting);
    return this.#unplaced;
  }

  /** What binds this witness still, and those of its entries that perhaps nobody else has. */
  signingRecords(): Uint8Array[] {
    const {book, voter} = this.#components;
    // What others have and the table has not shows after each restart that this was forgotten, until it is recalled.
    const own = [...book.dag.nodes()].filter(({entry}) => this.#hashes.get(entry.header.n) === entry.hash);
    const uncovered = own.filter(({isCovered}) => !isCovered).map(({entry}) => entry);
    const last = this.#last === undefined ? [] : [this.#last];
    const entries = new Map([...uncovered, ...this.unplaced(), ...last].map((entry) => [entry.hash, entry]));
    const records = [...entries.values()].map((entry) =>
      encodeSigningRecord({kind: "entry", entry, votes: []}),
    );
    return [...voteRecords(voter.votes()), ...records];
  }

  /** Nothing new is signed before every entry signed so far is here. */
  #isReady(): boolean {
    const {book, witness, isForker, shortenedH} = this.#components;
    if (isForker) return true;
    const {height} = book.checkpoint;
    const last = this.#last;
    const head = book.dag.head(witness);
    const signed = last !== undefined && epochOfEntry(last.header.n) >= book.epoch ? last.hash : undefined;
    const here = placeIn(book.epoch, head) === 0n ? undefined : head?.hash;
    // After a crash the store may be behind the last entry's stamp: what that sealed must stay sealed.
    return here === signed && height >= shortenedH && height >= (last?.header.stampH ?? 0n);
  }

  #take(entry: Entry, book: Book): Taken {
    const taken = book.take(entry);
    if (taken.offered.kind === "ingested") for (const node of taken.offered.nodes) this.#writer.saw(node);
    return taken;
  }

  #remember(entry: Entry): void {
    this.#hashes.set(entry.header.n, entry.hash);
    if (this.#last === undefined || this.#last.header.n < entry.header.n) this.#last = entry;
    this.#hashes.delete(entry.header.n - 10_000n);
  }
}

/** Store first, then what is told. */
export function effectsOf(taken: Taken): Effect[] {
  return [...storeOf(taken), ...certifiedOf(taken)];
}

function storeOf({writes}: Taken): Effect[] {
  return writes.length === 0 ? [] : [{kind: "store", writes}];
}

function certifiedOf({certified}: Taken): Effect[] {
  return certified.length === 0 ? [] : [{kind: "certified", ops: certified.map(({id}) => id)}];
}
