/**
 * Canonical bytes of sale locks.
 *
 *   terms = gives lot | wants lot | only 32 (zeros: anybody) | expiryH u64 | refundTo 32
 *   lot   = asset 32 (zeros: CTZ) | amount u64
 *   cell  = version u8 | kind u8 | id 32 | payer 32 | openOp 32 | terms | in u128 | out u128 | sinceH u64 | rank 32 | isPlaced u8
 *         | isClosed u8 | closedAt u64 | partner 32 (zeros: none) | exitAddress 20
 */
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {AccountId, AssetId, CellId, Hash, LockId, OpId} from "../primitives/id.ts";
import {ADDRESS_BYTES, readBoolean, readId, writeFixed, writeId, writeU64, writeU128} from "./canonical.ts";
import {type SaleCell, ZERO_HASH} from "./cell.ts";
import type {Lot, SaleSpec} from "./op.ts";

export function writeSaleSpec(writer: ByteWriter, {gives, wants, only, expiryH, refundTo}: SaleSpec): void {
  writeLot(writer, gives);
  writeLot(writer, wants);
  writeId(writer, only ?? ZERO_HASH);
  writeU64(writer, expiryH);
  writeId(writer, refundTo);
}

export function readSaleSpec(reader: ByteReader): SaleSpec {
  const [gives, wants] = [readLot(reader), readLot(reader)];
  const only = idOrNone<AccountId>(reader);
  return {gives, wants, only, expiryH: reader.u64(), refundTo: readId(reader)};
}

export function writeSale(writer: ByteWriter, sale: SaleCell): void {
  writeId(writer, sale.payer);
  writeId(writer, sale.openOp);
  writeSaleSpec(writer, sale.spec);
  writeU128(writer, sale.in);
  writeU128(writer, sale.out);
  writeU64(writer, sale.sinceH);
  writeId(writer, sale.rank);
  writer.u8(sale.isPlaced ? 1 : 0).u8(sale.isClosed ? 1 : 0);
  writeU64(writer, sale.closedAt);
  writeId(writer, sale.partner);
  writeFixed(writer, sale.exitAddress, ADDRESS_BYTES);
}

export function readSale(reader: ByteReader, id: CellId): SaleCell {
  return {
    ...{
      kind: "sale",
      id,
      payer: readId<AccountId>(reader),
      openOp: readId<OpId>(reader),
      spec: readSaleSpec(reader),
    },
    ...{in: reader.u128(), out: reader.u128(), sinceH: reader.u64(), rank: readId<Hash>(reader)},
    ...{isPlaced: readBoolean(reader), isClosed: readBoolean(reader), closedAt: reader.u64()},
    ...{partner: readId<LockId>(reader), exitAddress: reader.raw(ADDRESS_BYTES)},
  };
}

function writeLot(writer: ByteWriter, {asset, amount}: Lot): void {
  writeId(writer, asset ?? ZERO_HASH);
  writeU64(writer, amount);
}

function readLot(reader: ByteReader): Lot {
  return {asset: idOrNone<AssetId>(reader), amount: reader.u64()};
}

function idOrNone<Id extends CellId>(reader: ByteReader): Id | undefined {
  const id = readId<Id>(reader);
  return (id as string) === ZERO_HASH ? undefined : id;
}
