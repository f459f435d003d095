/** Siblings of a path in the sum tree as bytes: u16 ≤ 256, (bit u8 | hash 32 | sum u128)… */
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {writeFixed, writeU8, writeU16, writeU128} from "./canonical.ts";
import type {TreeStep} from "./sumTree.ts";

const STEPS_MAX = 256;

export function writeTreeSteps(writer: ByteWriter, steps: readonly TreeStep[]): void {
  writeU16(writer, steps.length);
  for (const {bit, hash, sum} of steps) {
    writeU8(writer, bit);
    writeFixed(writer, hash, 32);
    writeU128(writer, sum);
  }
}

export function readTreeSteps(reader: ByteReader): TreeStep[] {
  const count = reader.count(reader.u16(), STEPS_MAX);
  return Array.from({length: count}, () => ({bit: reader.u8(), hash: reader.raw(32), sum: reader.u128()}));
}
