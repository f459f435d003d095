/**
 * Verification from the logs: takes the raw records of a ledger one by one, derives everything again from
 * the genesis, and stops at the first record that is not what the ones before it lead to. It trusts nothing
 * but the genesis: each entry's author, links and form, each checkpoint's fields and proof, the owner's
 * signature of each op that was applied, and in the end each cell. Where the first logs are gone it starts at
 * a snapshot (`rederiveStart.ts`), and says so.
 *
 * Memory: the state, the entries that no checkpoint covers yet (bounded), and what `Dag` keeps of the rest.
 */
import type {SignatureVerifier} from "../ports/signer.ts";
import type {Hash} from "../primitives/id.ts";
import type {Book} from "./book.ts";
import {
  type Difference,
  type Divergence,
  type DivergentItem,
  firstDifference,
  undecodable,
} from "./divergence.ts";
import type {Entry} from "./entry.ts";
import {decodeEntry} from "./entryCodec.ts";
import type {Genesis} from "./genesis.ts";
import {genesisState} from "./genesisState.ts";
import {checkInvariants} from "./invariants.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";
import {checkCheckpoint, violated} from "./rederiveCheckpoint.ts";
import {authorDifference, type EntryRecord, missingLink} from "./rederiveEntry.ts";
import type {OpSoundness} from "./rederiveOps.ts";
import {RestartComparison} from "./rederiveRestart.ts";
import {RederiveStart} from "./rederiveStart.ts";
import {StateComparison, type StateDifference} from "./rederiveState.ts";
import {missingValue, type ValueKind, valueDifference} from "./rederiveValues.ts";
import {replicaParts} from "./replicaParts.ts";
import type {ReplicaComponents} from "./replicaTypes.ts";
import {freshReplica} from "./restoreReplica.ts";
import {decodeMeta} from "./storeKeys.ts";

export type RederiveOptions = {readonly genesis: Genesis; readonly verifier: SignatureVerifier};

export type RederiveCounts = {
  readonly heights: bigint;
  readonly entries: number;
  /** Applied by checkpoints; their signatures were checked. */
  readonly ops: number;
  readonly cells: number;
};

export type Rederived = RederiveCounts & {
  readonly genesisHash: Uint8Array;
  /** Of the last checkpoint that held. */
  readonly height: bigint;
  readonly stateRoot: Hash;
  /** Height of the snapshot at which the logs start; 0 for the genesis. */
  readonly begun: bigint;
  readonly divergence: Divergence | undefined;
};

/** Entries above the last checkpoint: a network without a quorum writes few, a hostile file cannot write more. */
const UNCOVERED_BYTES_MAX = 256 * 1024 * 1024;

export class Rederiver {
  readonly #genesis: Genesis;
  readonly #components: ReplicaComponents;
  #book: Book;
  /** While it is read at what these records start. */
  #start: RederiveStart | undefined;
  #begun = 0n;
  /** Left out: entries of forked logs that no cut can cover any more, and what rests on them. */
  readonly #outside = new Set<Hash>();
  readonly #check: OpSoundness;
  #comparison: StateComparison | undefined;
  readonly #restart = new RestartComparison();
  #hasHead = false;
  readonly #values = new Set<ValueKind>();
  #uncoveredBytes = 0;
  #entries = 0;
  #ops = 0;
  #cells = 0;
  #divergence: Divergence | undefined;

  constructor({genesis, verifier}: RederiveOptions) {
    this.#components = {genesis, verifier, voteSigner: undefined};
    const parts = replicaParts(this.#components, freshReplica(genesis));
    const {network, genesisHash, book} = parts;
    this.#genesis = genesis;
    this.#book = book;
    this.#check = {network, genesisHash, verifier};
  }

  get result(): Rederived {
    const {height, stateRoot} = this.#book.checkpoint;
    return {
      heights: height,
      ...{entries: this.#entries, ops: this.#ops, cells: this.#cells, height, stateRoot},
      begun: this.#begun,
      genesisHash: this.#check.genesisHash,
      divergence: this.#divergence,
    };
  }

  /** Checks the next record. After a divergence nothing more is taken. Never throws on what a record says. */
  take(record: LedgerRecord): Divergence | undefined {
    this.#divergence ??= this.#checkRecord(record);
    return this.#divergence;
  }

  /** After the last record: is anything missing, does the last state hold. */
  finish(): Divergence | undefined {
    this.#divergence ??= this.#begin() ?? this.#checkEnd();
    return this.#divergence;
  }

  #checkRecord(record: LedgerRecord): Divergence | undefined {
    if (record.kind === "snapshot" || record.kind === "chunk") return this.#startRecord(record);
    const isStarted = record.kind !== "entry" || this.#start?.isWhole === true;
    const problem = isStarted ? this.#begin() : undefined;
    if (problem !== undefined) return problem;
    switch (record.kind) {
      case "entry":
        return this.#entry(record);
      case "checkpoint":
        return this.#checkpoint(record);
      case "cell":
        this.#cells += 1;
        return this.#atState((state) => state.cell(record.name, record.bytes));
      case "withdrawal":
        return this.#atState((state) => state.withdrawal(record.address, record.bytes));
      case "register":
      case "governance":
        this.#values.add(record.kind);
        return this.#at({kind: record.kind}, valueDifference(record.kind, this.#book.base, record.bytes));
      case "carried":
        return this.#at({kind: record.kind}, this.#restart.carried(this.#book, record.bytes));
      case "places":
        return this.#at(
          {kind: record.kind, height: record.height},
          this.#restart.places(record.height, record.bytes),
        );
      case "head":
        this.#hasHead = true;
        return this.#at({kind: "head"}, this.#headDifference(record.bytes));
    }
  }

  /** Only what stands first says where the logs start. */
  #startRecord(record: Extract<LedgerRecord, {kind: "snapshot" | "chunk"}>): Divergence | undefined {
    const isFirst = this.#entries === 0 && this.#book.checkpoint.height === 0n;
    if (record.kind === "snapshot" && isFirst) this.#start ??= new RederiveStart(this.#components);
    if (this.#start === undefined)
      return this.#at(record.kind === "chunk" ? record : {kind: "snapshot", height: record.height}, {
        field: "record",
        expected: "a snapshot before everything else",
        found: record.kind,
      });
    const difference = record.kind === "snapshot" ? this.#start.snapshot(record) : this.#start.chunk(record);
    return difference && this.#at(difference.item, difference);
  }

  #begin(): Divergence | undefined {
    const begun = this.#start?.finish();
    if (begun === undefined) return undefined;
    if ("item" in begun) return this.#at(begun.item, begun);
    this.#book = replicaParts(this.#components, begun).book;
    this.#begun = begun.checkpoint.checkpoint.height;
    this.#start = undefined;
    return undefined;
  }

  #entry(record: EntryRecord): Divergence | undefined {
    const {witness, n} = record;
    const item = {kind: "entry", witness, n} as const;
    let entry: Entry;
    try {
      entry = decodeEntry(record.bytes);
    } catch (error) {
      return this.#at(item, undecodable(error), this.#nextHeight);
    }
    const register = this.#start?.register ?? this.#book.base.register;
    const difference =
      authorDifference(entry, record, {...this.#check, register}) ??
      (this.#start === undefined ? this.#roomDifference(entry) : this.#start.entry(entry));
    if (difference !== undefined) return this.#at(item, difference, this.#nextHeight);
    this.#entries += 1;
    if (this.#start !== undefined) return undefined;
    this.#uncoveredBytes += entry.bytes.length;
    return this.#replay(entry, item);
  }

  #replay(entry: Entry, item: DivergentItem): Divergence | undefined {
    const {dag} = this.#book;
    if (dag.isOutside(entry) || dag.missingFor(entry).some((hash) => this.#outside.has(hash))) {
      this.#outside.add(entry.hash);
      return undefined;
    }
    const missing = missingLink(entry, dag);
    if (missing !== undefined) return this.#at(missing.item, missing, this.#nextHeight);
    const problem = dag.replay(entry);
    if (problem !== undefined) {
      const found = "a link that names the wrong place";
      return this.#at(
        item,
        {field: problem, expected: "links to entries where they are", found},
        this.#nextHeight,
      );
    }
    return undefined;
  }

  #roomDifference({hash, bytes}: Entry): Difference | undefined {
    if (this.#book.dag.has(hash)) return {field: "hash", expected: "each entry once", found: `${hash} again`};
    if (this.#uncoveredBytes + bytes.length <= UNCOVERED_BYTES_MAX) return undefined;
    return {
      field: "entry",
      expected: `at most ${UNCOVERED_BYTES_MAX} bytes that no checkpoint covers`,
      found: "more",
    };
  }

  #checkpoint(record: Extract<LedgerRecord, {kind: "checkpoint"}>): Divergence | undefined {
    const height = this.#nextHeight;
    try {
      const checked = checkCheckpoint(record, this.#book.cutContext(), this.#check);
      if (!checked.ok) return checked.divergence;
      const {cut, final} = checked;
      this.#uncoveredBytes -= cut.nodes.reduce((sum, {entry}) => sum + entry.bytes.length, 0);
      this.#ops += cut.applied.length;
      const {covered} = this.#book.adopt(cut, final);
      this.#restart.adopted(cut, covered);
      return undefined;
    } catch (error) {
      // What a quorum of bad witnesses certified may break any invariant of the checkpoint function.
      const reason = error instanceof Error ? error.message : String(error);
      return this.#at({kind: "checkpoint", height}, violated("of a step", reason), height);
    }
  }

  #headDifference(bytes: Uint8Array): Difference | undefined {
    const {checkpoint, hash} = this.#book.final;
    try {
      return firstDifference({height: checkpoint.height, hash}, decodeMeta(bytes));
    } catch (error) {
      return undecodable(error);
    }
  }

  #checkEnd(): Divergence | undefined {
    const missing = this.#atState((state) => state.end());
    if (missing !== undefined) return missing;
    const {height} = this.#book.checkpoint;
    if (height > 0n && !this.#hasHead)
      return this.#at({kind: "head"}, {field: "head", expected: `height ${height}`, found: "none"});
    const forgotten = height > 0n ? this.#restart.missing() : undefined;
    if (forgotten !== undefined)
      return this.#at(forgotten, {field: forgotten.kind, expected: "one", found: "none"});
    const lost = missingValue(this.#book.base, genesisState(this.#genesis), this.#values);
    if (lost !== undefined) return this.#at({kind: lost}, {field: lost, expected: "one", found: "none"});
    const [violation] = checkInvariants(this.#book.base, 1);
    const difference = violation && violated(violation.invariant, violation.detail);
    return this.#at({kind: "checkpoint", height}, difference);
  }

  #atState(compare: (state: StateComparison) => StateDifference | undefined): Divergence | undefined {
    this.#comparison ??= new StateComparison(this.#book.base, genesisState(this.#genesis));
    const found = compare(this.#comparison);
    return found && this.#at(found.item, found);
  }

  #at(
    item: DivergentItem,
    difference: Difference | undefined,
    height = this.#book.checkpoint.height,
  ): Divergence | undefined {
    if (difference === undefined) return undefined;
    const {field, expected, found} = difference;
    return {height, item, field, expected, found};
  }

  get #nextHeight(): bigint {
    return this.#book.checkpoint.height + 1n;
  }
}

/** Takes every record, up to the first divergence. `onRecord` is called after each one. Rejects as the source does. */
export async function rederive(
  records: AsyncIterable<LedgerRecord>,
  options: RederiveOptions & {readonly onRecord?: (counts: RederiveCounts) => void},
): Promise<Rederived> {
  const rederiver = new Rederiver(options);
  for await (const record of records) {
    if (rederiver.take(record) !== undefined) return rederiver.result;
    options.onRecord?.(rederiver.result);
  }
  rederiver.finish();
  return rederiver.result;
}
