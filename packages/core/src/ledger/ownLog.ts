/**
 * This witness's own log: writes entries, records what they sign, and takes up after a restart where the
 * signing table ends. What the table has and the store has not was never sent, or can be sent again; what
 * others have and the table has not means that the table is old or the key is used twice: then it stops.
 */
import type {Hash} from "../primitives/id.ts";
import type {Book, Taken} from "./book.ts";
import type {EntryNode} from "./dag.ts";
import type {Effect} from "./effects.ts";
import type {Entry} from "./entry.ts";
import {decodeEntry} from "./entryCodec.ts";
import {EntryWriter, type EntryWriterComponents} from "./entryWriter.ts";
import {rejected} from "./rejection.ts";
import {encodeSigningRecord, voteRecords} from "./signingRecord.ts";

export class OwnLog {
  readonly #components: EntryWriterComponents;
  readonly #writer: EntryWriter;
  readonly #signed: readonly Entry[];
  /** Numbers and hashes of own entries that this node remembers signing. */
  readonly #hashes = new Map<bigint, Hash>();
  #last: Entry | undefined;

  constructor(components: EntryWriterComponents, signed: readonly Entry[]) {
    this.#components = components;
    this.#signed = [...signed].sort((left, right) => (left.header.n < right.header.n ? -1 : 1));
    for (const entry of this.#signed) this.#remember(entry);
    this.#writer = new EntryWriter(components);
  }

  /** What a restart has to do first. */
  start(): Effect[] {
    const {book} = this.#components;
    const unstored = this.#signed.filter(({hash}) => !book.dag.isKnown(hash));
    const effects = unstored.flatMap(({bytes}) => effectsOf(this.#take(decodeEntry(bytes), book)));
    const last = this.#signed.at(-1);
    // It may never have left; a copy too many does no harm.
    if (last !== undefined) effects.push({kind: "broadcast", what: "entry", bytes: last.bytes});
    return effects;
  }

  /** Entries came in. Returns a problem when one is ours and unknown to us. */
  saw(nodes: readonly EntryNode[]): string | undefined {
    const {witness} = this.#components;
    for (const node of nodes) this.#writer.saw(node);
    const own = nodes.map(({entry}) => entry).filter(({header}) => header.witness === witness);
    return !this.#components.isForker && own.some((entry) => this.isUnknown(entry))
      ? "an own entry that this node does not remember: its signing table is old, or its key is used twice"
      : undefined;
  }

  /** The store has own entries that the signing table does not know. */
  get isTableOld(): boolean {
    const {book, witness, isForker} = this.#components;
    const head = book.dag.head(witness);
    const last = head && book.dag.node(head.hash)?.entry;
    return !isForker && last !== undefined && this.isUnknown(last);
  }

  beganEpoch(): void {
    this.#writer.beganEpoch();
  }

  /** Numbers far below the last one were forgotten with their records. */
  isUnknown({header, hash}: Entry): boolean {
    const known = this.#hashes.get(header.n);
    if (known !== undefined) return known !== hash;
    return this.#last === undefined || header.n > this.#last.header.n;
  }

  wantsMs(): number {
    return this.#isReady() ? this.#writer.wantsMs() : Number.POSITIVE_INFINITY;
  }

  /** Writes the next entry when one is due. `nodes` are those taken in. */
  write(nowMs: number): {readonly effects: Effect[]; readonly taken: Taken | undefined} {
    if (nowMs < this.wantsMs()) return {effects: [], taken: undefined};
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

  /** What binds this witness still. */
  signingRecords(): Uint8Array[] {
    const last = this.#last;
    const records = voteRecords(this.#components.voter.votes());
    if (last !== undefined) records.push(encodeSigningRecord({kind: "entry", entry: last, votes: []}));
    return records;
  }

  /** Nothing new is signed before every entry signed so far is here. */
  #isReady(): boolean {
    const {book, witness, isForker} = this.#components;
    if (isForker) return true;
    const head = book.dag.head(witness);
    // After a crash the store may be behind the last entry's stamp: what that sealed must stay sealed.
    return head?.hash === this.#last?.hash && book.checkpoint.height >= (this.#last?.header.stampH ?? 0n);
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
