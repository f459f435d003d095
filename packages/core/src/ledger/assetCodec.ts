/** Canonical bytes of assets and holdings, after version, kind and id: head of `cellCodec.ts`. */
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {AccountId, AssetId, CellId, Hash} from "../primitives/id.ts";
import {readId, writeId, writeU16, writeU64, writeU128} from "./canonical.ts";
import type {AssetCell, HoldingCell} from "./cell.ts";
import {ASSET_KIND} from "./op.ts";
import {readAssetKind} from "./payloadCodec.ts";

export function writeAsset(
  writer: ByteWriter,
  {issuer, asset, content, royaltyBps, ...counts}: AssetCell,
): void {
  writeId(writer, issuer);
  writer.u8(ASSET_KIND[asset]);
  writeId(writer, content);
  writeU16(writer, royaltyBps);
  writeU64(writer, counts.supply);
  writeU64(writer, counts.burned);
}

export function readAsset(reader: ByteReader, id: AssetId): AssetCell {
  return {
    ...{kind: "asset", id, issuer: readId<AccountId>(reader), asset: readAssetKind(reader)},
    ...{content: readId<Hash>(reader), royaltyBps: reader.u16(), supply: reader.u64(), burned: reader.u64()},
  };
}

export function writeHolding(writer: ByteWriter, {account, asset, in: credited, out}: HoldingCell): void {
  writeId(writer, account);
  writeId(writer, asset);
  writeU128(writer, credited);
  writeU128(writer, out);
}

export function readHolding(reader: ByteReader, id: CellId): HoldingCell {
  const [account, asset] = [readId<AccountId>(reader), readId<AssetId>(reader)];
  return {kind: "holding", id, account, asset, in: reader.u128(), out: reader.u128()};
}
