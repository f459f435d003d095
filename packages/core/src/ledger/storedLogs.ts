/**
 * The witnesses' logs of a store, read forwards and told causes first. Each log is read once, in the order of
 * its numbers; what a link needs from further on is read ahead and waits here until it is told.
 */
import type {StoreReader} from "../ports/store.ts";
import {U64_MAX} from "../primitives/amount.ts";
import type {Hash} from "../primitives/id.ts";
import type {Head} from "./checkpoint.ts";
import {coveredFloor} from "./coveredLogs.ts";
import {type Entry, linksOf} from "./entry.ts";
import {decodeWithoutOps} from "./entryCodec.ts";
import {placeOfEntry} from "./entryNumber.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";
import {entryKeyAt, entryPrefix, KEY, numberInKey} from "./storeKeys.ts";
import {storePages} from "./storePages.ts";

export type StoredLogsOptions = {
  /** Called before each piece of work of a few milliseconds: the place to let others run. */
  readonly breathe: () => Promise<void> | undefined;
  /** Where the logs start, when that is not the genesis. */
  readonly start?: LogsStart;
};

export type LogsStart = {
  readonly height: bigint;
  /** Ends of the logs at the start. What stands at or below them is told only where a later entry links to it. */
  readonly heads: readonly Head[];
  /** What was told already. */
  readonly told: ReadonlySet<Hash>;
};

/** What an entry says it has seen. */
type EntryLinks = Pick<Entry, "header" | "acks" | "hash">;

type EntryRecord = Extract<LedgerRecord, {kind: "entry"}>;

type Row = {
  readonly record: EntryRecord;
  /** `undefined`: the bytes are no entry. */
  readonly entry: EntryLinks | undefined;
  isTold: boolean;
};

type Log = {
  readonly rows: AsyncGenerator<readonly [string, Uint8Array]>;
  /** Read and not told in turn yet, in order. */
  readonly waiting: Row[];
  /** Rows up to here are not told in turn. */
  readonly startN: bigint;
  /** Number of the last row that was read. */
  lastN: bigint;
  isAtEnd: boolean;
};

type Link = {readonly hash: Hash; readonly witness?: number; readonly n?: bigint};

type Step = {readonly row: Row; readonly links: readonly Link[]; next: number};

/** Entries are up to 1 MiB each. */
const PAGE_ENTRIES = 16;
/** Read ahead at most: honest logs need next to nothing, a forked one as much as its forks are long. */
const AHEAD_BYTES_MAX = 128 * 1024 * 1024;
/** Hashes remembered of entries that were told; more than a replica remembers of those it dropped. */
const TOLD_MAX = 100_000;

export class StoredLogs {
  /** By seat. */
  readonly #logs: ReadonlyMap<number, Log>;
  readonly #breathe: StoredLogsOptions["breathe"];
  /** Read and not told. */
  readonly #ahead = new Map<Hash, Row>();
  readonly #told = new Set<Hash>();
  readonly #heads = new Map<number, Hash>();
  #aheadBytes = 0;
  /** Of the checkpoint that closed the epoch before. */
  #closedH: bigint;

  constructor(store: StoreReader, seats: readonly number[], {breathe, start}: StoredLogsOptions) {
    this.#breathe = breathe;
    this.#closedH = start?.height ?? 0n;
    for (const hash of start?.told ?? []) this.#told.add(hash);
    const logs = seats.map((seat): [number, Log] => {
      const startN = start?.heads.find(({witness}) => witness === seat)?.n ?? 0n;
      const after = entryKeyAt(seat, coveredFloor({n: startN}));
      const rows = storePages(store, entryPrefix(seat), {after, pageMax: PAGE_ENTRIES});
      return [seat, {rows, waiting: [], startN, lastN: 0n, isAtEnd: false}];
    });
    this.#logs = new Map(logs);
  }

  /** What a witness wrote up to this number, on every branch, with everything that it links to before it. */
  async *through(witness: number, n: bigint): AsyncGenerator<EntryRecord> {
    const log = this.#logs.get(witness);
    if (log === undefined) return;
    for (;;) {
      const row = log.waiting[0];
      if (row === undefined) {
        if (!(await this.#read(witness, log))) return;
        continue;
      }
      if (row.record.n > n) return;
      log.waiting.shift();
      if (row.record.n > log.startN) yield* this.#tell(row);
    }
  }

  /** An epoch has closed at this height: entries of it, or before it, are void from now on, and rest on nothing. */
  closed(height: bigint): void {
    this.#closedH = height;
  }

  /** Everything that is left. */
  async *rest(): AsyncGenerator<EntryRecord> {
    for (const witness of this.#logs.keys()) yield* this.through(witness, U64_MAX);
  }

  async *#tell(first: Row): AsyncGenerator<EntryRecord> {
    const open = [this.#stepOf(first)];
    const isOpen = new Set([first]);
    for (let step = open.at(-1); step !== undefined; step = open.at(-1)) {
      const cause = step.row.isTold ? undefined : await this.#nextCause(step, isOpen);
      if (cause !== undefined) {
        open.push(this.#stepOf(cause));
        isOpen.add(cause);
        continue;
      }
      open.pop();
      isOpen.delete(step.row);
      if (!step.row.isTold) yield this.#markTold(step.row);
    }
  }

  /** The next that has to be told before this one, if it is in the store at all. */
  async #nextCause(step: Step, isOpen: ReadonlySet<Row>): Promise<Row | undefined> {
    for (; step.next < step.links.length; step.next += 1) {
      const link = step.links[step.next];
      if (link === undefined || this.#isTold(link)) continue;
      const found = this.#ahead.get(link.hash) ?? (await this.#search(link));
      if (found !== undefined && !found.isTold && !isOpen.has(found)) return found;
    }
    return undefined;
  }

  #stepOf(row: Row): Step {
    const {entry} = row;
    if (entry === undefined) return {row, links: [], next: 0};
    const isVoid = entry.header.stampH < this.#closedH;
    return {row, links: isVoid ? [] : placedLinks(entry), next: 0};
  }

  #isTold({hash, witness}: Link): boolean {
    return this.#told.has(hash) || (witness !== undefined && this.#heads.get(witness) === hash);
  }

  async #search(link: Link): Promise<Row | undefined> {
    const {witness, n} = link;
    const log = witness === undefined ? undefined : this.#logs.get(witness);
    if (witness === undefined || n === undefined || log === undefined) return await this.#searchAll(link);
    while (log.lastN <= n && this.#hasRoom() && (await this.#read(witness, log)));
    // Another entry in its place is the one to look at: it is damaged, or the log is.
    return this.#ahead.get(link.hash) ?? log.waiting.find(({record, isTold}) => record.n === n && !isTold);
  }

  /** Only an acknowledgement names no place, and only branches of a forked log are named by nothing else. */
  async #searchAll({hash}: Link): Promise<Row | undefined> {
    for (let isMore = true; isMore && this.#hasRoom(); ) {
      isMore = false;
      for (const [witness, log] of this.#logs) isMore = (await this.#read(witness, log)) || isMore;
      const found = this.#ahead.get(hash);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #hasRoom(): boolean {
    return this.#aheadBytes < AHEAD_BYTES_MAX;
  }

  /** One more row of a log. False at its end. */
  async #read(witness: number, log: Log): Promise<boolean> {
    await this.#breathe();
    const {done, value} = await log.rows.next();
    if (done === true) {
      log.isAtEnd = true;
      return false;
    }
    const [key, bytes] = value;
    const entry = linksIn(bytes);
    const record = {kind: "entry", witness, n: numberInKey(key), bytes} as const;
    const isTold = record.n <= log.startN && entry !== undefined && this.#told.has(entry.hash);
    const row: Row = {record, entry, isTold};
    log.lastN = record.n;
    if (isTold) return true;
    log.waiting.push(row);
    this.#aheadBytes += bytes.length;
    if (entry !== undefined && !this.#told.has(entry.hash)) this.#ahead.set(entry.hash, row);
    return true;
  }

  #markTold(row: Row): EntryRecord {
    row.isTold = true;
    this.#aheadBytes -= row.record.bytes.length;
    const {entry, record} = row;
    if (entry === undefined) return record;
    this.#ahead.delete(entry.hash);
    this.#told.add(entry.hash);
    this.#heads.set(record.witness, entry.hash);
    if (this.#told.size > TOLD_MAX) {
      for (const oldest of this.#told) {
        this.#told.delete(oldest);
        break;
      }
    }
    return record;
  }
}

/** Seats that a store has entries of, ascending: one look for each. */
export async function storedSeats(store: StoreReader): Promise<number[]> {
  const seats: number[] = [];
  for (let after: string = KEY.entries; ; ) {
    const [next] = await store.range(KEY.entries, {limit: 1, after});
    const seat = next === undefined ? undefined : seatIn(next[0]);
    if (seat === undefined) return seats;
    seats.push(seat);
    after = `${entryPrefix(seat)}~`;
  }
}

/** `undefined` for a damaged key. */
function seatIn(key: string): number | undefined {
  const digits = key.slice(KEY.entries.length).split("/")[0] ?? "";
  return /^\d{5}$/.test(digits) ? Number(digits) : undefined;
}

function placedLinks(entry: EntryLinks): readonly Link[] {
  const {header} = entry;
  const places = new Map<Hash, Link>(header.refs.map((ref) => [ref.hash, ref]));
  places.set(header.prev, {hash: header.prev, witness: header.witness, n: header.n - 1n});
  // The first of an epoch follows on what closed the epoch before.
  const links = linksOf(entry).filter((hash) => hash !== header.prev || placeOfEntry(header.n) > 1n);
  return links.map((hash) => places.get(hash) ?? {hash});
}

function linksIn(bytes: Uint8Array): EntryLinks | undefined {
  try {
    const {header, acks, hash} = decodeWithoutOps(bytes);
    return {header, acks, hash};
  } catch {
    // Told as it is: whoever checks it says what is wrong with it.
    return undefined;
  }
}
