/**
 * Canonical bytes of a lock's specification, and of the payouts of a free lock.
 *
 *   controller 32 | controllerKey 32 | amount u64 | tag 32 | authority | splitCount u8 ≤ 8 | leg… | expiryH u64 | refundTo 32
 *   authority = 1 key 32 (payer) | 2 key 32 (key) | 3 key 32 (payerOrCommittee) | 4 startH u64 perH u64 (clock)
 *             | 5 threshold u8 | count u8 ≤ 15, key 32… | count u8 ≤ 16 (0: anybody), target… (controller)
 *   leg       = target | bps u16
 *   target    = 1 cell 32 | 2 (burn) | 3 (treasury) | 4 asset 32 (its pot)
 *
 *   payouts   = count u8 ≤ 16, not 0, (target | amount u64)…
 */

import {ACCOUNT_KEYS_MAX} from "../crypto/accountId.ts";
import {assert} from "../errors/assert.ts";
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {readId, refuse, writeFixed, writeId, writeU8, writeU16, writeU64} from "./canonical.ts";
import type {Authority, LockSpec, Payout, SplitTarget} from "./op.ts";

export const SPLIT_LEGS_MAX = 8;
/** Whom a free lock may pay, unless that is anybody. */
export const PAYEES_MAX = 16;
/** Of one claim. */
export const PAYOUTS_MAX = 16;

const AUTHORITY = {payer: 1, key: 2, payerOrCommittee: 3, clock: 4, controller: 5} as const;
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
    writeTarget(writer, target);
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
    split: Array.from({length: reader.count(reader.u8(), SPLIT_LEGS_MAX)}, () => ({
      target: readTarget(reader),
      bps: reader.u16(),
    })),
    expiryH: reader.u64(),
    refundTo: readId(reader),
  };
}

function writeAuthority(writer: ByteWriter, authority: Authority): void {
  writer.u8(AUTHORITY[authority.kind]);
  if (authority.kind === "clock") {
    writeU64(writer, authority.startH);
    writeU64(writer, authority.perH);
  } else if (authority.kind === "controller") {
    writeFree(writer, authority);
  } else {
    writeFixed(writer, authority.key, 32);
  }
}

function readAuthority(reader: ByteReader): Authority {
  const kind = reader.u8();
  if (kind === AUTHORITY.clock) return {kind: "clock", startH: reader.u64(), perH: reader.u64()};
  if (kind === AUTHORITY.controller) return readFree(reader);
  if (kind !== 1 && kind !== 2 && kind !== 3) return refuse("authority");
  return {kind: KEYED[kind], key: reader.raw(32)};
}

type FreeAuthority = Extract<Authority, {kind: "controller"}>;

function writeFree(writer: ByteWriter, {threshold, beside, payees}: FreeAuthority): void {
  assert(payees?.length !== 0, "nobody to pay would read back as anybody");
  writeU8(writer, threshold);
  writeU8(writer, beside.length);
  for (const key of beside) writeFixed(writer, key, 32);
  writeU8(writer, payees?.length ?? 0);
  for (const payee of payees ?? []) writeTarget(writer, payee);
}

function readFree(reader: ByteReader): FreeAuthority {
  const threshold = reader.u8();
  const beside = Array.from({length: reader.count(reader.u8(), ACCOUNT_KEYS_MAX - 1)}, () => reader.raw(32));
  const count = reader.count(reader.u8(), PAYEES_MAX);
  const payees = count === 0 ? undefined : Array.from({length: count}, () => readTarget(reader));
  return {kind: "controller", payees, threshold, beside};
}

export function writePayouts(writer: ByteWriter, payouts: readonly Payout[]): void {
  assert(payouts.length > 0, "no payouts are written as none");
  writeU8(writer, payouts.length);
  for (const {to, amount} of payouts) {
    writeTarget(writer, to);
    writeU64(writer, amount);
  }
}

export function readPayouts(reader: ByteReader): readonly Payout[] {
  const count = reader.count(reader.u8(), PAYOUTS_MAX);
  if (count === 0) refuse("payouts");
  return Array.from({length: count}, () => ({to: readTarget(reader), amount: reader.u64()}));
}

/** Where money of a lock goes. */
function writeTarget(writer: ByteWriter, target: SplitTarget): void {
  writer.u8(TARGET[target.kind]);
  if (target.kind === "cell") writeId(writer, target.cell);
  if (target.kind === "pot") writeId(writer, target.seed);
}

function readTarget(reader: ByteReader): SplitTarget {
  const kind = reader.u8();
  if (kind === TARGET.cell) return {kind: "cell", cell: readId(reader)};
  if (kind === TARGET.burn) return {kind: "burn"};
  if (kind === TARGET.treasury) return {kind: "treasury"};
  if (kind === TARGET.pot) return {kind: "pot", seed: readId(reader)};
  return refuse("splitTarget");
}
