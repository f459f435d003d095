/** Canonical bytes of pots, after version, kind and id: head of `cellCodec.ts`. */
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {AssetId} from "../primitives/id.ts";
import {readU192, writeU128, writeU192} from "./canonical.ts";
import type {PotCell} from "./cell.ts";

export function writePot(writer: ByteWriter, {in: credited, out, perUnit, shared}: PotCell): void {
  writeU128(writer, credited);
  writeU128(writer, out);
  writeU192(writer, perUnit);
  writeU192(writer, shared);
}

export function readPot(reader: ByteReader, id: AssetId): PotCell {
  return {
    ...{kind: "pot", id, in: reader.u128(), out: reader.u128()},
    ...{perUnit: readU192(reader), shared: readU192(reader)},
  };
}
