/** Canonical bytes of assets and holdings, after version, kind and id: head of `cellCodec.ts`. */
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {AccountId, AssetId, CellId, Hash} from "../primitives/id.ts";
import {readId, readU192, writeId, writeU16, writeU32, writeU64, writeU128, writeU192} from "./canonical.ts";
import type {AssetCell, HoldingCell} from "./cell.ts";
import {ASSET_KIND} from "./op.ts";
import {readAssetKind} from "./payloadCodec.ts";

export function writeAsset(
  writer: ByteWriter,
  {issuer, asset, content, royaltyBps, nextBps, nextEpoch, ...counts}: AssetCell,
): void {
  writeId(writer, issuer);
  writer.u8(ASSET_KIND[asset]);
  writeId(writer, content);
  writeU16(writer, royaltyBps);
  writeU16(writer, nextBps);
  writeU32(writer, nextEpoch);
  writeU64(writer, counts.supply);
  writeU64(writer, counts.burned);
}

export function readAsset(reader: ByteReader, id: AssetId): AssetCell {
  return {
    ...{kind: "asset", id, issuer: readId<AccountId>(reader), asset: readAssetKind(reader)},
    ...{content: readId<Hash>(reader), royaltyBps: reader.u16(), nextBps: reader.u16()},
    ...{nextEpoch: reader.u32(), supply: reader.u64(), burned: reader.u64()},
  };
}

export function writeHolding(
  writer: ByteWriter,
  {account, asset, in: credited, out, onSale, ...royalty}: HoldingCell,
): void {
  writeId(writer, account);
  writeId(writer, asset);
  writeU128(writer, credited);
  writeU128(writer, out);
  writeU64(writer, onSale);
  writeU192(writer, royalty.perUnit);
  writeU192(writer, royalty.earned);
  writeU128(writer, royalty.harvested);
}

export function readHolding(reader: ByteReader, id: CellId): HoldingCell {
  const [account, asset] = [readId<AccountId>(reader), readId<AssetId>(reader)];
  return {
    ...{kind: "holding", id, account, asset, in: reader.u128(), out: reader.u128()},
    ...{onSale: reader.u64(), perUnit: readU192(reader), earned: readU192(reader)},
    harvested: reader.u128(),
  };
}
