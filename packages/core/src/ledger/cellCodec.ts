/**
 * Canonical bytes of cells and totals, for storage and for the state root. Both are versioned by their
 * first byte. The leaf of a cell:
 *
 *   id        = SHA256(kind u8 ‖ cell id 32)      so that nobody can credit an account over a lock's leaf
 *   valueHash = SHA256(kind u8 ‖ exit address 20 ‖ SHA256(cell encoding))      readable by the contract
 *   sum       = what the cell holds: balance and stake, or a lock's remainder
 *   kind      = 1 account, 2 lock, 3 bucket (the treasury: cell id zeros, no exit address, empty encoding),
 *               4 asset, 5 holding (both: sum 0, no exit address; an exit pays CTZ only),
 *               6 sale lock (sum 0 when it gives units; bytes: `saleCodec.ts`), 7 pot (no exit address, as the treasury)
 *
 *   asset     = version u8 | kind u8 | id 32 | issuer 32 | asset kind u8 | content 32 | royaltyBps u16 | nextBps u16 | nextEpoch u32
 *             | supply u64 | burned u64
 *   holding   = version u8 | kind u8 | id 32 | account 32 | asset 32 | in u128 | out u128 | onSale u64 | perUnit u192 | earned u192
 *             | harvested u128
 *   pot       = version u8 | kind u8 | id 32 | in u128 | out u128 | perUnit u192 | shared u192
 */
import {ACCOUNT_KEYS_MAX} from "../crypto/accountId.ts";
import {sha256} from "../crypto/sha256.ts";
import {assert} from "../errors/assert.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {CellId, Hash, LockId} from "../primitives/id.ts";
import {readAsset, readHolding, writeAsset, writeHolding} from "./assetCodec.ts";
import {
  ADDRESS_BYTES,
  readBoolean,
  readId,
  readList,
  refuse,
  writeFixed,
  writeId,
  writeU8,
  writeU32,
  writeU64,
  writeU128,
} from "./canonical.ts";
import {
  ACCEPTS_MAX,
  type AccountCell,
  balanceOf,
  type Cell,
  COOLING_MAX,
  type Freeze,
  type LockCell,
  type LogCell,
  stakeOf,
  type Totals,
  ZERO_ADDRESS,
  ZERO_HASH,
} from "./cell.ts";
import {AWARDED_MAX} from "./lanes.ts";
import {readLockSpec, writeLockSpec} from "./lockCodec.ts";
import {STAKE_KIND} from "./op.ts";
import {readStakeKind} from "./payloadCodec.ts";
import {readPot, writePot} from "./potCodec.ts";
import {readSale, writeSale} from "./saleCodec.ts";
import type {TreeLeaf} from "./sumTree.ts";

const CELL_VERSION = 5;
/** On the wire: only ever add. */
export const CELL_KIND = {account: 1, lock: 2, bucket: 3, asset: 4, holding: 5, sale: 6, pot: 7} as const;
/** Of every cell that is stored. */
export const CELL_KINDS: readonly Cell["kind"][] = ["account", "lock", "asset", "holding", "sale", "pot"];

export function cellKindOf(tag: number): Cell["kind"] | undefined {
  return CELL_KINDS.find((kind) => CELL_KIND[kind] === tag);
}

export function encodeCell(cell: Cell): Uint8Array {
  const writer = new ByteWriter().u8(CELL_VERSION).u8(CELL_KIND[cell.kind]);
  writeId(writer, cell.id);
  if (cell.kind === "asset") writeAsset(writer, cell);
  else if (cell.kind === "holding") writeHolding(writer, cell);
  else if (cell.kind === "sale") writeSale(writer, cell);
  else if (cell.kind === "pot") writePot(writer, cell);
  else writeLogCell(writer, cell);
  return writer.finish();
}

function writeLogCell(writer: ByteWriter, cell: LogCell): void {
  writeU64(writer, cell.seq);
  writeId(writer, cell.head);
  writeU128(writer, cell.in);
  writeU128(writer, cell.out);
  if (cell.kind === "account") writeAccount(writer, cell);
  else writeLock(writer, cell);
  writeFixed(writer, cell.exitAddress, ADDRESS_BYTES);
}

/** Throws `DECODE_INVALID`. */
export function decodeCell(bytes: Uint8Array): Cell {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== CELL_VERSION) refuse("version");
  const kind = reader.u8();
  const id = readId<CellId>(reader);
  const cell = readCellOf(reader, kind, id);
  reader.finish();
  return cell;
}

function readCellOf(reader: ByteReader, kind: number, id: CellId): Cell {
  if (kind === CELL_KIND.asset) return readAsset(reader, id);
  if (kind === CELL_KIND.holding) return readHolding(reader, id);
  if (kind === CELL_KIND.sale) return readSale(reader, id);
  if (kind === CELL_KIND.pot) return readPot(reader, id);
  const common = {
    id,
    seq: reader.u64(),
    head: readId<LogCell["head"]>(reader),
    in: reader.u128(),
    out: reader.u128(),
  };
  return kind === CELL_KIND.account ? readAccount(reader, common) : readLock(reader, common, kind);
}

/** Filled anew for each hash. */
const LEAF_ID = Buffer.alloc(1 + 32);
const LEAF_VALUE = Buffer.alloc(1 + ADDRESS_BYTES + 32);

/** Where the cell stands in the tree. */
export function leafIdOf(kind: Cell["kind"], id: CellId): Uint8Array {
  LEAF_ID[0] = CELL_KIND[kind];
  assert(LEAF_ID.write(id, 1, "hex") === 32, "a cell's id has 32 bytes");
  return sha256(LEAF_ID);
}

export function leafOf(cell: Cell): TreeLeaf {
  return leafOfEncoded(cell, encodeCell(cell));
}

/** The same, when the cell's bytes are at hand. */
export function leafOfEncoded(cell: Cell, bytes: Uint8Array): TreeLeaf {
  LEAF_VALUE[0] = CELL_KIND[cell.kind];
  LEAF_VALUE.set("exitAddress" in cell ? cell.exitAddress : ZERO_ADDRESS, 1);
  LEAF_VALUE.set(sha256(bytes), 1 + ADDRESS_BYTES);
  return {
    id: leafIdOf(cell.kind, cell.id),
    valueHash: sha256(LEAF_VALUE),
    sum: sumOf(cell),
  };
}

/** µCTZ that an exit pays for the cell. */
function sumOf(cell: Cell): bigint {
  switch (cell.kind) {
    case "account":
      return balanceOf(cell) + stakeOf(cell);
    case "lock":
    case "pot":
      return balanceOf(cell);
    case "asset":
    case "holding":
      return 0n;
    case "sale":
      return cell.spec.gives.asset === undefined ? balanceOf(cell) : 0n;
  }
}

const BUCKET = Uint8Array.of(CELL_KIND.bucket);

/** The treasury's leaf: always there, so that the tree is never empty. */
export function treasuryLeaf(sum: bigint): TreeLeaf {
  return {
    id: sha256(BUCKET, fromHex(ZERO_HASH)),
    valueHash: sha256(BUCKET, ZERO_ADDRESS, sha256()),
    sum,
  };
}

const TOTALS_FIELDS = [
  "accounts",
  "locks",
  "stake",
  "treasury",
  "pots",
  "burned",
  "withdrawn",
  "minted",
  "deposited",
] as const satisfies readonly (keyof Totals)[];

/** Nine u128 in the order of the type: part of the checkpoint. */
export function writeTotals(writer: ByteWriter, totals: Totals): void {
  for (const field of TOTALS_FIELDS) writeU128(writer, totals[field]);
}

export function readTotals(reader: ByteReader): Totals {
  return Object.fromEntries(TOTALS_FIELDS.map((field) => [field, reader.u128()])) as Totals;
}

type Common = Pick<LogCell, "id" | "seq" | "head" | "in" | "out">;

function writeAccount(writer: ByteWriter, cell: AccountCell): void {
  for (const kind of ["witness", "executor", "curate"] as const) writeU128(writer, cell.staked[kind]);
  writeU8(writer, cell.cooling.length);
  for (const {stake, amount, matureH} of cell.cooling) {
    writer.u8(STAKE_KIND[stake]);
    writeU128(writer, amount);
    writeU64(writer, matureH);
  }
  writeU128(writer, cell.leaving);
  writeU8(writer, cell.accepts.length);
  for (const {lockId, value, untilH} of cell.accepts) {
    writeId(writer, lockId);
    writeU64(writer, value);
    writeU64(writer, untilH);
  }
  writeFreeze(writer, cell.frozen);
  writeU64(writer, cell.convictedH);
  writeU128(writer, cell.withdrawn);
  writeU8(writer, cell.threshold);
  writeU8(writer, cell.keys.length);
  for (const key of cell.keys) writeFixed(writer, key, 32);
}

function readAccount(reader: ByteReader, common: Common): AccountCell {
  return {
    kind: "account",
    ...common,
    staked: {witness: reader.u128(), executor: reader.u128(), curate: reader.u128()},
    cooling: readList(reader, COOLING_MAX, () => ({
      stake: readStakeKind(reader),
      amount: reader.u128(),
      matureH: reader.u64(),
    })),
    leaving: reader.u128(),
    accepts: readList(reader, ACCEPTS_MAX, () => ({
      lockId: readId<LockId>(reader),
      value: reader.u64(),
      untilH: reader.u64(),
    })),
    frozen: readFreeze(reader),
    convictedH: reader.u64(),
    withdrawn: reader.u128(),
    threshold: reader.u8(),
    keys: readList(reader, ACCOUNT_KEYS_MAX, () => reader.raw(32)),
    exitAddress: readAddress(reader),
  };
}

function readAddress(reader: ByteReader): Uint8Array {
  const address = reader.raw(ADDRESS_BYTES);
  return address.some((byte) => byte !== 0) ? address : ZERO_ADDRESS;
}

/** Epoch 0 is the genesis alone, so a zero says that nothing is frozen. */
function writeFreeze(writer: ByteWriter, frozen: Freeze | undefined): void {
  writeU32(writer, frozen?.epoch ?? 0);
  writeU64(writer, frozen?.untilH ?? 0n);
}

function readFreeze(reader: ByteReader): Freeze | undefined {
  const [epoch, untilH] = [reader.u32(), reader.u64()];
  if (epoch === 0 && untilH !== 0n) refuse("freeze");
  return epoch === 0 ? undefined : {epoch, untilH};
}

function writeLock(writer: ByteWriter, cell: LockCell): void {
  writeId(writer, cell.payer);
  writeId(writer, cell.openOp);
  writeLockSpec(writer, cell.spec);
  writeU64(writer, cell.endH);
  writeU64(writer, cell.expiryH);
  writeFreeze(writer, cell.frozen);
  writeU64(writer, cell.paid);
  writeU8(writer, cell.awarded.length);
  for (const {taskId, amount, base} of cell.awarded) {
    writeId(writer, taskId);
    writeU64(writer, amount);
    writeU64(writer, base);
  }
  writeU64(writer, cell.drawn);
  writer.u8(cell.isClosed ? 1 : 0);
  writeU64(writer, cell.closedAt);
}

function readLock(reader: ByteReader, common: Common, kind: number): LockCell {
  if (kind !== CELL_KIND.lock) refuse("cellKind");
  return {
    kind: "lock",
    ...common,
    payer: readId(reader),
    openOp: readId(reader),
    spec: readLockSpec(reader),
    endH: reader.u64(),
    expiryH: reader.u64(),
    frozen: readFreeze(reader),
    paid: reader.u64(),
    awarded: readList(reader, AWARDED_MAX, () => ({
      taskId: readId<Hash>(reader),
      amount: reader.u64(),
      base: reader.u64(),
    })),
    drawn: reader.u64(),
    isClosed: readBoolean(reader),
    closedAt: reader.u64(),
    exitAddress: readAddress(reader),
  };
}
