/**
 * The ops that concern one cell, whosever it is, out of the witnesses' logs as they lie on this disk; latest first.
 * What this node records of its own accounts is in `opHistory.ts`, with what the system moved besides.
 *
 * Witnesses carry an op before anybody knows whether it will be certified, and an owner may sign two for one slot.
 * So an op counts only where the log of its own cell leads to it by hashes, from the head that the ledger has.
 */
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import {decodeEntryHeader, HEADER_BYTES_MAX, peekCarriedOps} from "@catalyze/core/ledger/entryCodec";
import type {Op} from "@catalyze/core/ledger/op";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {entryPrefix, KEY, storedHeight} from "@catalyze/core/ledger/storeKeys";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Store, StoreReader} from "@catalyze/core/ports/store";
import {ByteReader} from "@catalyze/core/primitives/binary";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AssetId, CellId, LockId, OpId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";

export type CellHistoryComponents = {
  readonly store: Store;
  readonly clock: Pick<Clock, "now" | "monotonicMs" | "sleep">;
  /** With everything that is certified; moves on meanwhile. */
  readonly state: () => LedgerState;
  /** Resolves once all of that is on disk. */
  readonly written: () => Promise<void>;
};

export type CellHistoryQuery = {readonly id: CellId; readonly limit: number; readonly bytesMax?: number};

export type CellOp = {
  readonly op: Op;
  /** When a witness first carried it, by that witness's clock. */
  readonly atMs: UnixMs;
};

export type CellHistory = {
  readonly ops: readonly CellOp[];
  /** How far back it looked, when this node has more; `undefined`: all of it. */
  readonly sinceMs: UnixMs | undefined;
  /** Height of the snapshot with which the logs here begin; `undefined`: with the genesis. */
  readonly begunH: bigint | undefined;
};

type Row = {readonly timeMs: UnixMs; readonly bytes: Uint8Array};

/** A quarter of a million simple ops: a second or two. */
const BYTES_MAX = 64 * 1024 * 1024;
/** Entries are up to 1 MiB each. */
const PAGE_ENTRIES = 16;
/** Ops that name the cell and took no slot, beyond what was asked for. */
const LOST_MAX = 64;
/** Work in one go. */
const WORK_MS_MAX = 5;

/** Rejects as the store does. */
export async function cellHistory(
  components: CellHistoryComponents,
  query: CellHistoryQuery,
): Promise<CellHistory> {
  const {limit, bytesMax = BYTES_MAX} = query;
  const isMeant = matcherOf(query.id, components.state());
  const found = new Map<OpId, CellOp>();
  let sinceMs: UnixMs | undefined;
  let bytesLeft = bytesMax;
  for await (const {timeMs, bytes} of entriesBackwards(components)) {
    bytesLeft -= bytes.length;
    if (bytesLeft < 0 || found.size >= limit + LOST_MAX) {
      sinceMs = timeMs;
      break;
    }
    // Carried anew, it is the same op: the earlier time stays.
    for (const op of opsIn(bytes, isMeant)) found.set(op.id, {op, atMs: timeMs});
  }
  const {standing, isWhole} = await standingAmong(components, [...found.values()], 2 * bytesMax);
  const ops = [...found.values()].filter(({op}) => standing.has(op.id));
  ops.sort((left, right) => right.atMs - left.atMs || Number(right.op.body.seq - left.op.body.seq));
  const begunH = await storedHeight(components.store, KEY.begun);
  if (ops.length > limit || !isWhole) sinceMs = ops.slice(0, limit).at(-1)?.atMs ?? components.clock.now();
  return {ops: ops.slice(0, limit), sinceMs, begunH};
}

/** The bytes of an op have every id in them that it names, but not those of what it makes. */
function matcherOf(id: CellId, state: LedgerState): (bytes: Uint8Array) => Op | undefined {
  const named = Buffer.from(fromHex(id));
  const made = state.lock(id as LockId) ?? state.sale(id as LockId);
  const maker = made?.payer ?? state.asset(id as AssetId)?.issuer;
  const making = maker === undefined ? undefined : Buffer.from(fromHex(maker));
  return (bytes) => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (text.includes(named)) return decodeOp(bytes);
    if (making === undefined || !text.includes(making)) return undefined;
    const op = decodeOp(bytes);
    return op.id === made?.openOp || assetIdOf(op.id) === id ? op : undefined;
  };
}

function opsIn(entry: Uint8Array, match: (bytes: Uint8Array) => Op | undefined): Op[] {
  return peekCarriedOps(entry).flatMap((bytes) => match(bytes) ?? []);
}

/** A log of a cell, followed from its head down to the lowest op that was found in it. */
type Chain = {next: OpId | undefined; seq: bigint; readonly lowest: bigint};

/**
 * Those of them that the logs of their cells lead to. Witnesses' clocks are their own, and a bad one's say anything:
 * so it goes on until each log is followed to its end, wherever the next op lies, as long as there are bytes to read.
 */
async function standingAmong(
  components: CellHistoryComponents,
  found: readonly CellOp[],
  bytesMax: number,
): Promise<{readonly standing: ReadonlySet<OpId>; readonly isWhole: boolean}> {
  const standing = new Set<OpId>();
  // Read in one go, and then everything behind them is waited for: the logs below hold all of it.
  const open = chainsOf(found, components.state());
  await components.written();
  const before = new Map<OpId, OpId>();
  const note = (bytes: Uint8Array): undefined => {
    const {id, body} = decodeOp(bytes);
    if (open.has(body.cell)) before.set(id, body.prev);
  };
  let bytesLeft = bytesMax;
  for await (const {bytes} of entriesBackwards(components)) {
    for (const [cell, chain] of open) if (isFollowed(chain, before, standing)) open.delete(cell);
    bytesLeft -= bytes.length;
    if (open.size === 0 || bytesLeft < 0) break;
    opsIn(bytes, note);
  }
  for (const [cell, chain] of open) if (isFollowed(chain, before, standing)) open.delete(cell);
  return {standing, isWhole: open.size === 0};
}

function chainsOf(found: readonly CellOp[], state: LedgerState): Map<CellId, Chain> {
  const chains = new Map<CellId, Chain>();
  for (const {
    op: {
      body: {cell, seq},
    },
  } of found) {
    const log = state.logCell(cell);
    const lowest = chains.get(cell)?.lowest ?? seq;
    const end = {next: log?.head, seq: log?.seq ?? 0n};
    chains.set(cell, {...end, lowest: seq < lowest ? seq : lowest});
  }
  return chains;
}

/** Goes down as far as ops are known. True when all that may be found of it is. */
function isFollowed(chain: Chain, before: ReadonlyMap<OpId, OpId>, standing: Set<OpId>): boolean {
  while (chain.seq >= chain.lowest && chain.next !== undefined) {
    const prev = before.get(chain.next);
    if (prev === undefined) return false;
    standing.add(chain.next);
    chain.next = prev;
    chain.seq -= 1n;
  }
  return true;
}

/** Every stored entry, of forked branches too, as the store is now; latest first by its author's clock. */
async function* entriesBackwards({store, clock, state}: CellHistoryComponents): AsyncGenerator<Row> {
  const snapshot = store.snapshot();
  try {
    let sinceMs = clock.monotonicMs();
    const seats = [...state().register.seats.keys()];
    const logs = await Promise.all(seats.map(async (seat) => await rowsOf(logBackwards(snapshot, seat))));
    for (;;) {
      const log = latestOf(logs);
      if (log?.row === undefined) return;
      yield log.row;
      log.row = (await log.rest.next()).value;
      if (clock.monotonicMs() - sinceMs < WORK_MS_MAX) continue;
      await clock.sleep(0);
      sinceMs = clock.monotonicMs();
    }
  } finally {
    await snapshot.close();
  }
}

type Rows = {row: Row | undefined; readonly rest: AsyncGenerator<Row, undefined>};

async function rowsOf(rest: Rows["rest"]): Promise<Rows> {
  return {row: (await rest.next()).value, rest};
}

function latestOf(logs: readonly Rows[]): Rows | undefined {
  return logs.reduce<Rows | undefined>((latest, log) => {
    const isLater =
      log.row !== undefined && log.row.timeMs > (latest?.row?.timeMs ?? Number.NEGATIVE_INFINITY);
    return isLater ? log : latest;
  }, undefined);
}

async function* logBackwards(store: StoreReader, seat: number): AsyncGenerator<Row, undefined> {
  for (let last: string | undefined; ; ) {
    const range = {reverse: true, limit: PAGE_ENTRIES, ...(last === undefined ? {} : {after: last})};
    const page = await store.range(entryPrefix(seat), range);
    for (const [, bytes] of page) {
      const {header} = decodeEntryHeader(new ByteReader(bytes).bytes(HEADER_BYTES_MAX));
      yield {timeMs: header.timeMs as UnixMs, bytes};
    }
    last = page.at(-1)?.[0];
    if (last === undefined || page.length < PAGE_ENTRIES) return;
  }
}
