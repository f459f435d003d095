/** Where the replica keeps what it holds. Numbers are padded, so that key order is number order. */

import {LIMITS} from "@catalyze/proto/limits";
import type {StoreReader, Write} from "../ports/store.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {toHex} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";
import type {Work} from "../primitives/work.ts";
import {readId, refuse, writeId, writeU16, writeU32, writeU64} from "./canonical.ts";
import type {CellName} from "./cell.ts";
import {CELL_KIND, encodeCell} from "./cellCodec.ts";
import type {Tally} from "./certificates.ts";
import type {Head} from "./checkpoint.ts";
import type {Dag, EntryNode} from "./dag.ts";
import type {Entry} from "./entry.ts";
import {encodeFinalCheckpoint, type FinalCheckpoint} from "./finality.ts";
import {encodeGovernance} from "./governanceCodec.ts";
import {decodeHandover, type Handover, isHandover, writeHandover} from "./handover.ts";
import type {Op} from "./op.ts";
import {decodeOp} from "./opCodec.ts";
import {encodeRegister} from "./registerCodec.ts";
import type {LedgerState} from "./state.ts";
import {storePages} from "./storePages.ts";
import type {Withdrawal} from "./withdrawals.ts";

export const KEY = {
  entries: "le/",
  checkpoints: "lc/",
  cells: "ls/cell/",
  withdrawals: "ls/withdrawal/",
  meta: "ls/meta",
  carried: "ls/carried",
  /** What the cuts of the present epoch cover: see `storedPlaces.ts`. */
  places: "ls/places/",
  /** See `lateCertificates.ts`. */
  late: "ls/late/",
  register: "ls/register",
  governance: "ls/governance",
  handovers: "lt/",
  /** Height of the checkpoint from whose cut on every log is here; absent when they are whole. */
  begun: "ls/begun",
  /** Below this height those checkpoints are gone that may go. */
  pruned: "ls/pruned",
  snapshotHeads: "lp/head/",
  snapshotChunks: "lp/chunk/",
} as const;

export function entryPrefix(witness: number): string {
  return `${KEY.entries}${String(witness).padStart(5, "0")}/`;
}

/**
 * The entries of a log that forks have their hash behind the number, once that is known: which branch a node holds
 * for the main one changes with a restart, and none may take another's place.
 */
export function entryKey({header: {witness, n}, hash}: Entry, isForked: boolean): string {
  return isForked ? forkedKeyAt({witness, n, hash}) : entryKeyAt(witness, n);
}

export function forkedKeyAt({witness, n, hash}: Head): string {
  return `${entryKeyAt(witness, n)}/${hash}`;
}

export function entryWrites(nodes: readonly EntryNode[], dag: Pick<Dag, "isForked">): Write[] {
  return nodes.map(({entry}) => ({
    key: entryKey(entry, dag.isForked(entry.header.witness)),
    value: entry.bytes,
  }));
}

export function entryKeyAt(witness: number, n: bigint): string {
  return entryPrefix(witness) + String(n).padStart(20, "0");
}

/** 0 for a damaged key, which no entry has. */
export function numberInKey(key: string): bigint {
  const number = /^[^/]+\/\d+\/(\d{20})(?:\/|$)/.exec(key)?.[1];
  return number === undefined ? 0n : BigInt(number);
}

export function checkpointKey(height: bigint): string {
  return KEY.checkpoints + String(height).padStart(12, "0");
}

/** Of a checkpoint or of a snapshot's head. 0 for a damaged key, which none has. */
export function heightInKey(key: string): bigint {
  const number = key.slice(key.lastIndexOf("/") + 1);
  return /^\d{12,20}$/.test(number) ? BigInt(number) : 0n;
}

export function snapshotHeadKey(height: bigint): string {
  return KEY.snapshotHeads + String(height).padStart(12, "0");
}

export function snapshotChunkKey(height: bigint, index: number): string {
  return `${KEY.snapshotChunks}${String(height).padStart(12, "0")}/${String(index).padStart(6, "0")}`;
}

/** Ids of two kinds may be the same: anybody may credit an account under a lock's id. */
export function cellKey({kind, id}: CellName): string {
  return `${KEY.cells}${id}/${CELL_KIND[kind]}`;
}

export function heightWrite(key: string, height: bigint): Write {
  return {key, value: new ByteWriter().u64(height).finish()};
}

/** A height kept under this key; `undefined` for none. Rejects as the store does. */
export async function storedHeight(store: StoreReader, key: string): Promise<bigint | undefined> {
  const bytes = await store.get(key);
  return bytes === undefined ? undefined : new ByteReader(bytes).u64();
}

const WRITES_PER_UNIT = 8;

/** What a fork of a checkpoint's state changes on disk, in pieces. Ask before it is committed. */
export function* stateWrites(state: LedgerState): Work<Write[]> {
  const {cells, removed, withdrawals, register, governance} = state.changes();
  const writes: Write[] = [
    ...(register === undefined ? [] : [{key: KEY.register, value: encodeRegister(register)}]),
    ...(governance === undefined ? [] : [{key: KEY.governance, value: encodeGovernance(governance)}]),
    ...removed.map((name) => ({key: cellKey(name), value: undefined})),
    ...withdrawals.map(withdrawalWrite),
  ];
  for (const [index, cell] of cells.entries()) {
    writes.push({key: cellKey(cell), value: state.encoded(cell)});
    if (index % WRITES_PER_UNIT === 0) yield 1;
  }
  return writes;
}

/** What a cut changes, besides the checkpoint itself. */
export type CutChanges = {
  readonly state: LedgerState;
  readonly writes: readonly Write[];
  readonly carried: Tally;
};

/** Everything that a final checkpoint changes on disk. */
export function checkpointWrites(
  {state, writes, carried}: CutChanges,
  final: FinalCheckpoint,
  covered: Iterable<EntryNode>,
): Write[] {
  return [
    ...writes,
    ...(isHandover(state.register, final) ? [handoverWrite({final, register: state.register})] : []),
    {key: checkpointKey(final.checkpoint.height), value: encodeFinalCheckpoint(final)},
    {key: KEY.meta, value: encodeMeta(final)},
    {key: KEY.carried, value: encodeCarried(carried, covered)},
  ];
}

/** Of the changes of committee, oldest first. Rejects as the store does, or with `DECODE_INVALID`. */
export async function storedHandovers(store: StoreReader): Promise<Handover[]> {
  const handovers: Handover[] = [];
  for await (const [, bytes] of storePages(store, KEY.handovers, {pageMax: 64})) {
    handovers.push(decodeHandover(bytes));
  }
  return handovers;
}

function handoverWrite(handover: Handover): Write {
  const writer = new ByteWriter();
  writeHandover(writer, handover);
  const key = KEY.handovers + String(handover.final.checkpoint.epoch).padStart(12, "0");
  return {key, value: writer.finish()};
}

/**
 * What a node has on disk that begins at this checkpoint, the end of an epoch, where nothing is carried: its
 * state, and the latest entries below its cut. Cells of the genesis are among the state's, as they are now.
 */
export function beginningWrites(
  state: LedgerState,
  final: FinalCheckpoint,
  {covered, handovers}: {readonly covered: readonly Entry[]; readonly handovers: readonly Handover[]},
): Write[] {
  const cells = [...state.cells()];
  return [
    {key: KEY.register, value: encodeRegister(state.register)},
    {key: KEY.governance, value: encodeGovernance(state.governance)},
    // The last one whether or not it changed the committee: those before may be a shortened chain.
    ...[...handovers, {final, register: state.register}].map(handoverWrite),
    ...cells.map((cell) => ({key: cellKey(cell), value: encodeCell(cell)})),
    ...state.withdrawals().map(withdrawalWrite),
    ...covered.map((entry) => ({key: entryKey(entry, false), value: entry.bytes})),
    {key: checkpointKey(final.checkpoint.height), value: encodeFinalCheckpoint(final)},
    {key: KEY.meta, value: encodeMeta(final)},
    heightWrite(KEY.begun, final.checkpoint.height),
  ];
}

/** What must go from a store before `beginningWrites`: the state of a node that was away for too long. */
export async function forgetWrites(store: StoreReader): Promise<Write[]> {
  const writes: Write[] = [{key: KEY.carried, value: undefined}];
  for (const prefix of [KEY.cells, KEY.places])
    for await (const [key] of storePages(store, prefix)) writes.push({key, value: undefined});
  return writes;
}

function withdrawalWrite({address, cumulative}: Withdrawal): Write {
  return {key: KEY.withdrawals + toHex(address), value: new ByteWriter().u64(cumulative).finish()};
}

export type Meta = {readonly height: bigint; readonly hash: Hash};

export function decodeMeta(bytes: Uint8Array): Meta {
  const reader = new ByteReader(bytes);
  const meta = {height: reader.u64(), hash: readId<Hash>(reader)};
  reader.finish();
  return meta;
}

/** An entry, and whether it is on the branch of its log that this node saw first. */
export type CarriedEntry = Head & {readonly isMain: boolean};

export type Carried = {
  readonly ops: readonly {readonly op: Op; readonly mask: number}[];
  /** Covered entries that carry such ops. */
  readonly entries: readonly CarriedEntry[];
};

export function decodeCarried(bytes: Uint8Array): Carried {
  const reader = new ByteReader(bytes);
  const ops = Array.from({length: reader.count(reader.u32(), bytes.length)}, () => ({
    mask: reader.u32(),
    op: decodeOp(reader.bytes(LIMITS.evidenceOpBytesMax)),
  }));
  const entries = Array.from({length: reader.count(reader.u32(), bytes.length)}, () => {
    const place = {witness: reader.u16(), n: reader.u64(), hash: readId<Hash>(reader)};
    const flag = reader.u8();
    return flag > 1 ? refuse("isMain") : {...place, isMain: flag === 1};
  });
  reader.finish();
  return {ops, entries};
}

function encodeMeta({checkpoint, hash}: FinalCheckpoint): Uint8Array {
  const writer = new ByteWriter();
  writeU64(writer, checkpoint.height);
  writeId(writer, hash);
  return writer.finish();
}

/** Every copy of an op counts, with its own votes: which one is sound shows only when an epoch or its lock ends. */
function encodeCarried(tally: Tally, covered: Iterable<EntryNode>): Uint8Array {
  const writer = new ByteWriter();
  const copies = [...tally.candidates()].flatMap((candidate) => candidate.copies);
  writeU32(writer, copies.length);
  for (const {op, mask} of copies) {
    writeU32(writer, mask);
    writer.bytes(op.bytes);
  }
  const nodes = [...covered].filter(({isSettled, entry}) => !isSettled && entry.carry.length > 0);
  writeU32(writer, nodes.length);
  for (const {entry, isMain} of nodes) {
    writeU16(writer, entry.header.witness);
    writeU64(writer, entry.header.n);
    writeId(writer, entry.hash);
    writer.u8(isMain ? 1 : 0);
  }
  return writer.finish();
}
