/**
 * Canonical bytes of a lock's specification.
 *
 *   controller 32 | controllerKey 32 | amount u64 | tag 32 | authority | splitCount u8 ≤ 8 | leg… | expiryH u64 | refundTo 32
 *   authority = 1 key 32 (payer) | 2 key 32 (key) | 3 key 32 (payerOrCommittee) | 4 startH u64 perH u64 (clock)
 *   leg       = 1 cell 32 bps u16 | 2 bps u16 (burn) | 3 bps u16 (treasury) | 4 asset 32 bps u16 (its pot)
 */
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {readId, refuse, writeFixed, writeId, writeU16, writeU64} from "./canonical.ts";
import type {Authority, LockSpec, SplitLeg} from "./op.ts";

export const SPLIT_LEGS_MAX = 8;

const AUTHORITY = {payer: 1, key: 2, payerOrCommittee: 3, clock: 4} as const;
const KEYED = {1: "payer", 2: "key", 3: "payerOrCommittee"} as const;
const TARGET = {cell: 1, burn: 2, treasury: 3, pot: 4} as const;

export function writeLockSpec(writer: ByteWriter, spec: LockSpec): void {
  writeId(writer, spec.controller);
  writeFixed(writer, spec.controllerKey, 32);
  writeU64(writer, spec.amount);
  writeId(writer, spec.tag);
  writeAuthority(writer, spec.authority);
  writer.u8(spec.split.length);
  for (const {target, bps} of spec.split) {
    writer.u8(TARGET[target.kind]);
    if (target.kind === "cell") writeId(writer, target.cell);
    if (target.kind === "pot") writeId(writer, target.seed);
    writeU16(writer, bps);
  }
  writeU64(writer, spec.expiryH);
  writeId(writer, spec.refundTo);
}

export function readLockSpec(reader: ByteReader): LockSpec {
  return {
    controller: readId(reader),
    controllerKey: reader.raw(32),
    amount: reader.u64(),
    tag: readId(reader),
    authority: readAuthority(reader),
    split: Array.from({length: reader.count(reader.u8(), SPLIT_LEGS_MAX)}, () => readLeg(reader)),
    expiryH: reader.u64(),
    refundTo: readId(reader),
  };
}

function writeAuthority(writer: ByteWriter, authority: Authority): void {
  writer.u8(AUTHORITY[authority.kind]);
  if (authority.kind === "clock") {
    writeU64(writer, authority.startH);
    writeU64(writer, authority.perH);
  } else {
    writeFixed(writer, authority.key, 32);
  }
}

function readAuthority(reader: ByteReader): Authority {
  const kind = reader.u8();
  if (kind === AUTHORITY.clock) return {kind: "clock", startH: reader.u64(), perH: reader.u64()};
  if (kind !== 1 && kind !== 2 && kind !== 3) return refuse("authority");
  return {kind: KEYED[kind], key: reader.raw(32)};
}

function readLeg(reader: ByteReader): SplitLeg {
  const kind = reader.u8();
  if (kind === TARGET.cell) return {target: {kind: "cell", cell: readId(reader)}, bps: reader.u16()};
  if (kind === TARGET.burn) return {target: {kind: "burn"}, bps: reader.u16()};
  if (kind === TARGET.treasury) return {target: {kind: "treasury"}, bps: reader.u16()};
  if (kind === TARGET.pot) return {target: {kind: "pot", seed: readId(reader)}, bps: reader.u16()};
  return refuse("splitTarget");
}
