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
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
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
/** By so much a later op of a log may be carried before an earlier one: witnesses have clocks of their own. */
const SKEW_MS_MAX = 60_000;
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
  const standing = await standingAmong(components, [...found.values()]);
  const ops = [...found.values()].filter(({op}) => standing.has(op.id));
  ops.sort((left, right) => right.atMs - left.atMs || Number(right.op.body.seq - left.op.body.seq));
  const begunH = await storedHeight(components.store, KEY.begun);
  return {ops: ops.slice(0, limit), sinceMs: ops.length > limit ? ops[limit - 1]?.atMs : sinceMs, begunH};
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

/** Those of them that the logs of their cells lead to. */
async function standingAmong(
  components: CellHistoryComponents,
  found: readonly CellOp[],
): Promise<ReadonlySet<OpId>> {
  const standing = new Set<OpId>();
  if (found.length === 0) return standing;
  const oldestMs = found.reduce((oldest, {atMs}) => Math.min(oldest, atMs), Number.POSITIVE_INFINITY);
  const state = components.state();
  // Read in one go, and then everything behind them is waited for: the logs below hold all of it.
  const heads = new Map(found.map(({op: {body}}) => [body.cell, state.logCell(body.cell)?.head]));
  await components.written();
  const before = new Map<OpId, OpId>();
  const note = (bytes: Uint8Array): undefined => {
    const {id, body} = decodeOp(bytes);
    if (heads.has(body.cell)) before.set(id, body.prev);
  };
  for await (const {timeMs, bytes} of entriesBackwards(components)) {
    if (timeMs < oldestMs - SKEW_MS_MAX) break;
    opsIn(bytes, note);
  }
  for (const head of heads.values()) {
    for (let id = head; id !== undefined && before.has(id); id = before.get(id)) standing.add(id);
  }
  return standing;
}

/** Every stored entry, of forked branches too, as the store is now; latest first by its author's clock. */
async function* entriesBackwards({store, clock, state}: CellHistoryComponents): AsyncGenerator<Row> {
  const snapshot = store.snapshot();
  try {
    let sinceMs = clock.monotonicMs();
    const logs = [...state().register.seats.keys()].map((seat) => logBackwards(snapshot, seat));
    const rows = await Promise.all(logs.map(async (log) => (await log.next()).value as Row | undefined));
    for (;;) {
      let latest = -1;
      for (const [index, row] of rows.entries())
        if (row !== undefined && row.timeMs > (rows[latest]?.timeMs ?? Number.NEGATIVE_INFINITY))
          latest = index;
      const row = rows[latest];
      if (row === undefined) return;
      yield row;
      rows[latest] = (await logs[latest]!.next()).value as Row | undefined;
      if (clock.monotonicMs() - sinceMs < WORK_MS_MAX) continue;
      await clock.sleep(0);
      sinceMs = clock.monotonicMs();
    }
  } finally {
    await snapshot.close();
  }
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
