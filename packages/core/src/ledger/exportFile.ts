/**
 * The file of `ctz ledger export`: a ledger's records, as `ledgerRecord.ts` orders them.
 *
 *   file   = "CTZ-LEDGER" | version u8 | genesis hash 32 | u32 length | genesis as canonical JSON | record… | end
 *   record = kind u8 | place | u32 length | bytes as stored
 *            1 entry: witness u16, n u64    2 checkpoint: height u64    3 head: nothing
 *            4 cell: id 32, cell kind u8    5 withdrawal: address 20      6 register: nothing
 *            7 snapshot: height u64         8 chunk: index u32
 *            9 governance: nothing          10 carried: nothing           11 places: height u64
 *   end    = 0 u8 | records u64
 *
 * Kinds come in groups: 7, 8, then entries and checkpoints mixed, then 3, 6, 9, 10, 11, 4, 5. Integers are big-endian. A place says
 * where the record was kept, so that a damaged one can be named.
 */
import {LIMITS} from "@catalyze/proto/limits";
import {hashHex} from "../crypto/sha256.ts";
import {CodedError} from "../errors/codedError.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {concat, equalBytes, fromUtf8, utf8} from "../primitives/bytes.ts";
import type {CellId} from "../primitives/id.ts";
import {ADDRESS_BYTES, readId, refuse, writeHex, writeId, writeU16, writeU32, writeU64} from "./canonical.ts";
import type {CellName} from "./cell.ts";
import {CELL_KIND, cellKindOf} from "./cellCodec.ts";
import {encodeGenesis, type Genesis} from "./genesis.ts";
import {GOVERNANCE_BYTES_MAX} from "./governanceCodec.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";
import {GENESIS_BYTES_MAX, parseGenesis} from "./parseGenesis.ts";
import {REGISTER_BYTES_MAX} from "./registerCodec.ts";

const MAGIC = utf8("CTZ-LEDGER");
const VERSION = 5;
const END = 0;
const HEADER_BYTES = MAGIC.length + 1 + 32 + 4;

/** Ops and places of entries between two cuts: a committee of 21 fills 64 MiB only with a quorum against it. */
const RESTART_BYTES_MAX = 256 * 1024 * 1024;

/** Bytes of one record by kind, with room above what the ledger writes. */
const KINDS = {
  snapshot: {tag: 7, group: 0, placeBytes: 8, bytesMax: LIMITS.snapshotHeadBytesMax},
  chunk: {tag: 8, group: 1, placeBytes: 4, bytesMax: LIMITS.snapshotChunkBytesMax},
  entry: {tag: 1, group: 2, placeBytes: 10, bytesMax: LIMITS.entryBytesMax},
  checkpoint: {tag: 2, group: 2, placeBytes: 8, bytesMax: LIMITS.marketFrameBytesMax},
  head: {tag: 3, group: 3, placeBytes: 0, bytesMax: 64},
  register: {tag: 6, group: 4, placeBytes: 0, bytesMax: REGISTER_BYTES_MAX},
  governance: {tag: 9, group: 5, placeBytes: 0, bytesMax: GOVERNANCE_BYTES_MAX},
  carried: {tag: 10, group: 6, placeBytes: 0, bytesMax: RESTART_BYTES_MAX},
  places: {tag: 11, group: 7, placeBytes: 8, bytesMax: RESTART_BYTES_MAX},
  cell: {tag: 4, group: 8, placeBytes: 33, bytesMax: 64 * 1024},
  withdrawal: {tag: 5, group: 9, placeBytes: ADDRESS_BYTES, bytesMax: 64},
} as const satisfies Record<LedgerRecord["kind"], object>;

type Kind = LedgerRecord["kind"];

export function encodeExportHeader(genesis: Genesis): Uint8Array {
  // Encoded once: ten thousand accounts take milliseconds.
  const bytes = encodeGenesis(genesis);
  const writer = new ByteWriter().raw(MAGIC).u8(VERSION);
  writeId(writer, hashHex(bytes));
  return writer.bytes(bytes).finish();
}

export function encodeExportRecord(record: LedgerRecord): Uint8Array {
  const writer = new ByteWriter().u8(KINDS[record.kind].tag);
  switch (record.kind) {
    case "entry":
      writeU16(writer, record.witness);
      writeU64(writer, record.n);
      break;
    case "checkpoint":
    case "snapshot":
    case "places":
      writeU64(writer, record.height);
      break;
    case "chunk":
      writeU32(writer, record.index);
      break;
    case "cell":
      writeId(writer, record.name.id);
      writer.u8(CELL_KIND[record.name.kind]);
      break;
    case "withdrawal":
      writeHex(writer, record.address, ADDRESS_BYTES);
      break;
    case "head":
    case "register":
    case "governance":
    case "carried":
      break;
  }
  return writer.bytes(record.bytes).finish();
}

/** `records` is how many came before it. */
export function encodeExportEnd(records: bigint): Uint8Array {
  const writer = new ByteWriter().u8(END);
  writeU64(writer, records);
  return writer.finish();
}

/** Reads a file piece by piece. Holds one record and one piece. Every method throws `LEDGER_FILE_INVALID`. */
export class ExportReader {
  #rest: Uint8Array = new Uint8Array();
  #genesis: Genesis | undefined;
  #group = 0;
  #records = 0n;
  #isEnded = false;

  /** What the file says it is; `undefined` until it was read. Its hash was checked. */
  get genesis(): Genesis | undefined {
    return this.#genesis;
  }

  /** The records that this piece completes. */
  *take(piece: Uint8Array): Generator<LedgerRecord> {
    this.#rest = this.#rest.length === 0 ? piece : concat(this.#rest, piece);
    if (this.#genesis === undefined && !this.#readHeader()) return;
    for (let record = this.#next(); record !== undefined; record = this.#next()) yield record;
    // A view would keep the whole piece.
    this.#rest = this.#rest.slice();
  }

  /** After the last piece. */
  finish(): void {
    if (!this.#isEnded) this.#refuse("truncated");
  }

  #readHeader(): boolean {
    const magic = MAGIC.subarray(0, this.#rest.length);
    if (!equalBytes(this.#rest.subarray(0, magic.length), magic)) this.#refuse("magic");
    if (this.#rest.length < HEADER_BYTES) return false;
    const reader = new ByteReader(this.#rest);
    reader.raw(MAGIC.length);
    if (reader.u8() !== VERSION) this.#refuse("version");
    const hash = readId(reader);
    const length = reader.u32();
    if (length > GENESIS_BYTES_MAX) this.#refuse("genesisLength");
    if (this.#rest.length < HEADER_BYTES + length) return false;
    const bytes = reader.raw(length);
    if (hashHex(bytes) !== hash) this.#refuse("genesisHash");
    const genesis = this.#decodedGenesis(bytes);
    this.#genesis = genesis;
    this.#rest = this.#rest.subarray(reader.offset);
    return true;
  }

  #decodedGenesis(bytes: Uint8Array): Genesis {
    try {
      const genesis = parseGenesis(fromUtf8(bytes));
      return equalBytes(encodeGenesis(genesis), bytes) ? genesis : refuse("genesis");
    } catch (cause) {
      return this.#refuse("genesis", cause);
    }
  }

  #next(): LedgerRecord | undefined {
    const tag = this.#rest[0];
    if (tag === undefined) return undefined;
    if (this.#isEnded) this.#refuse("trailingBytes");
    if (tag === END) {
      this.#readEnd();
      return undefined;
    }
    const kind = kindOf(tag);
    if (kind === undefined) return this.#refuse("kind");
    const {placeBytes, bytesMax, group} = KINDS[kind];
    const headBytes = 1 + placeBytes + 4;
    if (this.#rest.length < headBytes) return undefined;
    const view = new DataView(this.#rest.buffer, this.#rest.byteOffset, this.#rest.byteLength);
    const length = view.getUint32(1 + placeBytes);
    if (length > bytesMax) this.#refuse("recordLength");
    if (this.#rest.length < headBytes + length) return undefined;
    if (group < this.#group) this.#refuse("order");
    this.#group = group;
    this.#records += 1n;
    const record = readRecord(kind, new ByteReader(this.#rest.subarray(1, headBytes + length)), length);
    if (record === undefined) return this.#refuse("cellKind");
    this.#rest = this.#rest.subarray(headBytes + length);
    return record;
  }

  #readEnd(): void {
    if (this.#rest.length < 9) return;
    const reader = new ByteReader(this.#rest.subarray(1));
    if (reader.u64() !== this.#records) this.#refuse("recordCount");
    if (this.#rest.length > 9) this.#refuse("trailingBytes");
    this.#rest = new Uint8Array();
    this.#isEnded = true;
  }

  #refuse(reason: string, cause?: unknown): never {
    const evidence = {reason, record: this.#records};
    throw new CodedError("LEDGER_FILE_INVALID", {evidence, ...(cause === undefined ? {} : {cause})});
  }
}

function kindOf(tag: number): Kind | undefined {
  return (Object.keys(KINDS) as Kind[]).find((kind) => KINDS[kind].tag === tag);
}

function readRecord(kind: Kind, reader: ByteReader, length: number): LedgerRecord | undefined {
  const bytes = (): Uint8Array => {
    reader.u32();
    return reader.raw(length);
  };
  switch (kind) {
    case "entry":
      return {kind, witness: reader.u16(), n: reader.u64(), bytes: bytes()};
    case "checkpoint":
    case "snapshot":
    case "places":
      return {kind, height: reader.u64(), bytes: bytes()};
    case "chunk":
      return {kind, index: reader.u32(), bytes: bytes()};
    case "cell": {
      const name = readName(reader);
      return name && {kind, name, bytes: bytes()};
    }
    case "withdrawal":
      return {kind, address: reader.hex(ADDRESS_BYTES), bytes: bytes()};
    case "head":
    case "register":
    case "governance":
    case "carried":
      return {kind, bytes: bytes()};
  }
}

/** `undefined` for a kind that no cell has. */
function readName(reader: ByteReader): CellName | undefined {
  const id = readId<CellId>(reader);
  const kind = cellKindOf(reader.u8());
  return kind && {id, kind};
}
