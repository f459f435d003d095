/** What several witnesses signed: u8 count, (seat u16 | signature 64)…, seats ascending. */
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {refuse, writeFixed, writeU8, writeU16} from "./canonical.ts";

export type WitnessSignature = {readonly witness: number; readonly signature: Uint8Array};

export function writeWitnessSignatures(writer: ByteWriter, signatures: readonly WitnessSignature[]): void {
  writeU8(writer, signatures.length);
  for (const {witness, signature} of signatures) {
    writeU16(writer, witness);
    writeFixed(writer, signature, 64);
  }
}

export function readWitnessSignatures(reader: ByteReader, countMax: number): readonly WitnessSignature[] {
  const count = reader.count(reader.u8(), countMax);
  const signatures = Array.from({length: count}, () => ({witness: reader.u16(), signature: reader.raw(64)}));
  const isAscending = signatures.every(
    ({witness}, index) => (signatures[index - 1]?.witness ?? -1) < witness,
  );
  return isAscending ? signatures : refuse("signatureOrder");
}
