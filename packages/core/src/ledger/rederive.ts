/**
 * Verification from the logs: takes the raw records of a ledger one by one, derives everything again from
 * the genesis, and stops at the first record that is not what the ones before it lead to. It trusts nothing
 * but the genesis: each entry's author, links and form, each checkpoint's fields and proof, the owner's
 * signature of each op that was applied, and in the end each cell.
 *
 * Memory: the state, the entries that no checkpoint covers yet (bounded), and what `Dag` keeps of the rest.
 */
import type {SignatureVerifier} from "../ports/signer.ts";
import type {Hash} from "../primitives/id.ts";
import type {Book} from "./book.ts";
import {linksOf} from "./dag.ts";
import {
  type Difference,
  type Divergence,
  type DivergentItem,
  firstDifference,
  undecodable,
} from "./divergence.ts";
import type {Entry} from "./entry.ts";
import {decodeEntry, verifyEntry} from "./entryCodec.ts";
import type {Genesis} from "./genesis.ts";
import {genesisState} from "./genesisState.ts";
import {checkInvariants} from "./invariants.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";
import {checkCheckpoint, violated} from "./rederiveCheckpoint.ts";
import type {OpSoundness} from "./rederiveOps.ts";
import {StateComparison, type StateDifference} from "./rederiveState.ts";
import {missingValue, type ValueKind, valueDifference} from "./rederiveValues.ts";
import {replicaParts} from "./replicaParts.ts";
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
  readonly divergence: Divergence | undefined;
};

/** Entries above the last checkpoint: a network without a quorum writes few, a hostile file cannot write more. */
const UNCOVERED_BYTES_MAX = 256 * 1024 * 1024;

type EntryRecord = Extract<LedgerRecord, {kind: "entry"}>;

export class Rederiver {
  readonly #genesis: Genesis;
  readonly #book: Book;
  readonly #check: OpSoundness;
  #comparison: StateComparison | undefined;
  #hasHead = false;
  readonly #values = new Set<ValueKind>();
  #uncoveredBytes = 0;
  #entries = 0;
  #ops = 0;
  #cells = 0;
  #divergence: Divergence | undefined;

  constructor({genesis, verifier}: RederiveOptions) {
    const parts = replicaParts({genesis, verifier, voteSigner: undefined}, freshReplica(genesis));
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
    this.#divergence ??= this.#checkEnd();
    return this.#divergence;
  }

  #checkRecord(record: LedgerRecord): Divergence | undefined {
    switch (record.kind) {
      case "entry":
        return this.#entry(record);
      case "checkpoint":
        return this.#checkpoint(record);
      case "cell":
        this.#cells += 1;
        return this.#atState((state) => state.cell(record.id, record.bytes));
      case "withdrawal":
        return this.#atState((state) => state.withdrawal(record.address, record.bytes));
      case "register":
      case "governance":
        this.#values.add(record.kind);
        return this.#at({kind: record.kind}, valueDifference(record.kind, this.#book.base, record.bytes));
      case "head":
        this.#hasHead = true;
        return this.#at({kind: "head"}, this.#headDifference(record.bytes));
    }
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
    const difference = this.#authorDifference(entry, record) ?? this.#roomDifference(entry);
    if (difference !== undefined) return this.#at(item, difference, this.#nextHeight);
    const missing = this.#missingLink(entry);
    if (missing !== undefined) return this.#at(missing.item, missing, this.#nextHeight);
    const problem = this.#book.dag.replay(entry);
    if (problem !== undefined) {
      const found = "a link that names the wrong place";
      return this.#at(
        item,
        {field: problem, expected: "links to entries where they are", found},
        this.#nextHeight,
      );
    }
    this.#entries += 1;
    this.#uncoveredBytes += entry.bytes.length;
    return undefined;
  }

  #authorDifference(entry: Entry, {witness, n}: EntryRecord): Difference | undefined {
    const {header} = entry;
    const {network} = this.#check;
    const place = {network, witness, n};
    const difference = firstDifference(place, {
      network: header.network,
      witness: header.witness,
      n: header.n,
    });
    if (difference !== undefined) return difference;
    const voteKey = this.#book.base.register.seats[witness]?.voteKey;
    const isSigned =
      voteKey !== undefined && verifyEntry(this.#check.verifier, entry, {...this.#check, voteKey}).valid;
    if (isSigned) return undefined;
    return {field: "signature", expected: `one of witness ${witness}`, found: `none over hash ${entry.hash}`};
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

  /** Named by the entry that is not there, where the link says its place. */
  #missingLink(entry: Entry): StateDifference | undefined {
    const {header} = entry;
    const hash = linksOf(entry).find((link) => !this.#book.dag.has(link));
    if (hash === undefined) return undefined;
    const own = {witness: header.witness, n: header.n - 1n, hash: header.prev};
    const place = [own, ...header.refs].find((ref) => ref.hash === hash) ?? header;
    const item = {kind: "entry", witness: place.witness, n: place.n} as const;
    const found = `none before entry ${header.witness}/${header.n}, which links to it`;
    return {item, field: "hash", expected: hash, found};
  }

  #checkpoint(record: Extract<LedgerRecord, {kind: "checkpoint"}>): Divergence | undefined {
    const height = this.#nextHeight;
    try {
      const checked = checkCheckpoint(record, this.#book.cutContext(), this.#check);
      if (!checked.ok) return checked.divergence;
      const {cut, final} = checked;
      this.#uncoveredBytes -= cut.nodes.reduce((sum, {entry}) => sum + entry.bytes.length, 0);
      this.#ops += cut.applied.length;
      this.#book.adopt(cut, final);
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
